//! What one scheduler was told and has decided, kept apart from it, to judge each of its placements at its moment.
//!
//! The cluster is built anew from that and the plain scan asked: nothing of what the scheduler keeps, indexes or caches is
//! used. A pod whose eviction was asked for counts as going, as Berth has it. Nominations are left out, since the scheduler
//! knows its own before anybody tells it; without them the scan is more lenient, never stricter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_engine::profile::Profile;
use berth_engine::scan;
use berth_engine::verdict::Verdict;
use berth_flow::{Action, AttemptInfo, FailureKind, Input, PodRef, Report, Request, Ticket};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod::Pod;

/// Why a pod cannot be on a node.
#[derive(Debug)]
enum Refused {
    /// The scheduler was never told of the pod.
    UnknownPod,
    /// The scheduler knows no such node.
    UnknownNode,
    /// A plugin rejects the node, or the pod everywhere.
    By(Option<Verdict>),
}

impl Refused {
    fn rejecting_plugin(&self) -> Option<&str> {
        match self {
            Self::By(Some(verdict)) => Some(&verdict.plugin),
            _ => None,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPod => f.write_str("the scheduler was never told of the pod"),
            Self::UnknownNode => f.write_str("there is no such node"),
            Self::By(verdict) => write!(f, "it does not fit: {verdict:?}"),
        }
    }
}

/// What one scheduler was told and has decided.
pub struct ReferenceModel {
    profile: Profile,
    told: BTreeMap<ObjectKey, Object>,
    /// What was told of a kind since its listing began.
    listings: BTreeMap<Kind, BTreeSet<ObjectKey>>,
    /// Where pods were put that nobody says are bound, by uid.
    put: BTreeMap<Str, Str>,
    /// Evictions that were asked for and have not failed.
    evictions: BTreeMap<Ticket, Str>,
}

impl Default for ReferenceModel {
    fn default() -> Self {
        Self {
            profile: Profile::standard("default-scheduler"),
            told: BTreeMap::new(),
            listings: BTreeMap::new(),
            put: BTreeMap::new(),
            evictions: BTreeMap::new(),
        }
    }
}

impl ReferenceModel {
    /// The scheduler is told something.
    pub fn on_input(&mut self, input: &Input) {
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

    /// What was told last of an object.
    pub fn told(&self, key: &ObjectKey) -> Option<&Object> {
        self.told.get(key)
    }

    /// The scheduler wants something done.
    pub fn on_action(&mut self, action: &Action) {
        if let Request::Evict { victim, .. } = &action.request {
            self.evictions.insert(action.ticket, victim.uid.clone());
        }
    }

    /// The scheduler says what it did; what is wrong with that.
    pub fn on_report(&mut self, report: &Report) -> Option<String> {
        match report {
            Report::Assumed(AttemptInfo { pod, .. }, landing) => {
                let refused = self.why_not(pod, &landing.node, &[]);
                self.put.insert(pod.uid.clone(), landing.node.clone());
                refused.map(|why| format!("pod {pod} is put on node {}, where {why}", landing.node))
            }
            Report::BindingFailed { pod, .. } => {
                self.put.remove(&pod.uid);
                None
            }
            Report::Preempted { preemptor, node, victims } => {
                let refused = self.why_not(preemptor, node, victims)?;
                // Upstream removes each victim from the counts of PodTopologySpread, also a victim that is terminating
                // and so was never counted (podtopologyspread/filtering.go, `updateWithPod` and `calPreFilterState`).
                // The count may then be too low, and the node seems to fit.
                let is_quirk = refused.rejecting_plugin() == Some("PodTopologySpread")
                    && victims.iter().any(|victim| self.is_terminating(victim));
                (!is_quirk)
                    .then(|| format!("pods go for pod {preemptor} from node {node}, where even so {refused}"))
            }
            _ => None,
        }
    }

    /// Whether a pod is terminating, or its eviction was requested.
    fn is_terminating(&self, pod: &PodRef) -> bool {
        let key = ObjectKey { kind: Kind::Pod, namespace: pod.namespace.clone(), name: pod.name.clone() };
        let told =
            matches!(self.told.get(&key), Some(Object::Pod(m)) if m.pod.uid == pod.uid && m.pod.terminating);
        told || self.evictions.values().any(|uid| *uid == pod.uid)
    }

    /// Why a pod does not fit on a node once some are gone; `None`: it does.
    fn why_not(&self, pod: &PodRef, node: &Str, without: &[PodRef]) -> Option<Refused> {
        let cluster = self.rebuild(without);
        let named = |row: &PodRow| {
            let found = &cluster.pods().entry(*row).pod;
            found.uid == pod.uid && found.name == pod.name
        };
        let Some(row) = cluster.pods().rows().find(named) else { return Some(Refused::UnknownPod) };
        let Some(node) = cluster.nodes().find(node) else { return Some(Refused::UnknownNode) };
        let found = scan::diagnose(&self.profile, &cluster, row);
        if found.feasible.contains(&node) {
            return None;
        }
        let verdict = found.rejected.into_iter().find(|(row, _)| *row == node).map(|(_, verdict)| verdict);
        Some(Refused::By(verdict.or(found.rejected_early)))
    }

    /// The cluster as the scheduler must see it, built from nothing. Only the pods of `without` are left out.
    fn rebuild(&self, without: &[PodRef]) -> Cluster {
        let mut cluster = Cluster::default();
        for object in self.told.values() {
            match object {
                Object::Node(node) => drop(cluster.upsert_node(node.clone())),
                Object::Pod(manifest) => {
                    let gone = manifest.finished || without.iter().any(|gone| gone.uid == manifest.pod.uid);
                    let pod = self.pod_as_decided(&manifest.pod);
                    if !gone
                        && (pod.node.is_some() || *pod.spec.scheduler_name == *self.profile.scheduler_name)
                    {
                        cluster.add_pod(pod);
                    }
                }
                other => cluster.apply_object(other.clone()),
            }
        }
        cluster
    }

    /// A pod as it was told, with what the scheduler decided about it since.
    fn pod_as_decided(&self, told: &Pod) -> Pod {
        let mut pod = told.clone();
        pod.nominated_node = None;
        pod.terminating |= self.evictions.values().any(|uid| *uid == pod.uid);
        if pod.node.is_none() {
            pod.node = self.put.get(&pod.uid).cloned();
        }
        pod
    }
}
