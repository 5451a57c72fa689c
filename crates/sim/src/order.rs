//! The order in which pods are tried: priority, then creation time, then input order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::UnixSeconds;

/// Pods that wait for their turn.
#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<Turn>>,
}

/// Compared in the order of the fields; less is earlier. A pod without a creation time comes after those with one.
type Turn = (Reverse<i32>, bool, Option<UnixSeconds>, usize, PodRow);

impl Queue {
    /// Adds a pod; `place` is where it stood in the input.
    pub fn push(&mut self, cluster: &Cluster, pod: PodRow, place: usize) {
        let entry = cluster.pods().entry(pod);
        let priority = cluster.pods().class(entry.class).spec.priority;
        let created = entry.pod.created;
        self.heap.push(Reverse((Reverse(priority), created.is_none(), created, place, pod)));
    }

    /// The pod whose turn it is, and where it stood in the input.
    pub fn pop(&mut self) -> Option<(PodRow, usize)> {
        self.heap.pop().map(|Reverse((_, _, _, place, pod))| (pod, place))
    }

    /// Takes out a pod that is deleted.
    pub fn remove(&mut self, pod: PodRow) {
        self.heap.retain(|Reverse((.., waiting))| *waiting != pod);
    }

    /// How many pods wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no pod waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}
