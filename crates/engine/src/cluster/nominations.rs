//! Which waiting pods are nominated to run on which nodes.
//!
//! A nomination names a node. While no such node is there it counts nowhere, and it counts again once the node comes.

use std::collections::BTreeMap;

use berth_model::Str;
use rustc_hash::FxHashMap;

use super::{Change, Cluster};
use crate::ids::{NodeRow, PodRow};

/// All nominations.
#[derive(Clone, Debug, Default)]
pub(super) struct Nominations {
    by_node: FxHashMap<NodeRow, Vec<PodRow>>,
    /// Those to nodes that are not there, by node name.
    pending_by_node_name: BTreeMap<Str, Vec<PodRow>>,
}

impl Cluster {
    /// Pods that are nominated to run on a node, in the order of their nomination.
    pub fn nominated(&self, row: NodeRow) -> &[PodRow] {
        self.nominations.by_node.get(&row).map_or(&[], |list| list)
    }

    /// Pods that are nominated to the node of this name, whether or not it is there.
    pub(super) fn nominations_to(&self, name: &str) -> &[PodRow] {
        let list = match self.nodes.find(name) {
            Some(node) => self.nominations.by_node.get(&node),
            None => self.nominations.pending_by_node_name.get(name),
        };
        list.map_or(&[], |list| list)
    }

    /// As [`Cluster::nominations_to`], to put a pod in its place.
    pub(super) fn nominations_to_mut(&mut self, name: &str) -> Option<&mut Vec<PodRow>> {
        match self.nodes.find(name) {
            Some(node) => self.nominations.by_node.get_mut(&node),
            None => self.nominations.pending_by_node_name.get_mut(name),
        }
    }

    /// Whether any pod is nominated to any node.
    pub fn has_nominations(&self) -> bool {
        !self.nominations.by_node.is_empty()
    }

    /// Sets or clears the node that a waiting pod is nominated to.
    pub fn nominate(&mut self, pod: PodRow, node: Option<NodeRow>) {
        self.note_pod(pod);
        self.nominate_to(pod, node.map(|node| self.nodes.name(node).clone()));
    }

    /// As [`Cluster::nominate`], by the node's name; the node need not be there.
    pub(super) fn nominate_to(&mut self, pod: PodRow, node: Option<Str>) {
        if let Some(old) = self.pods.entry_mut(pod).pod.nominated_node.take() {
            self.void_nomination(pod, &old);
        }
        if let Some(name) = node {
            self.count_nomination(pod, &name);
            self.pods.entry_mut(pod).pod.nominated_node = Some(name);
        }
    }

    /// Counts a waiting pod at the node that it is nominated to.
    pub(super) fn count_nomination(&mut self, pod: PodRow, name: &Str) {
        match self.nodes.find(name) {
            Some(node) => {
                self.nominations.by_node.entry(node).or_default().push(pod);
                self.changes.push(Change::Nominated(node));
            }
            None => self.nominations.pending_by_node_name.entry(name.clone()).or_default().push(pod),
        }
    }

    /// Counts the pod no more, if it was counted.
    pub(super) fn void_nomination(&mut self, pod: PodRow, name: &Str) {
        let Some(node) = self.nodes.find(name) else {
            if let Some(list) = self.nominations.pending_by_node_name.get_mut(name) {
                list.retain(|&row| row != pod);
                if list.is_empty() {
                    self.nominations.pending_by_node_name.remove(name);
                }
            }
            return;
        };
        let Some(list) = self.nominations.by_node.get_mut(&node) else { return };
        let before = list.len();
        list.retain(|&row| row != pod);
        let gone = list.len() < before;
        if list.is_empty() {
            self.nominations.by_node.remove(&node);
        }
        if gone {
            self.changes.push(Change::Nominated(node));
        }
    }

    /// A node goes: its nominations wait for one of its name.
    pub(super) fn detach_pending(&mut self, node: NodeRow) {
        if let Some(list) = self.nominations.by_node.remove(&node) {
            self.nominations.pending_by_node_name.insert(self.nodes.name(node).clone(), list);
        }
    }

    /// A node came: nominations to its name count there.
    pub(super) fn attach_pending(&mut self, node: NodeRow) {
        if self.nominations.pending_by_node_name.is_empty() {
            return;
        }
        let name = self.nodes.name(node).clone();
        for pod in self.nominations.pending_by_node_name.remove(&name).unwrap_or_default() {
            self.count_nomination(pod, &name);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::World;

    #[test]
    fn a_nomination_counts_while_its_node_is_there() {
        let mut world = World::default();
        let pod = world.pod("web", |pod, _| pod.nominated_node = Some("n1".into()));
        assert!(!world.cluster.has_nominations());
        let n1 = world.node("n1", |_| {});
        assert_eq!(world.cluster.nominated(n1), [pod]);
        world.cluster.remove_node(n1);
        assert!(!world.cluster.has_nominations());
        let n2 = world.node("n2", |_| {});
        let n1 = world.node("n1", |_| {});
        assert_eq!((world.cluster.nominated(n1), world.cluster.nominated(n2)), (&[pod][..], &[][..]));
        world.cluster.nominate(pod, Some(n2));
        assert_eq!((world.cluster.nominated(n1), world.cluster.nominated(n2)), (&[][..], &[pod][..]));
        world.cluster.remove_node(n2);
        world.cluster.remove_pod(pod);
        world.node("n2", |_| {});
        assert!(!world.cluster.has_nominations());
    }
}
