//! What one scheduler was told and has decided, kept apart from it, to judge each of its placements at its moment.
//!
//! The cluster is built anew from that and the plain scan asked: nothing of what the scheduler keeps, indexes or caches is
//! used. A pod whose eviction was asked for counts as going, as Berth has it. Nominations are left out, since the scheduler
//! knows its own before anybody tells it; without them the scan is more lenient, never stricter.

use std::collections::{BTreeMap, BTreeSet};

use berth_engine::profile::Profile;
use berth_flow::{
    Action, Attempted, FailureKind, Flow, Input, Now, PodRef, Report, Request, Settings, Ticket,
};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};

/// The only time there is: none of what filters ask depends on it.
const NOW: Now = Now { millis: 0, unix_micros: 0 };

/// What one scheduler was told and has decided.
#[derive(Debug, Default)]
pub struct Witness {
    told: BTreeMap<ObjectKey, Object>,
    /// What was told of a kind since its listing began.
    listings: BTreeMap<Kind, BTreeSet<ObjectKey>>,
    /// Where pods were put that nobody says are bound, by uid.
    put: BTreeMap<Str, Str>,
    /// Evictions that were asked for and have not failed.
    evictions: BTreeMap<Ticket, Str>,
}

impl Witness {
    /// The scheduler is told something.
    pub fn take(&mut self, input: &Input) {
        match input {
            Input::Listing(kind) => drop(self.listings.insert(*kind, BTreeSet::new())),
            Input::Applied(object) => {
                let key = object.key();
                if let Some(listing) = self.listings.get_mut(&key.kind) {
                    listing.insert(key.clone());
                }
                self.told.insert(key, object.clone());
            }
            Input::Deleted(key) => drop(self.told.remove(key)),
            Input::Listed(kind) => {
                if let Some(listing) = self.listings.remove(kind) {
                    self.told.retain(|key, _| key.kind != *kind || listing.contains(key));
                }
            }
            Input::Reply(ticket, Err(failure)) if failure.kind != FailureKind::Gone => {
                self.evictions.remove(ticket);
            }
            Input::Unreadable { .. } | Input::Reply(..) | Input::Leads(_) => {}
        }
    }

    /// The scheduler wants something done.
    pub fn see(&mut self, action: &Action) {
        if let Request::Evict { victim, .. } = &action.request {
            self.evictions.insert(action.ticket, victim.uid.clone());
        }
    }

    /// The scheduler says what it did; what is wrong with that.
    pub fn hear(&mut self, report: &Report) -> Option<String> {
        match report {
            Report::Assumed(Attempted { pod, .. }, landing) => {
                let refused = self.why_not(pod, &landing.node, &[]);
                self.put.insert(pod.uid.clone(), landing.node.clone());
                refused.map(|why| format!("pod {pod} is put on node {}, where {why}", landing.node))
            }
            Report::Unbound { pod, .. } => {
                self.put.remove(&pod.uid);
                None
            }
            Report::Preempted { preemptor, node, victims } => {
                let refused = self.why_not(preemptor, node, victims);
                // As upstream has it, who is going anyway does not count for spreading, and is taken away once more.
                let refused = refused.filter(|why| !why.contains("PodTopologySpread"));
                refused
                    .map(|why| format!("pods go for pod {preemptor} from node {node}, where even so {why}"))
            }
            _ => None,
        }
    }

    /// Why a pod does not fit on a node once some are gone; `None`: it does.
    fn why_not(&self, pod: &PodRef, node: &Str, without: &[PodRef]) -> Option<String> {
        let flow = self.anew(without);
        let row = flow.find_pod(&pod.namespace, &pod.name);
        let Some(row) = row.filter(|&row| flow.scheduler().cluster().pods().entry(row).pod.uid == pod.uid)
        else {
            return Some("nobody ever told of the pod".to_owned());
        };
        let Some(node) = flow.scheduler().cluster().nodes().find(node) else {
            return Some("there is no such node".to_owned());
        };
        let found = flow.scheduler().assess(0, row);
        if found.feasible.contains(&node) {
            return None;
        }
        let verdict = found.rejected.iter().find(|(row, _)| *row == node).map(|(_, verdict)| verdict);
        Some(format!("it does not fit: {:?}", verdict.or(found.rejected_early.as_ref())))
    }

    /// A scheduler that was told all of it at once.
    fn anew(&self, without: &[PodRef]) -> Flow {
        let mut flow = Flow::new(Settings::new(vec![Profile::standard("default-scheduler")]));
        for object in self.told.values() {
            let mut object = object.clone();
            if let Object::Pod(manifest) = &mut object {
                let pod = &mut manifest.pod;
                if without.iter().any(|gone| gone.uid == pod.uid) {
                    continue;
                }
                pod.nominated_node = None;
                pod.terminating |= self.evictions.values().any(|uid| *uid == pod.uid);
                if pod.node.is_none() {
                    pod.node = self.put.get(&pod.uid).cloned();
                }
            }
            flow.take(NOW, Input::Applied(object));
        }
        flow
    }
}
