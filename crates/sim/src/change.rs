//! Changes of the cluster that a question asks about: nodes that are gone, cordoned, drained or added, taints that are
//! removed, and workloads of another size.
//!
//! [`apply`] changes the objects of the input in the order in which the changes are given. Pods of nodes that are gone
//! lose their node, and their controllers are taken to make them again: they wait for a place under their old names. A
//! drain evicts during the run instead ([`drain`]), because disruption budgets allow more evictions only when the
//! evicted pods have a place again.

mod add;
pub mod budget;
pub mod drain;
pub mod nodes;
pub mod report;
mod scale;
#[cfg(test)]
mod tests;
pub mod untaint;

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::manifests::{Manifests, Place};
use berth_model::node::Node;
use berth_model::pod::Pod;
use berth_model::selector::LabelSelector;
use berth_model::workload::WorkloadKind;

use drain::NodeDrain;
use untaint::TaintSet;

/// A change of the cluster.
#[derive(Clone, Debug)]
pub enum Change {
    /// The nodes fail or are deleted, all at once.
    Without(NodeSet),
    /// The nodes are cordoned: they take no new pods.
    Cordon(NodeSet),
    /// The nodes are cordoned, and then their pods are evicted, one node after the other, as `kubectl drain` does.
    Drain(NodeSet),
    /// Taints of nodes are removed.
    Untaint(TaintSet),
    /// Nodes are added.
    Add(NewNodes),
    /// A workload gets another number of pods.
    Scale(Scale),
}

/// Nodes of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSet {
    /// What the user wrote.
    pub text: String,
    /// Which nodes it means.
    pub query: NodeQuery,
}

/// How nodes are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeQuery {
    /// By name.
    Name(Str),
    /// By labels.
    Labels(LabelSelector),
}

/// Nodes that are made from a template.
#[derive(Clone, Debug)]
pub struct NewNodes {
    /// What the user wrote.
    pub text: String,
    /// How many.
    pub count: usize,
    /// What they look like.
    pub template: NodeTemplate,
}

/// What new nodes look like.
#[derive(Clone, Debug)]
pub enum NodeTemplate {
    /// Like this one, which was read at a place.
    Node(Box<Node>, Place),
    /// Like the node of this name in the cluster.
    Existing(Str),
}

/// Another number of pods for a workload.
#[derive(Clone, Debug)]
pub struct Scale {
    /// What the user wrote.
    pub text: String,
    /// The kind of the workload.
    pub kind: WorkloadKind,
    /// Its namespace; `None` if the name is enough.
    pub namespace: Option<Str>,
    /// Its name.
    pub name: Str,
    /// `spec.replicas`, or `spec.parallelism` of a Job.
    pub count: i32,
}

/// What `kubectl drain` may delete.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrainOptions {
    /// `--force`: also pods without a controller, which are lost.
    pub force: bool,
    /// `--delete-emptydir-data`: also pods with an `emptyDir` volume.
    pub delete_empty_dir: bool,
}

/// A pod, and the node that it was on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodOnNode {
    /// Its namespace.
    pub namespace: Str,
    /// Its name.
    pub name: Str,
    /// The node.
    pub node: Str,
}

impl PodOnNode {
    /// A pod, if it is on a node.
    fn of(pod: &Pod) -> Option<Self> {
        let (namespace, name) = (pod.spec.namespace.clone(), pod.name.clone());
        Some(Self { namespace, name, node: pod.node.clone()? })
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// What kind of change was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nodes are gone.
    Removed,
    /// Nodes are cordoned.
    Cordoned,
    /// Nodes are drained.
    Drained,
    /// Nodes lost taints.
    Untainted,
    /// Nodes are added.
    Added,
    /// A workload had this many pods and gets another number; perhaps an autoscaler would change it back.
    Scaled {
        /// As in `Deployment shop/web`.
        workload: String,
        /// Before.
        from: i32,
        /// Now.
        to: i32,
        /// The least and the most pods of the autoscaler that is left out.
        autoscaler: Option<(i32, i32)>,
    },
}

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The change as the user wrote it, as in `--without zone=a`.
    pub change: String,
    /// What it did.
    pub action: Action,
    /// The nodes that it concerns, in the order of the input.
    pub nodes: Vec<Str>,
    /// Pods that have to move: they are made again and wait for a place. Those of a drain are known after the run.
    pub moved: Vec<PodOnNode>,
    /// Pods that no controller makes again.
    pub lost: Vec<PodOnNode>,
    /// How many daemon pods and static pods the nodes have.
    pub bound_pods: usize,
}

impl Effect {
    fn new(change: String, action: Action, nodes: Vec<Str>) -> Self {
        Self { change, action, nodes, moved: Vec::new(), lost: Vec::new(), bound_pods: 0 }
    }
}

/// What all changes did, and what is left to do during the run.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What each change did, in the order in which they were given.
    pub effects: Vec<Effect>,
    /// Nodes that are drained when everything else is done, in their order.
    pub drains: Vec<NodeDrain>,
    /// Disruption budgets, as drains see them.
    pub budgets: Vec<budget::Budget>,
    /// Pods that lost their nodes, as they were, and whether they are made again.
    pub(crate) gone: Vec<(Pod, bool)>,
}

impl Changes {
    /// The names of the nodes that were added.
    pub fn added_nodes(&self) -> Vec<String> {
        let added = self.effects.iter().filter(|effect| effect.action == Action::Added);
        added.flat_map(|effect| &effect.nodes).map(ToString::to_string).collect()
    }

    /// The namespaces and names of the pods that lost their nodes and are made again.
    pub fn moved_pods(&self) -> BTreeSet<(&Str, &Str)> {
        let moved = self.effects.iter().flat_map(|effect| &effect.moved);
        moved.map(|pod| (&pod.namespace, &pod.name)).collect()
    }
}

/// Changes the objects of a cluster, in the given order.
///
/// # Errors
/// For each change that names something that does not exist or cannot be changed so, a sentence that says what exists.
pub fn apply(
    manifests: &mut Manifests,
    changes: &[Change],
    options: DrainOptions,
) -> Result<Changes, Vec<String>> {
    let mut made = Changes::default();
    let mut problems = Vec::new();
    if changes.iter().any(|change| matches!(change, Change::Drain(_))) {
        made.budgets = budget::Budget::of(manifests);
    }
    for change in changes {
        let effect = match change {
            Change::Without(set) => nodes::remove(manifests, set, &mut made.gone),
            Change::Cordon(set) => nodes::cordon(manifests, set),
            Change::Drain(set) => drain::plan(manifests, set, options, made.effects.len(), &mut made.drains),
            Change::Untaint(set) => untaint::untaint(manifests, set),
            Change::Add(new) => add::add(manifests, new),
            Change::Scale(scale) => scale::scale(manifests, scale),
        };
        match effect {
            Ok(effect) => made.effects.push(effect),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(made) } else { Err(problems) }
}

/// Whether a pod belongs to its node: a daemon pod or a static pod. It is not evicted, and goes with the node.
pub(crate) fn is_bound(pod: &Pod) -> bool {
    pod.spec.controller.as_ref().is_some_and(|owner| matches!(&*owner.kind, "DaemonSet" | "Node"))
}

/// Whether a controller makes a pod again when it is deleted. A pod that is going away already is replaced before it is
/// gone, except in a StatefulSet.
pub(crate) fn comes_again(pod: &Pod) -> bool {
    let owner = pod.spec.controller.as_ref().filter(|_| !is_bound(pod));
    owner.is_some_and(|owner| !pod.terminating || &*owner.kind == "StatefulSet")
}

/// `a, b, c and 4 more`
pub fn list<T: AsRef<str>>(names: &[T], limit: usize) -> String {
    let few: Vec<&str> = names.iter().take(limit).map(AsRef::as_ref).collect();
    match names.len() - few.len() {
        0 => few.join(", "),
        rest => format!("{} and {rest} more", few.join(", ")),
    }
}
