//! The changes of a recording, with another configuration of the scheduler.
//!
//! The changes that others made are taken from the recording: pods that were created and deleted, nodes that were
//! added, changed and removed. The scheduler's own actions are not: the other configuration binds and evicts on its
//! own, and each action succeeds at once. A pod that is bound in the recording stays where the other configuration
//! placed it.

use std::collections::BTreeMap;
use std::io::Read;

use berth_flow::{Answer, Input, Now, PodRef, Report, Request, SchedulingLoop, Settings};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod_manifest::PodManifest;

use crate::entry::Entry;
use crate::reader::{ReadError, Reader};

/// The placement of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The node.
    pub node: Str,
    /// Milliseconds from its creation to its placement.
    pub waited_millis: u64,
}

/// The placements in the recording and with the other configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// By `namespace/name`; `None`: the pod is pending. Of a pod that was recreated, the last one counts.
    pub pods: BTreeMap<String, [Option<Placement>; 2]>,
    /// The victims of preemption, by `namespace/name`, in the recording and with the other configuration.
    pub evicted: [Vec<String>; 2],
}

/// One side of the comparison.
struct Side {
    flow: SchedulingLoop,
    /// The nodes of placed pods, by uid.
    nodes: BTreeMap<Str, Str>,
    gone: BTreeMap<Str, PodRef>,
}

/// Replays a recording with the recorded configuration and with another one.
///
/// # Errors
/// If the recording is damaged.
pub fn compare<R: Read>(
    reader: &mut Reader<R>,
    recorded: Settings,
    other: Settings,
) -> Result<Comparison, ReadError> {
    let mut actual = SchedulingLoop::new(recorded);
    let mut side = Side { flow: SchedulingLoop::new(other), nodes: BTreeMap::new(), gone: BTreeMap::new() };
    let mut result = Comparison::default();
    let mut came: BTreeMap<String, u64> = BTreeMap::new();
    let mut ours: BTreeMap<Str, Str> = BTreeMap::new();
    while let Some(entry) = reader.next_entry()? {
        let now = match &entry {
            Entry::Take(now, _) | Entry::Attempt(now) => *now,
            Entry::Header(_) | Entry::Did(..) => continue,
        };
        match entry {
            Entry::Take(_, input) => {
                if let Input::Applied(Object::Pod(pod)) = &*input
                    && pod.pod.node.is_none()
                {
                    came.entry(pod.pod.key()).or_insert(now.millis);
                }
                side.take(now, &input, &ours);
                actual.take(now, *input);
            }
            Entry::Attempt(_) => drop(actual.attempt(now)),
            Entry::Header(_) | Entry::Did(..) => {}
        }
        drop(actual.drain_actions());
        let reports: Vec<Report> = actual.drain_reports().collect();
        for report in &reports {
            if let Report::Assumed(attempted, landing) = report {
                ours.insert(attempted.pod.uid.clone(), landing.node.clone());
            }
        }
        add(reports, 0, now, &came, &mut result);
        let reports = side.run(now);
        add(reports, 1, now, &came, &mut result);
    }
    Ok(result)
}

/// Adds the reports of one side to the result.
fn add(reports: Vec<Report>, side: usize, now: Now, came: &BTreeMap<String, u64>, result: &mut Comparison) {
    for report in reports {
        match report {
            Report::Assumed(attempted, landing) => {
                let key = attempted.pod.to_string();
                let since = came.get(&key).copied().unwrap_or(now.millis);
                let waited_millis = now.millis.saturating_sub(since);
                result.pods.entry(key).or_default()[side] =
                    Some(Placement { node: landing.node, waited_millis });
            }
            Report::Unschedulable(attempted, _) | Report::Failed(attempted, _) => {
                result.pods.entry(attempted.pod.to_string()).or_default();
            }
            Report::BindingFailed { pod, .. } => result.pods.entry(pod.to_string()).or_default()[side] = None,
            Report::Preempted { victims, .. } => {
                for victim in victims {
                    let key = victim.to_string();
                    if let Some(pod) = result.pods.get_mut(&key) {
                        pod[side] = None;
                    }
                    result.evicted[side].push(key);
                }
            }
            Report::Queued { .. } | Report::Bound { .. } | Report::Warning(_) => {}
        }
    }
}

impl Side {
    /// Takes a change that others made. `ours` are the pods that the recorded scheduler placed, by uid.
    fn take(&mut self, now: Now, input: &Input, ours: &BTreeMap<Str, Str>) {
        match input {
            Input::Reply(..) => {}
            Input::Applied(Object::Pod(pod)) => {
                let uid = &pod.pod.uid;
                if self.gone.contains_key(uid) || pod.pod.preempted {
                    return; // the other configuration decides about its victims
                }
                let mut pod = pod.clone();
                if pod.pod.node.is_some() && ours.contains_key(uid) {
                    pod.pod.node = self.nodes.get(uid).cloned();
                }
                pod.pod.nominated_node = None;
                self.flow.take(now, Input::Applied(Object::Pod(pod)));
            }
            other => self.flow.take(now, other.clone()),
        }
    }

    /// Attempts pods until nothing is left to do. Every action succeeds.
    fn run(&mut self, now: Now) -> Vec<Report> {
        let mut reports = Vec::new();
        loop {
            let tried = self.flow.attempt(now);
            reports.extend(self.flow.drain_reports());
            let actions: Vec<_> = self.flow.drain_actions().collect();
            if !tried && actions.is_empty() {
                return reports;
            }
            for action in actions {
                match &action.request {
                    Request::Emit(_) => continue,
                    Request::Bind { pod, node } => drop(self.nodes.insert(pod.uid.clone(), node.clone())),
                    Request::Evict { victim, .. } => self.evict(now, victim),
                    _ => {}
                }
                self.flow.take(now, Input::Reply(action.ticket, Ok(Answer::Done)));
                if let Request::Bind { pod, node } = &action.request {
                    self.confirm(now, pod, node);
                }
            }
        }
    }

    fn evict(&mut self, now: Now, victim: &PodRef) {
        self.gone.insert(victim.uid.clone(), victim.clone());
        let key =
            ObjectKey { kind: Kind::Pod, namespace: victim.namespace.clone(), name: victim.name.clone() };
        self.flow.take(now, Input::Deleted(key));
    }

    /// Confirms a binding, as the watch would.
    fn confirm(&mut self, now: Now, pod: &PodRef, node: &Str) {
        let Some(row) = self.flow.find_pod(&pod.namespace, &pod.name) else { return };
        let mut bound = self.flow.scheduler().cluster().pods().entry(row).pod.clone();
        bound.node = Some(node.clone());
        bound.nominated_node = None;
        let manifest = PodManifest::of(bound);
        self.flow.take(now, Input::Applied(Object::Pod(Box::new(manifest))));
    }
}
