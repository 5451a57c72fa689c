//! Whole rollouts on a cluster whose nodes have room for a number of pods.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::workload::Share::{self, Percent, Pods};

use super::*;
use crate::daemon_set::{self, NodeState};
use crate::deployment::{ReplicaSetState, Strategy};
use crate::fixture::running;
use crate::stateful_set;

/// Nodes with room. A pod of the new template takes `size`, all others 1. A pod goes to the first node with room; a
/// daemon pod to its node.
struct Room {
    free: Vec<i32>,
    size: i32,
    waiting: BTreeSet<u32>,
    next: u32,
    /// Node and size of each placed pod.
    placed: BTreeMap<u32, (u32, i32)>,
    /// Node that a pod is meant for, and size.
    wishes: BTreeMap<u32, (Option<u32>, i32)>,
}

impl Room {
    fn new(nodes: &[i32], size: i32) -> Self {
        let (waiting, placed, wishes) = Default::default();
        Self { free: nodes.to_vec(), size, waiting, next: 1_000, placed, wishes }
    }

    /// Old pods that run, one on each of the nodes in turn.
    fn old(&mut self, count: u32) -> Vec<PodState> {
        let nodes = self.free.len() as u32;
        let pods: Vec<PodState> = (0..count)
            .map(|at| PodState { index: Some(at as i32), ..running(&at.to_string(), at % nodes) })
            .collect();
        for pod in &pods {
            self.placed.insert(pod.id, (pod.id % nodes, 1));
            self.free[(pod.id % nodes) as usize] -= 1;
        }
        pods
    }
}

impl Cluster for Room {
    fn create(&mut self, _workload: usize, _set: usize, pod: NewPod) -> Option<PodState> {
        let id = self.next;
        self.next += 1;
        let (index, node, updated) = match pod {
            NewPod::Replica => (None, None, true),
            NewPod::Ordinal { ordinal, updated } => (Some(ordinal), None, updated),
            NewPod::OnNode(node) => (None, Some(node), true),
            NewPod::Index(index) => (Some(index), None, true),
        };
        self.wishes.insert(id, (node, if updated { self.size } else { 1 }));
        self.waiting.insert(id);
        Some(PodState { id, name: id.to_string().into(), index, updated, ..PodState::default() })
    }

    fn delete(&mut self, pod: u32) {
        self.waiting.remove(&pod);
        if let Some((node, size)) = self.placed.remove(&pod) {
            self.free[node as usize] += size;
        }
    }

    fn schedule(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for pod in self.waiting.clone() {
            let (wish, size) = self.wishes[&pod];
            let fits =
                |node: &u32| self.free[*node as usize] >= size && wish.is_none_or(|wish| wish == *node);
            if let Some(node) = (0..self.free.len() as u32).find(fits) {
                self.free[node as usize] -= size;
                self.placed.insert(pod, (node, size));
                self.waiting.remove(&pod);
                events.push(Event::Placed { pod, node });
            }
        }
        events
    }

    fn pending_message(&self, pod: u32) -> Option<String> {
        self.waiting.contains(&pod).then(|| "no room".to_owned())
    }
}

/// The rollout of a Deployment of 10 old pods on one node with room for `room` pods; new pods take `size`.
fn roll(strategy: Strategy, room: i32, size: i32) -> Summary {
    let mut cluster = Room::new(&[room], size);
    let pods = cluster.old(10);
    let old =
        ReplicaSetState { name: "old".into(), created: Some(0), replicas: 10, ..ReplicaSetState::default() };
    let deployment =
        Deployment { replicas: 10, strategy, paused: false, history_limit: None, sets: vec![old] };
    let mut rollouts = Rollouts::new(100);
    rollouts.add(Workload::Deployment(deployment), vec![pods]);
    rollouts.finish(&mut cluster).remove(0)
}

fn rolling(surge: Share, unavailable: Share) -> Strategy {
    Strategy::RollingUpdate { surge, unavailable }
}

#[test]
fn a_rollout_ends_or_is_stuck_by_the_room_that_there_is() {
    // strategy, room, size of new pods, updated, pending, old, peak
    let default = rolling(Percent(25), Percent(25));
    let cases = [
        (default, 13, 1, 10, 0, 0, 13),
        (default, 10, 1, 10, 0, 0, 10),
        (default, 20, 2, 10, 0, 0, 13),
        (default, 16, 2, 7, 3, 1, 13),
        (rolling(Pods(1), Pods(0)), 10, 1, 0, 1, 10, 10),
        (rolling(Pods(0), Pods(1)), 10, 1, 10, 0, 0, 10),
        (rolling(Pods(0), Pods(1)), 10, 2, 0, 1, 9, 10),
        (rolling(Pods(10), Pods(0)), 20, 1, 10, 0, 0, 20),
        (Strategy::Recreate, 10, 1, 10, 0, 0, 10),
        (Strategy::Recreate, 16, 2, 8, 2, 0, 10),
    ];
    for (strategy, room, size, updated, pending, old, peak) in cases {
        let summary = roll(strategy, room, size);
        let found = (summary.updated, summary.pending, summary.old, summary.peak, summary.complete);
        assert_eq!(found, (updated, pending, old, peak, pending == 0), "{strategy:?} {room} {size}");
    }
}

#[test]
fn a_stuck_rollout_says_how_far_it_came_and_why() {
    let summary = roll(rolling(Percent(25), Percent(25)), 16, 2);
    let text = "7 of 10 pods updated, 1 old one still running; new pods are pending: no room";
    assert_eq!(summary.to_string(), text);
    assert_eq!(roll(Strategy::Recreate, 10, 1).to_string(), "10 of 10 pods updated");
}

#[test]
fn a_paused_deployment_keeps_its_old_pods_and_is_not_stuck() {
    let mut cluster = Room::new(&[10], 1);
    let old = ReplicaSetState { name: "old".into(), replicas: 4, ..ReplicaSetState::default() };
    let strategy = rolling(Pods(1), Pods(1));
    let deployment = Deployment { replicas: 4, strategy, paused: true, history_limit: None, sets: vec![old] };
    let mut rollouts = Rollouts::new(100);
    rollouts.add(Workload::Deployment(deployment), vec![cluster.old(4)]);
    let summary = rollouts.finish(&mut cluster).remove(0);
    assert!(summary.complete);
    assert_eq!(summary.to_string(), "0 of 4 pods updated, 4 old ones still running (paused)");
}

fn stateful(parallel: bool, partition: i32, room: i32, size: i32) -> Summary {
    let mut cluster = Room::new(&[room], size);
    let strategy = stateful_set::Strategy::RollingUpdate { partition, unavailable: Pods(1) };
    let mut rollouts = Rollouts::new(100);
    let pods = cluster.old(4);
    rollouts
        .add(Workload::StatefulSet(StatefulSet { replicas: 4, start: 0, parallel, strategy }), vec![pods]);
    rollouts.finish(&mut cluster).remove(0)
}

#[test]
fn a_stateful_set_is_updated_from_the_highest_ordinal_until_a_pod_does_not_fit() {
    // parallel, partition, room, size, updated, pending, old
    let cases = [
        (false, 0, 4, 1, 4, 0, 0),
        (false, 3, 4, 1, 1, 0, 3),
        (false, 0, 4, 2, 0, 1, 3),
        (false, 0, 6, 2, 2, 1, 1),
        (true, 0, 4, 1, 4, 0, 0),
        (true, 0, 6, 2, 2, 1, 1),
    ];
    for (parallel, partition, room, size, updated, pending, old) in cases {
        let summary = stateful(parallel, partition, room, size);
        let found = (summary.updated, summary.pending, summary.old, summary.peak, summary.complete);
        assert_eq!(found, (updated, pending, old, 4, pending == 0), "{parallel} {partition} {room} {size}");
    }
    let kept = "1 of 4 pods updated, 3 old ones still running (kept by the partition)";
    assert_eq!(stateful(false, 3, 4, 1).to_string(), kept);
}

fn daemons(surge: i32, unavailable: i32, room: i32, size: i32) -> Summary {
    let mut cluster = Room::new(&[room; 3], size);
    let nodes: Vec<NodeState> = (0..3).map(|id| NodeState { id, should_run: true, may_stay: true }).collect();
    let pods = cluster.old(3).into_iter().map(|pod| vec![pod]).collect();
    let strategy = daemon_set::Strategy::RollingUpdate { surge: Pods(surge), unavailable: Pods(unavailable) };
    let mut rollouts = Rollouts::new(100);
    rollouts.add(Workload::DaemonSet(DaemonSet { strategy, nodes }), pods);
    rollouts.finish(&mut cluster).remove(0)
}

#[test]
fn a_daemon_set_is_updated_node_by_node_with_or_without_a_surge() {
    // surge, unavailable, room on each node, size, updated, pending, old, peak
    let cases = [
        (0, 1, 1, 1, 3, 0, 0, 3),
        (1, 0, 2, 1, 3, 0, 0, 4),
        (3, 0, 2, 1, 3, 0, 0, 6),
        (1, 0, 1, 1, 0, 1, 3, 3),
        (0, 1, 1, 2, 0, 1, 2, 3),
        (0, 2, 1, 2, 0, 2, 1, 3),
    ];
    for (surge, unavailable, room, size, updated, pending, old, peak) in cases {
        let summary = daemons(surge, unavailable, room, size);
        let found = (summary.updated, summary.pending, summary.old, summary.peak, summary.complete);
        assert_eq!(found, (updated, pending, old, peak, pending == 0), "{surge} {unavailable} {room} {size}");
    }
}

/// A cluster in which every placement evicts the pod that was placed last, once.
struct Evicting {
    room: Room,
    evicts: bool,
}

impl Cluster for Evicting {
    fn create(&mut self, workload: usize, set: usize, pod: NewPod) -> Option<PodState> {
        self.room.create(workload, set, pod)
    }

    fn delete(&mut self, pod: u32) {
        self.room.delete(pod);
    }

    fn schedule(&mut self) -> Vec<Event> {
        let mut events = self.room.schedule();
        if std::mem::take(&mut self.evicts)
            && let Some((&pod, _)) = self.room.placed.first_key_value()
        {
            self.room.delete(pod);
            let again = self.room.next;
            self.room.next += 1;
            self.room.wishes.insert(again, (None, 1));
            self.room.waiting.insert(again);
            events.push(Event::Evicted { pod, again });
        }
        events
    }

    fn pending_message(&self, pod: u32) -> Option<String> {
        self.room.pending_message(pod)
    }
}

#[test]
fn a_pod_that_is_evicted_during_a_rollout_is_made_again_and_replaced_like_the_others() {
    let mut room = Room::new(&[5], 1);
    let pods = room.old(4);
    let old = ReplicaSetState { name: "old".into(), replicas: 4, ..ReplicaSetState::default() };
    let strategy = rolling(Pods(1), Pods(0));
    let deployment =
        Deployment { replicas: 4, strategy, paused: false, history_limit: None, sets: vec![old] };
    let mut rollouts = Rollouts::new(100);
    rollouts.add(Workload::Deployment(deployment), vec![pods]);
    let mut cluster = Evicting { room, evicts: true };
    let summary = rollouts.finish(&mut cluster).remove(0);
    assert_eq!((summary.updated, summary.old, summary.complete), (4, 0, true));
    assert_eq!(cluster.room.placed.len(), 4);
}
