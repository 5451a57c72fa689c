//! What is counted and measured while time passes.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::node::ResourceList;
use berth_model::pod::PodSpec;
use berth_model::requests::CPU;

use crate::Millis;
use crate::pods::{Counted, PodRecord};

/// Why a pod was taken from its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// A pod of higher priority needed the room.
    Preemption,
    /// A drain of its node.
    Drain,
    /// A taint of its node that it does not tolerate.
    Taint,
    /// Its node does not exist any more.
    NodeGone,
}

impl Cause {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Preemption => "preemption",
            Self::Drain => "drain",
            Self::Taint => "taint",
            Self::NodeGone => "node removed",
        }
    }
}

/// Pods that are reported together: those of one workload, or those without a controller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) label: String,
    /// How many pods should serve, for workloads of which that is known.
    pub(crate) desired: Option<i32>,
    pub(crate) serving: i32,
    pub(crate) created: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) evicted: u64,
    pub(crate) waits: Vec<Millis>,
    /// As many pods as desired have served at once: from then on a lack counts.
    pub(crate) was_complete: bool,
    pub(crate) fewest: Option<i32>,
    /// Pod milliseconds that were lacking.
    pub(crate) lacking: u64,
    /// Milliseconds with fewer pods than desired, and with none.
    pub(crate) below: Millis,
    pub(crate) without: Millis,
    since: Millis,
}

impl Group {
    fn pass(&mut self, now: Millis) {
        let passed = now - std::mem::replace(&mut self.since, now);
        let Some(desired) = self.desired.filter(|desired| self.was_complete && *desired > 0) else { return };
        let lacking = u64::try_from(desired - self.serving).unwrap_or(0);
        self.lacking += lacking * passed;
        self.below += if lacking > 0 { passed } else { 0 };
        self.without += if self.serving == 0 { passed } else { 0 };
    }

    /// The number of serving pods, or of those desired, has changed.
    pub(crate) fn change(&mut self, now: Millis, serving: i32, desired: Option<i32>) {
        self.pass(now);
        self.serving = serving;
        self.desired = desired;
        let Some(desired) = desired else { return };
        self.was_complete |= serving >= desired;
        if self.was_complete {
            self.fewest = Some(self.fewest.map_or(serving, |fewest| fewest.min(serving)));
        }
    }
}

/// The state of the cluster at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) at: Millis,
    pub(crate) pending: u64,
    pub(crate) running: u64,
    pub(crate) ready_nodes: u64,
    /// By the number of the resource.
    pub(crate) allocated: Vec<i64>,
    pub(crate) allocatable: Vec<i64>,
}

/// A command of the user, and what it did.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) at: Millis,
    pub(crate) text: String,
}

/// Counters, levels and series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) resources: Vec<Str>,
    pub(crate) groups: Vec<Group>,
    by_label: BTreeMap<String, usize>,
    pub(crate) now: Sample,
    pub(crate) samples: Vec<Sample>,
    /// Sums over time of what is allocated and allocatable, by resource, in units times milliseconds.
    pub(crate) allocated: Vec<i128>,
    pub(crate) allocatable: Vec<i128>,
    pub(crate) pending: u128,
    since: Millis,
    pub(crate) created: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) deleted: u64,
    pub(crate) evictions: BTreeMap<Cause, u64>,
    pub(crate) waits: BTreeMap<i32, Vec<Millis>>,
    pub(crate) notes: Vec<Note>,
    pub(crate) story: Vec<Note>,
}

impl Recorder {
    /// The number of a resource.
    fn resource(&mut self, name: &Str) -> usize {
        if let Some(at) = self.resources.iter().position(|known| known == name) {
            return at;
        }
        self.resources.push(name.clone());
        for list in [&mut self.now.allocated, &mut self.now.allocatable] {
            list.push(0);
        }
        self.allocated.push(0);
        self.allocatable.push(0);
        self.resources.len() - 1
    }

    /// The requests of a pod.
    pub(crate) fn requests(&mut self, spec: &PodSpec) -> Vec<(usize, i64)> {
        let exact = spec.total_requests().exact;
        let amount = |name: &str, quantity: berth_model::quantity::Quantity| match name {
            CPU => quantity.milli_value(),
            _ => quantity.value(),
        };
        exact.iter().map(|(name, quantity)| (self.resource(name), amount(name, *quantity))).collect()
    }

    /// The group of a label.
    pub(crate) fn group(&mut self, label: &str) -> usize {
        if let Some(at) = self.by_label.get(label) {
            return *at;
        }
        let at = self.groups.len();
        self.by_label.insert(label.to_owned(), at);
        self.groups.push(Group { label: label.to_owned(), ..Group::default() });
        at
    }

    /// Adds up what was so since the last change.
    pub(crate) fn pass(&mut self, now: Millis) {
        let passed = now - std::mem::replace(&mut self.since, now);
        if passed == 0 {
            return;
        }
        let sums = self.allocated.iter_mut().zip(&self.now.allocated);
        for (sum, level) in sums.chain(self.allocatable.iter_mut().zip(&self.now.allocatable)) {
            *sum += i128::from(*level) * i128::from(passed);
        }
        self.pending += u128::from(self.now.pending) * u128::from(passed);
    }

    /// A pod has changed.
    pub(crate) fn pod_changed(&mut self, now: Millis, pod: &PodRecord, before: Counted, after: Counted) {
        if before == after {
            return;
        }
        self.pass(now);
        let change = |before: bool, after: bool| i64::from(after) - i64::from(before);
        let add = |level: &mut u64, change: i64| *level = level.saturating_add_signed(change);
        add(&mut self.now.pending, change(before.waits, after.waits));
        add(&mut self.now.running, change(before.holds, after.holds));
        for (resource, amount) in &*pod.requests {
            self.now.allocated[*resource] += amount * change(before.holds, after.holds);
        }
        if before.serves != after.serves {
            let group = &mut self.groups[pod.group];
            let serving = group.serving + i32::from(after.serves) - i32::from(before.serves);
            group.change(now, serving, group.desired);
        }
    }

    /// A pod is counted in another group from now on.
    pub(crate) fn regroup(&mut self, now: Millis, before: usize, after: usize, serves: bool) {
        for (at, sign) in [(before, -1), (after, 1)] {
            let group = &mut self.groups[at];
            group.created = group.created.saturating_add_signed(i64::from(sign));
            group.change(now, group.serving + if serves { sign } else { 0 }, group.desired);
        }
    }

    /// A node takes pods, or does not any more.
    pub(crate) fn node_changed(&mut self, now: Millis, allocatable: &ResourceList, is_ready: bool) {
        self.pass(now);
        let sign = if is_ready { 1 } else { -1 };
        self.now.ready_nodes = self.now.ready_nodes.saturating_add_signed(sign);
        for (name, quantity) in allocatable {
            let amount = if &**name == CPU { quantity.milli_value() } else { quantity.value() };
            let at = self.resource(name);
            self.now.allocatable[at] += sign * amount;
        }
    }

    /// Keeps the state of this time for the series.
    pub(crate) fn sample(&mut self, at: Millis) {
        self.samples.push(Sample { at, ..self.now.clone() });
    }

    /// Ends all sums at this time.
    pub(crate) fn finish(&mut self, now: Millis) {
        self.pass(now);
        for group in &mut self.groups {
            group.pass(now);
        }
    }
}
