//! A reference model of one scheduler: it checks each decision at the time when it is made.
//!
//! The model keeps what the scheduler has received and decided. It builds a cluster from scratch and runs the plain
//! scan on it, without any index or cache of the scheduler. A pod whose eviction was requested counts as terminating,
//! as in Berth. Nominations are left out, since the scheduler knows its own ones earlier. Without them the scan accepts
//! more, never less.

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

/// Why a pod does not fit on a node.
#[derive(Debug)]
enum Refused {
    /// The scheduler has not received the pod.
    UnknownPod,
    /// The scheduler does not know the node.
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
            Self::UnknownPod => f.write_str("the scheduler has not received the pod"),
            Self::UnknownNode => f.write_str("there is no such node"),
            Self::By(verdict) => write!(f, "it does not fit: {verdict:?}"),
        }
    }
}

/// What one scheduler has received and decided.
pub struct ReferenceModel {
    profile: Profile,
    received: BTreeMap<ObjectKey, Object>,
    /// The objects of a kind that were received since its listing began.
    listings: BTreeMap<Kind, BTreeSet<ObjectKey>>,
    /// The nodes of assumed pods, by uid.
    put: BTreeMap<Str, Str>,
    /// Evictions that were requested and have not failed.
    evictions: BTreeMap<Ticket, Str>,
    /// Evictions that have no reply or that succeeded.
    open_evictions: BTreeMap<Ticket, Str>,
}

impl Default for ReferenceModel {
    fn default() -> Self {
        Self {
            profile: Profile::standard("default-scheduler"),
            received: BTreeMap::new(),
            listings: BTreeMap::new(),
            put: BTreeMap::new(),
            evictions: BTreeMap::new(),
            open_evictions: BTreeMap::new(),
        }
    }
}

impl ReferenceModel {
    /// The scheduler receives an input.
    pub fn on_input(&mut self, input: &Input) {
        match input {
            Input::Listing(kind) => drop(self.listings.insert(*kind, BTreeSet::new())),
            Input::Applied(object) => {
                let key = object.key();
                if let Some(listing) = self.listings.get_mut(&key.kind) {
                    listing.insert(key.clone());
                }
                self.received.insert(key, object.clone());
            }
            Input::Deleted(key) => drop(self.received.remove(key)),
            Input::Listed(kind) => {
                if let Some(listing) = self.listings.remove(kind) {
                    self.received.retain(|key, _| key.kind != *kind || listing.contains(key));
                }
            }
            Input::Reply(ticket, Err(failure)) => {
                self.open_evictions.remove(ticket);
                if failure.kind != FailureKind::Gone {
                    self.evictions.remove(ticket);
                }
            }
            Input::Unreadable { .. } | Input::Reply(..) | Input::Leads(_) => {}
        }
    }

    /// The last version of an object that was received.
    pub fn received(&self, key: &ObjectKey) -> Option<&Object> {
        self.received.get(key)
    }

    /// The scheduler sends an action. Returns what is wrong with it.
    pub fn on_action(&mut self, action: &Action) -> Option<String> {
        let Request::Evict { victim, .. } = &action.request else { return None };
        let again = self.open_evictions.values().any(|uid| *uid == victim.uid);
        self.evictions.insert(action.ticket, victim.uid.clone());
        self.open_evictions.insert(action.ticket, victim.uid.clone());
        again.then(|| format!("the eviction of pod {victim} is requested again though it did not fail"))
    }

    /// The scheduler reports a decision. Returns what is wrong with it.
    pub fn on_report(&mut self, report: &Report) -> Option<String> {
        match report {
            Report::Assumed(AttemptInfo { pod, .. }, landing) => {
                let refused = self.why_not(pod, &landing.node, &[]);
                self.put.insert(pod.uid.clone(), landing.node.clone());
                refused.map(|why| format!("pod {pod} is assumed on node {}, but {why}", landing.node))
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
                (!is_quirk).then(|| {
                    format!("pods are evicted for pod {preemptor} from node {node}, and still {refused}")
                })
            }
            _ => None,
        }
    }

    /// Whether a pod is terminating, or its eviction was requested.
    fn is_terminating(&self, pod: &PodRef) -> bool {
        let key = ObjectKey { kind: Kind::Pod, namespace: pod.namespace.clone(), name: pod.name.clone() };
        let is_terminating = matches!(self.received.get(&key), Some(Object::Pod(m)) if m.pod.uid == pod.uid && m.pod.terminating);
        is_terminating || self.evictions.values().any(|uid| *uid == pod.uid)
    }

    /// Why a pod does not fit on a node without these pods; `None` if it fits.
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

    /// The cluster that the scheduler must see, built from scratch, without the pods of `without`.
    fn rebuild(&self, without: &[PodRef]) -> Cluster {
        let mut cluster = Cluster::default();
        for object in self.received.values() {
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

    /// A pod as it was received, with what the scheduler has decided about it since.
    fn pod_as_decided(&self, received: &Pod) -> Pod {
        let mut pod = received.clone();
        pod.nominated_node = None;
        pod.terminating |= self.evictions.values().any(|uid| *uid == pod.uid);
        if pod.node.is_none() {
            pod.node = self.put.get(&pod.uid).cloned();
        }
        pod
    }
}
