//! Trials: changes of the cluster that can be taken back.
//!
//! While a trial runs, each change notes what takes it back. A trial that is rolled back leaves the cluster as it was:
//! the same objects in the same rows, pods in the same order on their nodes. The changes that take back are in the
//! change log like all others, so caches that follow the log are right again too. A trial costs what its changes cost.
//!
//! What is only known once stays known: interned strings, classes that pods had for a while, labels that selectors
//! mention. No decision depends on it.

use berth_model::load::MeasuredUsage;
use berth_model::node::Node;
use berth_model::pod::Pod;
use berth_model::volume::{Attachment, Claim, CsiDriver, CsiNode, StorageCapacity, StorageClass, Volume};
use berth_model::workload::OwnerKind;
use berth_model::{Str, UnixSeconds};

use super::devices::DeviceUndo;
use super::{Budget, Change, Cluster, Owner, Storage};
use crate::ids::symbols::LabelSet;
use crate::ids::{NodeRow, PodRow, Sym};

/// A trial that runs. It ends with [`Cluster::end_trial`].
#[derive(Debug)]
#[must_use]
pub struct Trial(usize);

/// How a trial ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialEnd {
    /// All changes stay.
    Commit,
    /// All changes are taken back.
    RollBack,
}

/// What takes the changes of the trials that run back, the first change first.
#[derive(Clone, Debug, Default)]
pub(super) struct UndoLog {
    entries: Vec<Undo>,
    /// How many trials run, one within the other.
    trials: usize,
}

/// What takes one change back: what was there before.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    Pod(PodRow, Option<Box<PodState>>),
    Node(Str, Option<Box<(Node, Option<MeasuredUsage>)>>),
    Measured(NodeRow, Option<MeasuredUsage>),
    Now(Option<UnixSeconds>),
    Namespace(Sym, Option<LabelSet>),
    Owner { namespace: Str, kind: OwnerKind, name: Str, before: Option<Box<(usize, Owner)>> },
    Budget { namespace: Str, name: Str, before: Option<Box<(usize, Budget)>> },
    Claim(Str, Str, Option<Box<Claim>>),
    Volume(Str, Option<Box<Volume>>),
    StorageClass(Str, Option<Box<StorageClass>>),
    CsiNode(Str, Option<Box<CsiNode>>),
    CsiDriver(Str, Option<Box<CsiDriver>>),
    Capacity(Str, Str, Option<Box<StorageCapacity>>),
    Attachment(Str, Option<Box<Attachment>>),
    Storage(Box<Storage>),
    Devices(DeviceUndo),
}

/// A pod, and where it is counted.
#[derive(Clone, Debug)]
pub(super) struct PodState {
    pod: Pod,
    /// Its place in the list of pods that are on its node, or bound to a node that is not there, or nominated to a
    /// node.
    place: usize,
}

impl Cluster {
    /// Begins a trial. Trials may run within trials; the inner one ends first.
    pub fn begin_trial(&mut self) -> Trial {
        self.undo.trials += 1;
        Trial(self.undo.entries.len())
    }

    /// Ends the trial that was begun last.
    pub fn end_trial(&mut self, trial: Trial, end: TrialEnd) {
        let outer = self.undo.trials.saturating_sub(1);
        if end == TrialEnd::RollBack {
            self.undo.trials = 0; // what takes back is not noted
            while self.undo.entries.len() > trial.0
                && let Some(undo) = self.undo.entries.pop()
            {
                self.take_back(undo);
            }
        }
        self.undo.trials = outer;
        if outer == 0 {
            self.undo.entries.clear();
        }
    }

    /// Notes what takes a change back, if a trial runs. It is asked before the change.
    pub(super) fn note(&mut self, undo: impl FnOnce(&Self) -> Undo) {
        if self.undo.trials > 0 {
            let undo = undo(self);
            self.undo.entries.push(undo);
        }
    }

    /// Notes a pod as it is now.
    pub(super) fn note_pod(&mut self, row: PodRow) {
        self.note(|cluster| Undo::Pod(row, Some(Box::new(cluster.pod_state(row)))));
    }

    /// Notes a node as it is now.
    pub(super) fn note_node(&mut self, row: NodeRow) {
        self.note(|cluster| {
            let node = cluster.nodes.object(row).clone();
            Undo::Node(node.name.clone(), Some(Box::new((node, cluster.loads.usage(row)))))
        });
    }

    fn pod_state(&self, row: PodRow) -> PodState {
        let entry = self.pods.entry(row);
        let list = match (entry.row, &entry.pod.node, &entry.pod.nominated_node) {
            (Some(node), ..) => self.nodes.pods(node),
            (None, Some(name), _) => self.pods_on_missing_node(name),
            (None, None, Some(name)) => self.nominations_to(name),
            (None, None, None) => &[],
        };
        let place = list.iter().position(|&other| other == row).unwrap_or(0);
        PodState { pod: entry.pod.clone(), place }
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Pod(row, before) => self.restore_pod(row, before),
            Undo::Node(name, before) => self.restore_node(&name, before),
            Undo::Measured(node, before) => self.set_measured(node, before),
            Undo::Now(before) => self.restore_now(before),
            Undo::Namespace(name, before) => {
                match before {
                    Some(labels) => self.namespaces.insert(name, labels),
                    None => self.namespaces.remove(&name),
                };
                self.changes.push(Change::Elsewhere);
            }
            Undo::Owner { namespace, kind, name, before } => {
                let list = self.owners.entry(namespace.clone()).or_default();
                list.retain(|owner| owner.object.kind != kind || owner.object.name != name);
                if let Some((at, owner)) = before.map(|before| *before) {
                    list.insert(at, owner);
                }
                if list.is_empty() {
                    self.owners.remove(&namespace);
                }
                let namespace = self.symbols.intern(&namespace);
                self.changes.push(Change::Owners(namespace));
            }
            Undo::Budget { namespace, name, before } => {
                self.budgets.retain(|b| b.object.name != name || b.object.namespace != namespace);
                if let Some((at, budget)) = before.map(|before| *before) {
                    self.budgets.insert(at, budget);
                }
            }
            Undo::Devices(before) => self.take_back_devices(before),
            storage => self.take_back_storage(storage),
        }
    }

    fn take_back_storage(&mut self, undo: Undo) {
        match undo {
            Undo::Claim(_, _, Some(before)) => self.upsert_claim(*before),
            Undo::Claim(namespace, name, None) => self.remove_claim(&namespace, &name),
            Undo::Volume(_, Some(before)) => self.upsert_volume(*before),
            Undo::Volume(name, None) => self.remove_volume(&name),
            Undo::StorageClass(_, Some(before)) => self.upsert_class(*before),
            Undo::StorageClass(name, None) => self.remove_class(&name),
            Undo::CsiNode(_, Some(before)) => self.upsert_csi_node(*before),
            Undo::CsiNode(node, None) => self.remove_csi_node(&node),
            Undo::CsiDriver(_, Some(before)) => self.upsert_csi_driver(*before),
            Undo::CsiDriver(name, None) => self.remove_csi_driver(&name),
            Undo::Capacity(_, _, Some(before)) => self.upsert_capacity(*before),
            Undo::Capacity(namespace, name, None) => self.remove_capacity(&namespace, &name),
            Undo::Attachment(_, Some(before)) => self.upsert_attachment(*before),
            Undo::Attachment(name, None) => self.remove_attachment(&name),
            Undo::Storage(before) => *self.storage_mut() = *before,
            Undo::Pod(..)
            | Undo::Node(..)
            | Undo::Measured(..)
            | Undo::Now(_)
            | Undo::Namespace(..)
            | Undo::Owner { .. }
            | Undo::Budget { .. }
            | Undo::Devices(_) => {}
        }
    }

    fn restore_node(&mut self, name: &str, before: Option<Box<(Node, Option<MeasuredUsage>)>>) {
        match before.map(|before| *before) {
            Some((node, usage)) => {
                let is_there = self.nodes.find(name).is_some();
                let row = self.upsert_node(node);
                if !is_there && usage.is_some() {
                    self.set_measured(row, usage);
                }
            }
            None => {
                if let Some(row) = self.nodes.find(name) {
                    self.remove_node(row);
                }
            }
        }
    }

    fn restore_pod(&mut self, row: PodRow, before: Option<Box<PodState>>) {
        if self.pods.is_live(row) {
            self.nominate_to(row, None);
            self.leave(row);
        }
        let Some(PodState { pod, place }) = before.map(|before| *before) else {
            self.pods.remove(row);
            self.retire_classes();
            return;
        };
        let class = self.classify(&pod.spec);
        if self.pods.is_live(row) {
            self.pods.replace(row, pod, class);
        } else {
            self.pods.insert_at(row, pod, class);
        }
        self.count_pod(row);
        let entry = self.pods.entry(row);
        let list = match (entry.row, entry.pod.node.clone(), entry.pod.nominated_node.clone()) {
            (Some(node), ..) => Some(&mut self.nodes.pods[node.index()]),
            (None, Some(name), _) => self.pods_on_missing_node.get_mut(&name),
            (None, None, Some(name)) => self.nominations_to_mut(&name),
            (None, None, None) => None,
        };
        // It came last.
        if let Some(list) = list
            && let Some(last) = list.pop()
        {
            list.insert(place.min(list.len()), last);
        }
        self.retire_classes();
    }
}
