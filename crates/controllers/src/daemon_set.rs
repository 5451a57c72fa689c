//! DaemonSets: one pod on each node that takes it.
//!
//! Upstream: `daemon/daemon_controller.go` (`manage`, `nodeShouldRunDaemonPod`), `daemon/update.go` (`rollingUpdate`).

#[cfg(test)]
mod tests;
mod update;

use berth_model::UnixSeconds;
use berth_model::node::{Node, TaintEffect};
use berth_model::pod::PodSpec;
use berth_model::workload::Share;

use crate::change::{NewPod, PodChange};
use crate::pod::PodState;

/// `spec.updateStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `OnDelete`: a pod is replaced only if somebody deletes it.
    OnDelete,
    /// `RollingUpdate`; both numbers are shares of the nodes that should run a pod, rounded up.
    RollingUpdate {
        /// `maxSurge`.
        surge: Share,
        /// `maxUnavailable`.
        unavailable: Share,
    },
}

/// A node, and whether it takes a pod of the DaemonSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// The caller's number of the node.
    pub id: u32,
    /// A pod should run there.
    pub should_run: bool,
    /// A pod that runs there may stay: no taint of the effect `NoExecute` is against it.
    pub may_stay: bool,
}

/// What the controller sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `spec.updateStrategy`.
    pub strategy: Strategy,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: i32,
    /// `metadata.deletionTimestamp` is set: it does nothing.
    pub terminating: bool,
    /// All nodes, in the order in which they are updated. Upstream's order is random.
    pub nodes: &'a [NodeState],
    /// For each node its pods: those that are bound to it and those that are meant for it.
    pub pods: &'a [Vec<PodState>],
}

/// Whether a node should run a pod of this spec, and whether one that is there may stay. The spec has the tolerations
/// that all daemon pods have, and the affinity of the template.
pub fn fits(node: &Node, spec: &PodSpec, bound_to: Option<&str>) -> (bool, bool) {
    let selected = spec.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
    let required = spec.node_affinity.required.as_ref();
    let matches = bound_to.is_none_or(|name| name == &*node.name)
        && selected
        && required.is_none_or(|selector| selector.matches(&node.name, &node.labels));
    let tolerated = |effects: &[TaintEffect]| {
        let against = node.taints.iter().filter(|taint| effects.contains(&taint.effect));
        against.into_iter().all(|taint| spec.tolerations.iter().any(|t| t.tolerates(taint)))
    };
    let should_run = matches && tolerated(&[TaintEffect::NoSchedule, TaintEffect::NoExecute]);
    (should_run, matches && tolerated(&[TaintEffect::NoExecute]))
}

/// One sync. An update goes on only if no pod is missing or surplus, as upstream waits for what it has asked for.
pub fn reconcile(view: &View<'_>, now: UnixSeconds) -> Vec<PodChange> {
    if view.terminating {
        return Vec::new();
    }
    let mut changes = Vec::new();
    let surges = match view.strategy {
        Strategy::OnDelete => false,
        Strategy::RollingUpdate { surge, .. } => surge != Share::Pods(0) && surge != Share::Percent(0),
    };
    for (node, pods) in view.nodes.iter().zip(view.pods) {
        manage(view, node, pods, surges, now, &mut changes);
    }
    if changes.is_empty() {
        changes = update::reconcile(view, now);
    }
    changes
}

/// Makes the pod of a node, and deletes those that should not be there.
fn manage(
    view: &View<'_>,
    node: &NodeState,
    pods: &[PodState],
    surges: bool,
    now: UnixSeconds,
    changes: &mut Vec<PodChange>,
) {
    let delete = |pod: &PodState| PodChange::Delete(pod.id);
    if node.should_run && pods.is_empty() {
        return changes.push(PodChange::Create(NewPod::OnNode(node.id)));
    }
    let present = pods.iter().filter(|pod| !pod.terminating);
    if !node.may_stay {
        return changes.extend(present.map(delete));
    }
    let (ended, mut running): (Vec<&PodState>, Vec<&PodState>) = present.partition(|pod| pod.has_ended());
    changes.extend(ended.into_iter().map(delete));
    // Scheduled pods first, then older ones.
    running
        .sort_by(|a, b| (a.node.is_none(), a.created, &a.name).cmp(&(b.node.is_none(), b.created, &b.name)));
    if !surges {
        return changes.extend(running.into_iter().skip(1).map(delete));
    }
    if running.is_empty() && node.should_run {
        return changes.push(PodChange::Create(NewPod::OnNode(node.id)));
    }
    if running.len() < 2 {
        return;
    }
    let first_new = running.iter().position(|pod| pod.updated);
    let first_old = running.iter().position(|pod| !pod.updated);
    let surplus = |at: &usize| Some(*at) != first_new && Some(*at) != first_old;
    changes.extend((0..running.len()).filter(surplus).map(|at| delete(running[at])));
    if let (Some(new), Some(old)) = (first_new.map(|at| running[at]), first_old.map(|at| running[at]))
        && (!old.ready || new.is_available(view.min_ready_seconds, now))
    {
        changes.push(delete(old));
    }
}

/// The pods of a node that are made from the present template and from an older one; `None` if there are two of a kind.
fn updated_and_old(pods: &[PodState]) -> Option<(Option<&PodState>, Option<&PodState>)> {
    let (mut new, mut old) = (None, None);
    for pod in pods.iter().filter(|pod| !pod.terminating) {
        let place = if pod.updated { &mut new } else { &mut old };
        if place.replace(pod).is_some() {
            return None;
        }
    }
    Some((new, old))
}
