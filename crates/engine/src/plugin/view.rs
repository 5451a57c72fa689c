//! What plugins see: the pod that is being scheduled, and a node as it is or as it would be.

use smallvec::SmallVec;

use berth_model::node::Taint;
use berth_model::pod::HostPort;

use crate::cluster::{Cluster, PodEntry};
use crate::ids::{NodeRow, PodClassId, PodRow, ResourceId, Sym};
use crate::pod_class::PodClass;

/// The pod that is being scheduled, in its cluster.
#[derive(Clone, Copy, Debug)]
pub struct PodView<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The pod's row.
    pub row: PodRow,
    /// The pod's class.
    pub class: &'a PodClass,
}

impl<'a> PodView<'a> {
    /// The pod in a row.
    pub fn new(cluster: &'a Cluster, row: PodRow) -> Self {
        Self { cluster, row, class: cluster.pods().class_of(row) }
    }

    /// The pod's class, by id.
    pub fn class_id(&self) -> PodClassId {
        self.entry().class
    }

    /// The pod itself.
    pub fn entry(&self) -> &'a PodEntry {
        self.cluster.pods().entry(self.row)
    }
}

/// A hypothetical: what a node would be without some of its pods and with some others.
///
/// Preemption takes victims away and nominated pods are added. A plugin asks the same questions of a node with a delta
/// as of one without; plugins that count over topology domains look at [`NodeView::removed`] and [`NodeView::added`].
/// All changes are on one node.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    removed: Vec<PodRow>,
    added: Vec<PodRow>,
    requested: SmallVec<[(ResourceId, i64); 4]>,
    scored_cpu: i64,
    scored_memory: i64,
    /// Host ports that are free since a pod that held them left, even where another pod of the node holds them too:
    /// upstream keeps a set of ports, not a count. A pod that comes takes its ports again.
    freed_ports: Vec<HostPort>,
}

impl Delta {
    /// A node without these pods, which are on it.
    pub fn without(gone: impl IntoIterator<Item = PodRow>, cluster: &Cluster) -> Self {
        let mut delta = Self::default();
        for pod in gone {
            delta.remove(pod, cluster);
        }
        delta
    }

    /// Takes a pod of the node away.
    pub fn remove(&mut self, pod: PodRow, cluster: &Cluster) {
        match self.added.iter().position(|&p| p == pod) {
            Some(at) => {
                self.added.remove(at);
            }
            None => self.removed.push(pod),
        }
        let class = cluster.pods().class_of(pod);
        self.freed_ports.extend(class.host_ports.iter().cloned());
        self.count(class, -1);
    }

    /// Puts a pod on the node, for example one that was taken away before.
    pub fn add(&mut self, pod: PodRow, cluster: &Cluster) {
        match self.removed.iter().position(|&p| p == pod) {
            Some(at) => {
                self.removed.remove(at);
            }
            None => self.added.push(pod),
        }
        let class = cluster.pods().class_of(pod);
        self.freed_ports.retain(|port| !class.host_ports.contains(port));
        self.count(class, 1);
    }

    fn count(&mut self, class: &PodClass, sign: i64) {
        let count = |sum: &mut i64, amount: i64| *sum = sum.wrapping_add(sign.wrapping_mul(amount));
        for &(resource, amount) in &class.requests {
            match self.requested.iter_mut().find(|(r, _)| *r == resource) {
                Some((_, sum)) => count(sum, amount),
                None => self.requested.push((resource, sign.wrapping_mul(amount))),
            }
        }
        count(&mut self.scored_cpu, class.scored_cpu);
        count(&mut self.scored_memory, class.scored_memory);
    }
}

/// A node as it is, or as it would be.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The node's row.
    pub row: NodeRow,
    delta: Option<&'a Delta>,
}

impl<'a> NodeView<'a> {
    /// The node as it is.
    pub fn new(cluster: &'a Cluster, row: NodeRow) -> Self {
        Self { cluster, row, delta: None }
    }

    /// The node as it would be.
    pub fn with_delta(cluster: &'a Cluster, row: NodeRow, delta: &'a Delta) -> Self {
        Self { cluster, row, delta: Some(delta) }
    }

    /// The node's name.
    pub fn name(&self) -> &'a str {
        self.cluster.nodes().name(self.row)
    }

    /// The value of one of the node's labels.
    pub fn label(&self, key: Sym) -> Option<Sym> {
        self.cluster.nodes().label(self.row, key)
    }

    /// The node's taints.
    pub fn taints(&self) -> &'a [Taint] {
        self.cluster.nodes().taints(self.row)
    }

    /// What the node offers of a resource.
    pub fn allocatable(&self, resource: ResourceId) -> i64 {
        self.cluster.nodes().allocatable(self.row, resource)
    }

    /// What the pods on the node request of a resource.
    pub fn requested(&self, resource: ResourceId) -> i64 {
        let change = self.delta.and_then(|d| d.requested.iter().find(|(r, _)| *r == resource));
        let change = change.map_or(0, |&(_, amount)| amount);
        self.cluster.nodes().requested(self.row, resource).wrapping_add(change)
    }

    /// CPU that the pods on the node count for in scores, in milli-CPU.
    pub fn scored_cpu(&self) -> i64 {
        self.cluster.nodes().scored_cpu[self.row.index()].wrapping_add(self.delta.map_or(0, |d| d.scored_cpu))
    }

    /// Memory that the pods on the node count for in scores, in bytes.
    pub fn scored_memory(&self) -> i64 {
        let change = self.delta.map_or(0, |d| d.scored_memory);
        self.cluster.nodes().scored_memory[self.row.index()].wrapping_add(change)
    }

    /// How many pods are on the node.
    pub fn pod_count(&self) -> i64 {
        let there = self.cluster.nodes().pods(self.row).len() + self.added().len();
        i64::try_from(there - self.removed().len()).unwrap_or(i64::MAX)
    }

    /// The pods on the node: those that stay, then those that were added.
    pub fn pods(&self) -> impl Iterator<Item = PodRow> + 'a {
        let (removed, added) = (self.removed(), self.added());
        let stay = self.cluster.nodes().pods(self.row).iter().filter(move |p| !removed.contains(p));
        stay.chain(added).copied()
    }

    /// Pods that are on the node but taken as gone.
    pub fn removed(&self) -> &'a [PodRow] {
        self.delta.map_or(&[], |d| &d.removed)
    }

    /// Host ports that are taken as free though pods on the node hold them.
    pub fn freed_ports(&self) -> &'a [HostPort] {
        self.delta.map_or(&[], |d| &d.freed_ports)
    }

    /// Pods that are not on the node but taken as there.
    pub fn added(&self) -> &'a [PodRow] {
        self.delta.map_or(&[], |d| &d.added)
    }

    /// What a count over the pods on the node gains by the delta, given what a pod counts.
    pub fn change(&self, count: impl Fn(&PodClass) -> i64) -> i64 {
        let sum = |pods: &[PodRow]| pods.iter().map(|&p| count(self.cluster.pods().class_of(p))).sum::<i64>();
        sum(self.added()) - sum(self.removed())
    }
}
