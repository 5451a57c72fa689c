//! Pods by row, their classes, and where the pods of each class are.

use std::sync::Arc;

use berth_model::pod::{Pod, PodSpec};
use rustc_hash::FxHashMap;

use super::class_index::ClassIndex;
use super::classes::PodClasses;
use crate::ids::resources::Resources;
use crate::ids::symbols::Symbols;
use crate::ids::{NodeRow, PodClassId, PodRow, Sym};
use crate::pod_class::PodClass;

/// A pod that the cluster knows: waiting, assumed or running.
#[derive(Clone, Debug)]
pub struct PodEntry {
    /// The pod as it came.
    pub pod: Pod,
    /// Its class.
    pub class: PodClassId,
    /// The node that it takes room on.
    pub row: Option<NodeRow>,
}

/// All pods and classes.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    entries: Vec<Option<PodEntry>>,
    free: Vec<PodRow>,
    count: usize,
    classes: PodClasses,
    placements: Vec<Placements>,
    class_index: ClassIndex,
    reclassifications: u64,
}

/// On which nodes the pods of a class are.
#[derive(Clone, Debug, Default)]
pub struct Placements {
    entries: Vec<Placement>,
    index: FxHashMap<NodeRow, u32>,
}

/// How many pods of a class are on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The node.
    pub row: NodeRow,
    /// All pods of the class there.
    pub pods: u32,
    /// Those of them that are going away.
    pub terminating: u32,
}

impl Placements {
    /// One entry for each node that has a pod of the class, in no particular order.
    pub fn entries(&self) -> &[Placement] {
        &self.entries
    }

    fn change(&mut self, row: NodeRow, pods: i32, terminating: i32) {
        let at = *self.index.entry(row).or_insert_with(|| {
            self.entries.push(Placement { row, pods: 0, terminating: 0 });
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 nodes")
        });
        let entry = &mut self.entries[at as usize];
        entry.pods = entry.pods.checked_add_signed(pods).expect("a pod leaves where it was");
        entry.terminating =
            entry.terminating.checked_add_signed(terminating).expect("a pod leaves where it was");
        if entry.pods == 0 {
            self.index.remove(&row);
            self.entries.swap_remove(at as usize);
            if let Some(moved) = self.entries.get(at as usize) {
                self.index.insert(moved.row, at);
            }
        }
    }
}

impl Pods {
    /// A pod.
    ///
    /// # Panics
    /// When the row is free: rows are only handed out for pods that exist.
    pub fn entry(&self, row: PodRow) -> &PodEntry {
        self.entries[row.index()].as_ref().expect("the row holds a pod")
    }

    /// A pod's class.
    pub fn class_of(&self, row: PodRow) -> &PodClass {
        self.class(self.entry(row).class)
    }

    /// A class.
    pub fn class(&self, id: PodClassId) -> &PodClass {
        self.classes.get(id)
    }

    /// A class, to be kept: it may be forgotten once no pod has it.
    pub(crate) fn share_class(&self, id: PodClassId) -> Arc<PodClass> {
        self.classes.get(id).clone()
    }

    /// How many pods a class has, waiting or placed.
    pub fn members(&self, id: PodClassId) -> u32 {
        self.classes.members(id)
    }

    /// How often the id was given to a class: an id is used again once its class is forgotten.
    pub fn generation(&self, id: PodClassId) -> u32 {
        self.classes.generation(id)
    }

    /// All classes with the nodes that their pods are on, also those without pods.
    pub fn classes(&self) -> impl Iterator<Item = (PodClassId, &PodClass, &Placements)> {
        self.classes.iter().map(|(id, class)| (id, class, self.placements(id)))
    }

    /// One past the highest id of a class.
    pub fn class_count(&self) -> usize {
        self.classes.capacity()
    }

    /// Which classes have pods on nodes.
    pub fn class_index(&self) -> &ClassIndex {
        &self.class_index
    }

    /// Classes with the nodes that their pods are on.
    pub fn placed<'a>(
        &'a self,
        ids: &'a [PodClassId],
    ) -> impl Iterator<Item = (PodClassId, &'a PodClass, &'a Placements)> {
        ids.iter().map(|&id| (id, self.class(id), self.placements(id)))
    }

    /// On which nodes the pods of a class are.
    pub fn placements(&self, id: PodClassId) -> &Placements {
        &self.placements[id.index()]
    }

    /// How often a pod got another class because a selector mentions what tells it from those that were alike.
    pub fn reclassifications(&self) -> u64 {
        self.reclassifications
    }

    /// Rows of all pods, in row order.
    pub fn rows(&self) -> impl Iterator<Item = PodRow> + '_ {
        self.entries.iter().zip(0u32..).filter(|(e, _)| e.is_some()).map(|(_, row)| PodRow(row))
    }

    /// How many pods there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no pod.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The class of a spec, compiled now if it is new.
    pub(crate) fn classify(
        &mut self,
        spec: &Arc<PodSpec>,
        symbols: &mut Symbols,
        resources: &mut Resources,
    ) -> PodClassId {
        let id = self.classes.classify(spec, symbols, resources);
        self.placements.resize_with(self.classes.capacity(), Placements::default);
        id
    }

    /// A selector looks at pods' labels by these keys.
    pub(crate) fn mention(&mut self, keys: impl Iterator<Item = Sym>) {
        self.classes.mention(keys);
    }

    /// The keys that no selector had mentioned before.
    pub(crate) fn take_new_mentions(&mut self) -> Vec<Sym> {
        self.classes.take_new_mentions()
    }

    /// Gives a pod another class, where it is.
    pub(crate) fn reclassify(&mut self, row: PodRow, class: PodClassId) {
        self.reclassifications += 1;
        self.classes.join(class);
        let node = self.displace(row);
        let entry = self.entry_mut(row);
        let old = std::mem::replace(&mut entry.class, class);
        if let Some(node) = node {
            self.place(row, node);
        }
        self.classes.leave(old);
    }

    /// Forgets classes without pods once there are many; answers whether it did.
    pub(crate) fn retire_classes(&mut self) -> bool {
        self.classes.retire()
    }

    pub(crate) fn insert(&mut self, pod: Pod, class: PodClassId) -> PodRow {
        self.count += 1;
        self.classes.join(class);
        let entry = Some(PodEntry { pod, class, row: None });
        if let Some(row) = self.free.pop() {
            self.entries[row.index()] = entry;
            return row;
        }
        self.entries.push(entry);
        PodRow(u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 pods"))
    }

    /// Whether the row holds a pod.
    pub(crate) fn is_live(&self, row: PodRow) -> bool {
        self.entries.get(row.index()).is_some_and(Option::is_some)
    }

    /// Puts a pod that was removed back into its row.
    pub(crate) fn insert_at(&mut self, row: PodRow, pod: Pod, class: PodClassId) {
        if let Some(at) = self.free.iter().rposition(|&free| free == row) {
            self.free.remove(at);
        }
        self.count += 1;
        self.classes.join(class);
        self.entries[row.index()] = Some(PodEntry { pod, class, row: None });
    }

    pub(crate) fn remove(&mut self, row: PodRow) -> PodEntry {
        let entry = self.entries[row.index()].take().expect("the row holds a pod");
        self.count -= 1;
        self.classes.leave(entry.class);
        self.free.push(row);
        entry
    }

    /// Puts a pod that takes no room into the row of its old self.
    pub(crate) fn replace(&mut self, row: PodRow, pod: Pod, class: PodClassId) {
        self.classes.join(class);
        let old = std::mem::replace(self.entry_mut(row), PodEntry { pod, class, row: None });
        self.classes.leave(old.class);
    }

    /// Takes what is new of a pod that stays on its node and in its class.
    pub(crate) fn refresh(&mut self, row: PodRow, pod: Pod) {
        let entry = self.entry_mut(row);
        let terminating = i32::from(pod.terminating) - i32::from(entry.pod.terminating);
        entry.pod = pod;
        let (class, node) = (entry.class, entry.row);
        if let Some(node) = node.filter(|_| terminating != 0) {
            self.placements[class.index()].change(node, 0, terminating);
        }
    }

    pub(crate) fn entry_mut(&mut self, row: PodRow) -> &mut PodEntry {
        self.entries[row.index()].as_mut().expect("the row holds a pod")
    }

    pub(crate) fn place(&mut self, row: PodRow, node: NodeRow) {
        let entry = self.entry_mut(row);
        entry.row = Some(node);
        let (class, terminating) = (entry.class, i32::from(entry.pod.terminating));
        if self.placements(class).entries.is_empty() {
            self.class_index.insert(class, self.classes.get(class));
        }
        self.placements[class.index()].change(node, 1, terminating);
    }

    pub(crate) fn displace(&mut self, row: PodRow) -> Option<NodeRow> {
        let entry = self.entry_mut(row);
        let node = entry.row.take()?;
        let (class, terminating) = (entry.class, i32::from(entry.pod.terminating));
        self.placements[class.index()].change(node, -1, -terminating);
        if self.placements(class).entries.is_empty() {
            self.class_index.remove(class, self.classes.get(class));
        }
        Some(node)
    }

    pub(crate) fn mark_terminating(&mut self, row: PodRow, preempted: bool) {
        let entry = self.entry_mut(row);
        entry.pod.preempted |= preempted;
        if !std::mem::replace(&mut entry.pod.terminating, true)
            && let Some(node) = entry.row
        {
            let class = entry.class;
            self.placements[class.index()].change(node, 0, 1);
        }
    }
}
