//! Nodes: whether they work, what the node lifecycle controller makes of it, and which pods they have.
//!
//! A node that fails is noticed when its lease was not renewed for the grace period. It gets the taint `unreachable` with
//! the effect `NoSchedule` at once, and with `NoExecute` when the eviction rate of its zone allows it. Pods are deleted
//! when they do not tolerate that taint any longer.
//!
//! Upstream: `pkg/controller/nodelifecycle/node_lifecycle_controller.go` (`monitorNodeHealth`, `handleDisruption`,
//! `doNoExecuteTaintingPass`), `pkg/controller/tainteviction/taint_eviction.go`, with the defaults of
//! kube-controller-manager 1.37.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::Str;
use berth_model::node::{Node, Taint, TaintEffect};
use berth_model::object::{Kind, Object, ObjectKey};
use berth_sim::admission::UNREACHABLE;
use berth_sim::world::{UNSCHEDULABLE, taint_if_cordoned};
use rustc_hash::FxHashMap;

use crate::Millis;
use crate::record::Cause;
use crate::simulation::Simulation;
use crate::timers::Timer;

/// `--node-monitor-grace-period`: a node that has not renewed its lease for so long is not ready.
pub const GRACE_PERIOD: Millis = 50_000;
/// `--node-monitor-period`: how often nodes are looked at.
pub const MONITOR_PERIOD: Millis = 5_000;
/// The time between two nodes of a zone that get the taint `NoExecute` (`--node-eviction-rate` 0.1 per second).
pub const EVICTION_INTERVAL: Millis = 10_000;
/// The same in a zone in which most nodes are not ready (`--secondary-node-eviction-rate` 0.01 per second).
pub const SECONDARY_EVICTION_INTERVAL: Millis = 100_000;
/// In such a zone with no more nodes than this, no node gets it (`--large-cluster-size-threshold`).
pub const LARGE_ZONE: usize = 50;
/// From this percentage of nodes that are not ready on a zone counts as disrupted (`--unhealthy-zone-threshold`).
pub const UNHEALTHY_PERCENT: usize = 55;
/// How long after a node was removed its pods are removed (`quarantineTime` of the pod garbage collector).
const POD_GARBAGE_DELAY: Millis = 40_000;

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";

/// A node of the simulation.
#[derive(Clone, Debug)]
pub(crate) struct NodeState {
    pub(crate) name: Str,
    zone: usize,
    /// The object exists.
    pub(crate) exists: bool,
    /// Its agent works.
    pub(crate) works: bool,
    /// When it failed last.
    failed: Millis,
    /// The condition `Ready` is true.
    ready: bool,
    /// Its pods that have not ended, in the order in which they were made.
    pub(crate) pods: BTreeSet<u32>,
    /// A drain is in progress; whether it deletes pods without a controller.
    pub(crate) draining: Option<bool>,
}

/// What the node lifecycle controller knows of a zone.
#[derive(Clone, Debug, Default)]
struct Zone {
    nodes: BTreeSet<u32>,
    /// Nodes that wait for the taint `NoExecute`, in their order.
    queue: Vec<u32>,
    /// When the next one may get it.
    next: Millis,
}

/// All nodes, by number, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodes {
    states: Vec<NodeState>,
    by_name: FxHashMap<Str, u32>,
    zones: Vec<Zone>,
    zone_names: BTreeMap<(Str, Str), usize>,
    on: FxHashMap<u32, u32>,
    /// Grows with each change of a node's object.
    pub(crate) version: u64,
}

impl Nodes {
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied().filter(|id| self.states[*id as usize].exists)
    }

    pub(crate) fn get(&self, id: u32) -> Option<&NodeState> {
        self.states.get(id as usize)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut NodeState> {
        self.states.get_mut(id as usize)
    }

    /// All nodes that exist.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &NodeState)> {
        (0..).zip(&self.states).filter(|(_, node)| node.exists)
    }

    /// A pod is on the node.
    pub(crate) fn place(&mut self, node: u32, pod: u32) {
        if let Some(state) = self.get_mut(node) {
            state.pods.insert(pod);
            self.on.insert(pod, node);
        }
    }

    /// A pod on the node has ended.
    pub(crate) fn leave(&mut self, node: u32, pod: u32) {
        if let Some(state) = self.get_mut(node) {
            state.pods.remove(&pod);
        }
        self.on.remove(&pod);
    }

    /// A pod does not exist any more.
    pub(crate) fn forget_pod(&mut self, pod: u32) {
        if let Some(node) = self.on.get(&pod).copied() {
            self.leave(node, pod);
        }
    }

    fn add(&mut self, node: &Node) -> u32 {
        let label = |key: &str| node.labels.get(key).cloned().unwrap_or_default();
        let zone_key = (label(REGION), label(ZONE));
        let zone = *self.zone_names.entry(zone_key).or_insert(self.zones.len());
        if zone == self.zones.len() {
            self.zones.push(Zone::default());
        }
        // There are far fewer.
        let id = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        self.zones[zone].nodes.insert(id);
        self.by_name.insert(node.name.clone(), id);
        self.states.push(NodeState {
            name: node.name.clone(),
            zone,
            exists: true,
            works: true,
            failed: 0,
            ready: true,
            pods: BTreeSet::new(),
            draining: None,
        });
        id
    }

    /// How long a node of a zone waits after the one before it; `None` if none gets the taint now.
    fn eviction_interval(&self, zone: usize) -> Option<Millis> {
        let counts = |zone: &Zone| {
            let ready = zone.nodes.iter().filter(|id| self.states[**id as usize].ready).count();
            (ready, zone.nodes.len() - ready)
        };
        if self.zones.iter().map(counts).all(|(ready, _)| ready == 0) {
            return None;
        }
        let (ready, unready) = counts(&self.zones[zone]);
        let is_disrupted = unready > 2 && unready * 100 >= UNHEALTHY_PERCENT * (ready + unready);
        match ready {
            0 => Some(EVICTION_INTERVAL),
            _ if is_disrupted && ready + unready > LARGE_ZONE => Some(SECONDARY_EVICTION_INTERVAL),
            _ if is_disrupted => None,
            _ => Some(EVICTION_INTERVAL),
        }
    }
}

fn node_key(name: &Str) -> ObjectKey {
    ObjectKey { kind: Kind::Node, namespace: Str::default(), name: name.clone() }
}

fn taint(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.into(), value: Str::default(), effect }
}

impl Simulation {
    /// A node joins, or its object is replaced.
    pub(crate) fn put_node(&mut self, mut node: Node) {
        taint_if_cordoned(&mut node);
        let before = match self.object(&node_key(&node.name)) {
            Some(Object::Node(before)) => Some(before),
            _ => None,
        };
        let known = self.nodes.find(&node.name);
        let id = known.unwrap_or_else(|| self.nodes.add(&node));
        let ready = self.nodes.get(id).is_some_and(|state| state.ready);
        if let Some(before) = before.filter(|_| ready) {
            self.recorder.node_changed(self.now, &before.allocatable, false);
        }
        if ready {
            self.recorder.node_changed(self.now, &node.allocatable, true);
        }
        self.store.put(Object::Node(node));
        self.wake_daemon_sets();
        self.evict_by_taints(id);
    }

    /// Changes a node's object.
    fn change_node(&mut self, id: u32, change: impl FnOnce(&mut Node)) {
        let Some(state) = self.nodes.get(id).filter(|state| state.exists) else { return };
        if let Some(Object::Node(mut node)) = self.object(&node_key(&state.name)) {
            change(&mut node);
            self.store.put(Object::Node(node));
            self.wake_daemon_sets();
        }
    }

    /// The machine fails: its pods do not work any more, and nothing answers.
    pub(crate) fn fail_node(&mut self, id: u32) {
        let now = self.now;
        let Some(state) = self.nodes.get_mut(id).filter(|state| state.works && state.exists) else { return };
        state.works = false;
        state.failed = now;
        let (pods, name) = (state.pods.clone(), state.name.clone());
        for pod in pods {
            self.change_record(pod, |record| {
                record.run = None;
                record.serves = false;
            });
            if let Some(record) = self.pods.get(pod).filter(|record| record.followed) {
                self.tell(format!("{} is lost: its node {name} has failed", record.key.name));
            }
        }
        let noticed = (now + GRACE_PERIOD).next_multiple_of(MONITOR_PERIOD);
        self.timers.set(noticed, Timer::NodeHealth(id));
    }

    /// The machine works again: its agent restarts the pods that it should run, and ends those that were deleted.
    pub(crate) fn recover_node(&mut self, id: u32) {
        let Some(state) = self.nodes.get_mut(id).filter(|state| !state.works && state.exists) else { return };
        state.works = true;
        let pods = state.pods.clone();
        self.set_ready(id, true);
        for pod in pods {
            let Some(record) = self.pods.get(pod) else { continue };
            if record.terminating {
                self.remove_pod(pod);
                continue;
            }
            if record.followed {
                let text = format!("{} starts again: its node works again", record.key.name);
                self.tell(text);
            }
            self.change_record(pod, |record| record.ready = false);
            self.start_pod(pod, id, false);
        }
    }

    /// A node's lease was not renewed for the grace period.
    pub(crate) fn check_node(&mut self, id: u32) {
        let Some(state) = self.nodes.get(id).filter(|state| state.exists && !state.works && state.ready)
        else {
            return;
        };
        if self.now < state.failed + GRACE_PERIOD {
            return;
        }
        let pods = state.pods.clone();
        self.set_ready(id, false);
        for pod in pods {
            self.change_record(pod, |record| record.ready = false);
        }
    }

    /// The condition `Ready` of a node changes, and with it its taints.
    fn set_ready(&mut self, id: u32, ready: bool) {
        let Some(state) = self.nodes.get_mut(id).filter(|state| state.ready != ready) else { return };
        state.ready = ready;
        let (zone, name) = (state.zone, state.name.clone());
        if let Some(Object::Node(node)) = self.object(&node_key(&name)) {
            self.recorder.node_changed(self.now, &node.allocatable, ready);
        }
        self.change_node(id, |node| {
            node.taints.retain(|taint| &*taint.key != UNREACHABLE);
            if !ready {
                node.taints.push(taint(UNREACHABLE, TaintEffect::NoSchedule));
            }
        });
        let queue = &mut self.nodes.zones[zone].queue;
        queue.retain(|other| *other != id);
        if !ready {
            queue.push(id);
        }
        self.evict_by_taints(id);
        if !self.nodes.iter().any(|(_, node)| node.ready) {
            self.stop_evictions();
        }
        // The rates of all zones may have changed. All nodes are looked at before one gets the taint.
        for zone in 0..self.nodes.zones.len() {
            self.timers.set(self.now, Timer::TaintZone(zone));
        }
    }

    /// No node is ready: it is more likely that the control plane is cut off. No pod is evicted then.
    fn stop_evictions(&mut self) {
        let ids: Vec<u32> = self.nodes.iter().map(|(id, _)| id).collect();
        for id in ids {
            self.change_node(id, |node| {
                node.taints
                    .retain(|taint| &*taint.key != UNREACHABLE || taint.effect != TaintEffect::NoExecute);
            });
            self.evict_by_taints(id);
            let Some(zone) = self.nodes.get(id).map(|node| node.zone) else { continue };
            let queue = &mut self.nodes.zones[zone].queue;
            if !queue.contains(&id) {
                queue.push(id);
            }
        }
    }

    /// Gives the taint `NoExecute` to the next node of a zone, if the eviction rate allows it.
    pub(crate) fn taint_zone(&mut self, zone: usize) {
        let now = self.now;
        let Some(interval) = self.nodes.eviction_interval(zone) else { return };
        let state = &mut self.nodes.zones[zone];
        let Some(next) = state.queue.first().copied() else { return };
        if now < state.next {
            self.timers.set(state.next, Timer::TaintZone(zone));
            return;
        }
        state.queue.remove(0);
        state.next = now + interval;
        if !state.queue.is_empty() {
            self.timers.set(state.next, Timer::TaintZone(zone));
        }
        self.change_node(next, |node| node.taints.push(taint(UNREACHABLE, TaintEffect::NoExecute)));
        self.evict_by_taints(next);
    }

    /// Deletes the pods of a node that do not tolerate its taints, now or later.
    pub(crate) fn evict_by_taints(&mut self, id: u32) {
        let Some(state) = self.nodes.get(id) else { return };
        let Some(Object::Node(node)) = self.object(&node_key(&state.name)) else { return };
        let execute = |taint: &&Taint| taint.effect == TaintEffect::NoExecute;
        let taints: Vec<Taint> = node.taints.iter().filter(execute).cloned().collect();
        for pod in state.pods.clone() {
            self.evict_by(pod, &taints);
        }
    }

    fn evict_by(&mut self, pod: u32, taints: &[Taint]) {
        let now = self.now;
        let Some(record) = self.pods.get(pod).filter(|record| !record.terminating) else { return };
        let Some(spec) = self.store.pod(&record.key).map(|manifest| manifest.pod.spec.clone()) else {
            return;
        };
        let mut until: Option<Millis> = None;
        let mut is_tolerated = true;
        for taint in taints {
            let tolerating = spec.tolerations.iter().filter(|toleration| toleration.tolerates(taint));
            let seconds: Vec<Option<i64>> = tolerating.map(|toleration| toleration.seconds).collect();
            is_tolerated &= !seconds.is_empty();
            let shortest = seconds.into_iter().flatten().min();
            let ends = shortest.map(|seconds| now + u64::try_from(seconds).unwrap_or(0) * 1_000);
            until = until.into_iter().chain(ends).min();
        }
        if !is_tolerated {
            return self.delete_pod(pod, Some(Cause::Taint));
        }
        // A toleration that runs already goes on.
        let before = record.tolerates_until.filter(|_| until.is_some());
        let until = before.or(until);
        if let Some(record) = self.pods.get_mut(pod) {
            record.tolerates_until = until;
        }
        if let Some(until) = until {
            self.timers.set(until, Timer::Tolerated(pod));
        }
    }

    /// A pod does not tolerate the taints of its node any longer.
    pub(crate) fn toleration_ends(&mut self, pod: u32) {
        let is_over = |until: Millis| until <= self.now;
        if self.pods.get(pod).and_then(|record| record.tolerates_until).is_some_and(is_over) {
            self.delete_pod(pod, Some(Cause::Taint));
        }
    }

    /// The node is cordoned, or not any more. A cordoned node has a taint, as upstream gives it.
    pub(crate) fn cordon(&mut self, id: u32, cordoned: bool) {
        self.change_node(id, |node| {
            node.unschedulable = cordoned;
            node.taints.retain(|taint| &*taint.key != UNSCHEDULABLE);
            taint_if_cordoned(node);
        });
        if !cordoned && let Some(state) = self.nodes.get_mut(id) {
            state.draining = None;
        }
    }

    /// The node's object is deleted. Its pods stay until the pod garbage collector finds them.
    pub(crate) fn remove_node(&mut self, id: u32) {
        let Some(state) = self.nodes.get(id).filter(|state| state.exists) else { return };
        let (name, ready, zone) = (state.name.clone(), state.ready, state.zone);
        if let Some(Object::Node(node)) = self.object(&node_key(&name))
            && ready
        {
            self.recorder.node_changed(self.now, &node.allocatable, false);
        }
        self.fail_node(id);
        if let Some(state) = self.nodes.get_mut(id) {
            state.exists = false;
            state.ready = false;
        }
        let zone = &mut self.nodes.zones[zone];
        zone.nodes.remove(&id);
        zone.queue.retain(|other| *other != id);
        self.store.remove(&node_key(&name));
        self.remove_slices_of(&name);
        self.wake_daemon_sets();
        self.timers.set(self.now + POD_GARBAGE_DELAY, Timer::PodGarbage);
    }

    /// Removes the pods of nodes that do not exist any more.
    pub(crate) fn collect_pods(&mut self) {
        let gone = self.nodes.states.iter().filter(|node| {
            !node.exists && node.failed + POD_GARBAGE_DELAY <= self.now && !node.pods.is_empty()
        });
        let pods: Vec<u32> = gone.flat_map(|node| node.pods.iter().copied()).collect();
        for pod in pods {
            self.delete_pod(pod, Some(Cause::NodeGone));
            self.remove_pod(pod);
        }
    }

    /// For each node: its name, and the CPU that its pods request and that it has, in thousandths.
    #[cfg(test)]
    pub(crate) fn requested(&self) -> Vec<(Str, i64, i64)> {
        let cpu = self.recorder.resources.iter().position(|name| &**name == "cpu");
        let of_node = |node: &NodeState| {
            let requests =
                node.pods.iter().filter_map(|pod| self.pods.get(*pod)).flat_map(|pod| pod.requests.iter());
            let sum = requests.filter(|(resource, _)| Some(*resource) == cpu).map(|(_, amount)| amount).sum();
            let Some(Object::Node(object)) = self.object(&node_key(&node.name)) else { return None };
            let allocatable = object.allocatable.iter().find(|(name, _)| &**name == "cpu")?.1.milli_value();
            Some((node.name.clone(), sum, allocatable))
        };
        self.nodes.iter().filter_map(|(_, node)| of_node(node)).collect()
    }
}
