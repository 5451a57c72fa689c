//! The cluster as the engine sees it: nodes in columns, pods in classes, and all else that decides.
//!
//! There is one writer. Every change goes through the methods here and leaves an entry in the [`ChangeLog`].
//! Invariants: a pod is on one node or on none; a node's `requested` is the sum over its pods; any batching of the same
//! changes gives the same state.

mod budgets;
mod change;
mod class_index;
mod class_key;
mod classes;
mod device_answers;
mod devices;
mod domains;
mod images;
mod load;
mod name_order;
mod namespaces;
mod nodes;
mod nominations;
mod objects;
mod owners;
mod pod_stats;
mod pod_update;
mod pods;
pub mod storage;
mod tally;
mod trial;

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_devices::objects::DeviceObjects;
use berth_model::Str;
use berth_model::node::Node;
use berth_model::pod::{Pod, PodSpec};

pub use budgets::Budget;
pub use change::{Change, ChangeLog, DeviceScope, PodChange};
pub use class_index::ClassIndex;
pub(crate) use device_answers::{DeviceAnswer, DeviceAnswers};
pub use devices::assumed_uid;
pub(crate) use devices::has_same_devices;
pub use domains::{Domains, PartitionKey, UniformColumns};
pub use images::Images;
pub use load::Loads;
pub use name_order::NameOrder;
pub use nodes::Nodes;
pub use owners::Owner;
pub use pod_stats::{NodePodStats, Start, TRACKED_RESOURCES};
pub use pods::{Placement, Placements, PodEntry, Pods};
pub use storage::{Assumed, Storage};
pub(crate) use storage::{
    Attached, AttachedVolumes, Capacity, ClassVolumes, FoundVolumes, FreeVolume, NodeVolumes, VolumeNumbers,
};
pub use tally::Tally;
pub use trial::{Trial, TrialEnd};

use crate::ids::resources::Resources;
use crate::ids::symbols::{LabelSet, Symbols};
use crate::ids::{NodeRow, PodClassId, PodRow, Sym};
use device_answers::AnswerCache;
use nominations::Nominations;
use storage::index::VolumeIndex;
use trial::{Undo, UndoLog};

/// Everything that scheduling decisions depend on.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    symbols: Symbols,
    resources: Resources,
    nodes: Nodes,
    loads: Loads,
    pods: Pods,
    namespaces: BTreeMap<Sym, LabelSet>,
    owners: BTreeMap<Str, Vec<Owner>>,
    budgets: Vec<Budget>,
    storage: Storage,
    devices: DeviceObjects,
    device_answers: AnswerCache,
    volume_index: VolumeIndex,
    nominations: Nominations,
    /// Pods bound to nodes that are not there, by node name. They take their room when the node comes.
    pods_on_missing_node: BTreeMap<Str, Vec<PodRow>>,
    changes: ChangeLog,
    undo: UndoLog,
}

impl Cluster {
    /// Interned strings.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Kinds of resources.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Nodes.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Pods and their classes.
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// Storage objects.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Storage objects, to change many of them. All indexes over storage are rebuilt.
    pub fn storage_mut(&mut self) -> &mut Storage {
        self.note(|cluster| Undo::Storage(Box::new(cluster.storage.clone())));
        self.changes.push(Change::Storage);
        self.volume_index.storage_changed();
        &mut self.storage
    }

    /// Pods that are bound to a node which is not there.
    pub fn pods_on_missing_node(&self, node: &str) -> &[PodRow] {
        self.pods_on_missing_node.get(node).map_or(&[], |list| list)
    }

    /// What changed, by sequence number.
    pub fn changes(&self) -> &ChangeLog {
        &self.changes
    }

    /// Interns a string, for profiles whose arguments name labels.
    pub fn intern(&mut self, text: &str) -> Sym {
        self.symbols.intern(text)
    }

    /// The class of a spec, whether or not a pod has it yet.
    pub fn classify(&mut self, spec: &Arc<PodSpec>) -> PodClassId {
        let class = self.pods.classify(spec, &mut self.symbols, &mut self.resources);
        self.nodes.add_resource_columns(self.resources.len());
        self.split_classes();
        class
    }

    /// Splits classes of pods that differ in labels which a selector mentions for the first time.
    fn split_classes(&mut self) {
        let keys = self.pods.take_new_mentions();
        if keys.is_empty() {
            return;
        }
        let names: Vec<Str> = keys.into_iter().map(|key| self.symbols.text(key).clone()).collect();
        let concerns = |pod: &Pod| names.iter().any(|name| pod.spec.labels.contains_key(name));
        let rows: Vec<PodRow> = self.pods.rows().filter(|&row| concerns(&self.pods.entry(row).pod)).collect();
        for row in rows {
            let spec = self.pods.entry(row).pod.spec.clone();
            let class = self.pods.classify(&spec, &mut self.symbols, &mut self.resources);
            let old = self.pods.entry(row).class;
            if old == class {
                continue;
            }
            self.pods.reclassify(row, class);
            let entry = self.pods.entry(row);
            let terminating = i8::from(entry.pod.terminating);
            if let Some(row) = entry.row {
                let left = PodChange { row, class: old, pods: -1, terminating: -terminating };
                self.changes.push(Change::Pod(left));
                self.changes.push(Change::Pod(PodChange { row, class, pods: 1, terminating }));
            }
        }
        self.retire_classes();
    }

    /// Adds a node, or replaces the one of the same name. Pods that were bound to it take their room.
    pub fn upsert_node(&mut self, node: Node) -> NodeRow {
        if let Some(row) = self.nodes.find(&node.name) {
            let old = self.nodes.object(row);
            if *old == node {
                return row; // a heartbeat changes nothing that decides
            }
            let labels_changed = old.labels != node.labels;
            self.note_node(row);
            if labels_changed {
                self.volume_index.nodes_changed();
            }
            self.loads.read_annotations(row, &node);
            self.nodes.replace(row, node, &mut self.symbols, &mut self.resources);
            self.changes.push(Change::NodeChanged(row));
            return row;
        }
        self.volume_index.nodes_changed();
        let name = node.name.clone();
        self.note(|_| Undo::Node(name.clone(), None));
        self.nodes.add_resource_columns(self.resources.len());
        let row = self.nodes.insert(node, &mut self.symbols, &mut self.resources);
        self.loads.read_annotations(row, self.nodes.object(row));
        self.changes.push(Change::NodeAdded(row));
        for pod in self.pods_on_missing_node.remove(&name).unwrap_or_default() {
            self.place(pod, row);
        }
        self.attach_pending(row);
        row
    }

    /// Removes a node. Its pods stay known, bound to a node that is not there.
    pub fn remove_node(&mut self, row: NodeRow) {
        self.note_node(row);
        let name = self.nodes.name(row).clone();
        let pods = self.nodes.pods(row).to_vec();
        for &pod in &pods {
            self.displace(pod);
        }
        if !pods.is_empty() {
            self.pods_on_missing_node.insert(name, pods);
        }
        self.detach_pending(row);
        self.nodes.remove(row);
        self.loads.clear(row);
        self.volume_index.nodes_changed();
        self.changes.push(Change::NodeRemoved(row));
    }

    /// Adds a pod. One that is bound takes room on its node, one that is nominated is counted there for others.
    pub fn add_pod(&mut self, pod: Pod) -> PodRow {
        let class = self.classify(&pod.spec);
        let row = self.pods.insert(pod, class);
        self.note(|_| Undo::Pod(row, None));
        self.count_pod(row);
        row
    }

    /// Counts a pod where it belongs: on its node, at the node that it is nominated to, or nowhere yet.
    fn count_pod(&mut self, row: PodRow) {
        let pod = &self.pods.entry(row).pod;
        match (pod.node.clone(), pod.nominated_node.clone()) {
            (Some(name), _) => match self.nodes.find(&name) {
                Some(node) => self.place(row, node),
                None => self.pods_on_missing_node.entry(name).or_default().push(row),
            },
            (None, Some(name)) => self.count_nomination(row, &name),
            (None, None) => {}
        }
    }

    /// Removes a pod and frees what it held.
    pub fn remove_pod(&mut self, row: PodRow) {
        self.note_pod(row);
        self.nominate_to(row, None);
        self.leave(row);
        self.pods.remove(row);
        self.retire_classes();
    }

    fn retire_classes(&mut self) {
        if self.pods.retire_classes() {
            self.changes.push(Change::Elsewhere); // ids of classes are used again
        }
    }

    /// Puts a waiting pod on a node.
    ///
    /// # Panics
    /// When the pod is on a node already.
    pub fn assign(&mut self, pod: PodRow, node: NodeRow) {
        assert!(self.pods.entry(pod).row.is_none(), "a pod is on one node or on none");
        self.note_pod(pod);
        self.nominate_to(pod, None);
        let name = self.nodes.name_order().name(node).clone();
        self.pods.entry_mut(pod).pod.node = Some(name);
        self.place(pod, node);
    }

    /// Takes a pod off its node: the binding failed, or the pod waits again.
    pub fn unassign(&mut self, pod: PodRow) {
        self.note_pod(pod);
        self.leave(pod);
        self.pods.entry_mut(pod).pod.node = None;
    }

    /// Frees what a pod holds, on its node or for the time when its node comes.
    fn leave(&mut self, pod: PodRow) {
        if self.displace(pod).is_none()
            && let Some(name) = self.pods.entry(pod).pod.node.clone()
            && let Some(list) = self.pods_on_missing_node.get_mut(&name)
        {
            list.retain(|&r| r != pod);
            if list.is_empty() {
                self.pods_on_missing_node.remove(&name);
            }
        }
    }

    /// Notes that a pod is going away; it keeps its room until it is removed.
    pub fn mark_terminating(&mut self, pod: PodRow, preempted: bool) {
        self.note_pod(pod);
        let was_terminating = self.pods.entry(pod).pod.terminating;
        self.pods.mark_terminating(pod, preempted);
        let entry = self.pods.entry(pod);
        if let Some(row) = entry.row.filter(|_| !was_terminating) {
            self.changes.push(Change::Pod(PodChange { row, class: entry.class, pods: 0, terminating: 1 }));
        }
    }

    fn place(&mut self, pod: PodRow, node: NodeRow) {
        self.pods.place(pod, node);
        self.nodes.pods[node.index()].push(pod);
        self.nodes.pod_stats[node.index()].add(&self.pods.entry(pod).pod, self.pods.class_of(pod));
        self.count_usage(pod, node, 1);
        self.volume_index.placed(pod, node, &self.pods, &self.storage);
        let entry = self.pods.entry(pod);
        let terminating = i8::from(entry.pod.terminating);
        self.changes.push(Change::Pod(PodChange { row: node, class: entry.class, pods: 1, terminating }));
    }

    fn displace(&mut self, pod: PodRow) -> Option<NodeRow> {
        let node = self.pods.displace(pod)?;
        let there = &mut self.nodes.pods[node.index()];
        if let Some(at) = there.iter().position(|&other| other == pod) {
            there.remove(at);
        }
        self.revise_pod_stats(node);
        self.count_usage(pod, node, -1);
        self.volume_index.displaced(pod);
        let entry = self.pods.entry(pod);
        let terminating = -i8::from(entry.pod.terminating);
        self.changes.push(Change::Pod(PodChange { row: node, class: entry.class, pods: -1, terminating }));
        Some(node)
    }

    /// Updates the statistics of a node after a pod left or changed there.
    fn revise_pod_stats(&mut self, node: NodeRow) {
        let there = self.nodes.pods(node).len();
        if !self.nodes.pod_stats[node.index()].is_outdated(there) {
            return;
        }
        let pods = self.nodes.pods(node).iter();
        let pod_stats = pods.map(|&pod| (&self.pods.entry(pod).pod, self.pods.class_of(pod)));
        self.nodes.pod_stats[node.index()] = NodePodStats::of(pod_stats);
    }

    fn count_usage(&mut self, pod: PodRow, node: NodeRow, sign: i64) {
        let (class, at) = (self.pods.class_of(pod), node.index());
        // Sums wrap, as upstream's do: a pod may request 8Ei, and another one too.
        let count = |sum: &mut i64, amount: i64| *sum = sum.wrapping_add(sign.wrapping_mul(amount));
        for &(resource, amount) in &class.requests {
            count(&mut self.nodes.requested[resource.index()][at], amount);
        }
        count(&mut self.nodes.scored_cpu[at], class.scored_cpu);
        count(&mut self.nodes.scored_memory[at], class.scored_memory);
        self.loads.count(node, &self.pods.entry(pod).pod, class, sign);
    }
}
