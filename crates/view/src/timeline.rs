//! What happened over time: `Timeline` of `berth.dev/v1alpha1`, and the recorder that makes it.
//!
//! A [`TimelineRecorder`] observes a scheduling loop and keeps at most [`POINTS_MAX`] intervals of equal length. If time
//! goes on, two intervals become one, so that it needs the same memory for a minute and for a month.

mod waits;

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_engine::ids::ResourceId;
use berth_flow::{Input, Now, Report, SchedulingLoop};
use berth_model::Str;
use berth_model::object::{Kind, Object};
use berth_sim::report::API_VERSION;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde::Serialize;

use waits::WaitCounts;

/// How many intervals are kept at most. It is even, because two intervals become one.
const POINTS_MAX: usize = 480;

/// What happened over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `Timeline`.
    pub kind: &'static str,
    /// The time at which it begins (RFC 3339).
    pub begin: String,
    /// How long it lasts.
    pub seconds: f64,
    /// The length of an interval.
    pub interval_seconds: f64,
    /// How many decisions were made.
    pub decisions: usize,
    /// The intervals.
    pub points: Vec<Point>,
    /// What is odd about it, a sentence each.
    pub warnings: Vec<String>,
}

/// An interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// Its end, in seconds since the beginning.
    pub seconds: f64,
    /// How many decisions were made up to its end.
    pub decisions: usize,
    /// How many pods each part of the queue has at its end.
    pub queue: Queue,
    /// How many nodes there are at its end.
    pub nodes: usize,
    /// How many pods are on nodes at its end.
    pub running: usize,
    /// How many attempts placed a pod.
    pub placed: usize,
    /// How many attempts placed none.
    pub unplaced: usize,
    /// How many pods were evicted for others.
    pub evicted: usize,
    /// How long pods waited that were placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// The requested share of each resource at its end, over all nodes.
    pub utilization: BTreeMap<String, f64>,
}

/// The parts of the scheduling queue, as upstream's metric `scheduler_pending_pods` has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Pods that are tried next.
    pub active: usize,
    /// Pods that are tried when their backoff is over.
    pub backoff: usize,
    /// Pods that wait for an event that may help them.
    pub unschedulable: usize,
    /// Pods that a PreEnqueue plugin holds back.
    pub gated: usize,
}

/// Seconds from the time when the scheduler saw a pod to the time when it chose the node; at most 7 percent too high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Waits {
    /// Half of the pods waited no longer.
    pub p50: f64,
    /// Nine of ten pods waited no longer.
    pub p90: f64,
    /// 99 of 100 pods waited no longer.
    pub p99: f64,
}

/// Observes a scheduling loop over time. Times are those of its inputs.
#[derive(Clone, Debug)]
pub struct TimelineRecorder {
    /// The first time.
    begin: Option<Now>,
    /// The length of an interval in milliseconds.
    interval: u64,
    closed: Vec<Interval>,
    open: Interval,
    /// The last time, in milliseconds since the first.
    last: u64,
    /// Since when pods wait, by namespace and name.
    waiting: FxHashMap<(Str, Str), u64>,
    decisions: usize,
}

/// An interval that is observed.
#[derive(Clone, Debug, Default)]
struct Interval {
    point: Point,
    waits: WaitCounts,
}

impl Default for TimelineRecorder {
    fn default() -> Self {
        Self::new(1)
    }
}

impl TimelineRecorder {
    /// A recorder whose intervals have at least this length. Levels are read at the end of each interval, which takes
    /// time with each node.
    pub fn new(interval_millis: u64) -> Self {
        Self {
            begin: None,
            interval: interval_millis.max(1),
            closed: Vec::new(),
            open: Interval::default(),
            last: 0,
            waiting: FxHashMap::default(),
            decisions: 0,
        }
    }

    /// Must be called before the loop takes an input or attempts a pod.
    pub fn before(&mut self, now: Now, flow: &SchedulingLoop, input: Option<&Input>) {
        self.pass(now, flow);
        match input {
            None => {}
            Some(Input::Applied(Object::Pod(manifest))) => {
                let pod = &manifest.pod;
                let key = (pod.spec.namespace.clone(), pod.name.clone());
                match pod.node {
                    None => drop(self.waiting.entry(key).or_insert(now.millis)),
                    Some(_) => drop(self.waiting.remove(&key)),
                }
            }
            Some(Input::Deleted(key)) if key.kind == Kind::Pod => {
                self.waiting.remove(&(key.namespace.clone(), key.name.clone()));
            }
            Some(_) => {}
        }
    }

    /// Must be called with each report of the loop.
    pub fn reported(&mut self, now: Now, report: &Report) {
        let Interval { point, waits } = &mut self.open;
        match report {
            Report::Assumed(info, _) => {
                self.decisions += 1;
                point.placed += 1;
                let pod = (info.pod.namespace.clone(), info.pod.name.clone());
                if let Some(since) = self.waiting.remove(&pod) {
                    waits.add(now.millis.saturating_sub(since));
                }
            }
            Report::Unschedulable(..) | Report::Failed(..) => {
                self.decisions += 1;
                point.unplaced += 1;
            }
            Report::Preempted { victims, .. } => point.evicted += victims.len(),
            Report::Queued { .. }
            | Report::Bound { .. }
            | Report::BindingFailed { .. }
            | Report::Warning(_) => {}
        }
    }

    /// Ends the intervals that are over. It costs next to nothing if none is.
    pub fn pass(&mut self, now: Now, flow: &SchedulingLoop) {
        let begin = self.begin.get_or_insert(now).millis;
        self.last = now.millis.saturating_sub(begin).max(self.last);
        if self.last < self.end() {
            return;
        }
        self.open.read(flow, self.decisions);
        while self.last >= self.end() {
            if self.closed.len() + 1 >= POINTS_MAX {
                self.halve();
            } else {
                let next = self.open.following();
                self.closed.push(std::mem::replace(&mut self.open, next));
            }
        }
    }

    /// The end of the open interval, in milliseconds since the first time.
    fn end(&self) -> u64 {
        self.interval.saturating_mul(self.closed.len() as u64 + 1)
    }

    /// Makes each two intervals one.
    fn halve(&mut self) {
        let mut all = std::mem::take(&mut self.closed);
        all.push(std::mem::take(&mut self.open));
        let mut all = all.into_iter();
        while let Some(first) = all.next() {
            let merged = match all.next() {
                Some(second) => first.merged(second),
                None => first,
            };
            self.closed.push(merged);
        }
        self.interval = self.interval.saturating_mul(2);
        // The last one is not over yet.
        self.open = self.closed.pop().unwrap_or_default();
    }

    /// What was observed, with the levels of now. `warnings` are sentences for the reader.
    pub fn timeline(&self, flow: &SchedulingLoop, warnings: Vec<String>) -> Timeline {
        let mut open = self.open.clone();
        open.read(flow, self.decisions);
        let seconds = |millis: u64| millis as f64 / 1_000.0;
        let ends = (1..).map(|number| self.interval.saturating_mul(number)).map(|end| end.min(self.last));
        let points = self.closed.iter().chain([&open]).zip(ends);
        Timeline {
            api_version: API_VERSION,
            kind: "Timeline",
            begin: time(self.begin.unwrap_or_default().unix_micros),
            seconds: seconds(self.last),
            interval_seconds: seconds(self.interval),
            decisions: self.decisions,
            points: points.map(|(one, end)| one.point_at(seconds(end))).collect(),
            warnings,
        }
    }
}

impl Interval {
    /// Reads the levels.
    fn read(&mut self, flow: &SchedulingLoop, decisions: usize) {
        let counts = flow.pending();
        let cluster = flow.scheduler().cluster();
        let point = &mut self.point;
        point.decisions = decisions;
        point.queue = Queue {
            active: counts.active,
            backoff: counts.backoff,
            unschedulable: counts.unschedulable,
            gated: counts.gated,
        };
        point.nodes = cluster.nodes().len();
        point.running = cluster.nodes().rows().map(|row| cluster.nodes().pods(row).len()).sum();
        point.utilization = utilization(cluster);
    }

    /// An interval after this one in which nothing has happened yet. It has the levels of this one.
    fn following(&self) -> Self {
        let levels = self.point.clone();
        let point = Point { placed: 0, unplaced: 0, evicted: 0, waits: None, ..levels };
        Self { point, waits: WaitCounts::default() }
    }

    fn merged(mut self, later: Self) -> Self {
        self.waits.merge(&later.waits);
        let point = Point {
            placed: self.point.placed + later.point.placed,
            unplaced: self.point.unplaced + later.point.unplaced,
            evicted: self.point.evicted + later.point.evicted,
            ..later.point
        };
        Self { point, waits: self.waits }
    }

    fn point_at(&self, seconds: f64) -> Point {
        let share = |share| self.waits.at(share).map(|millis| millis as f64 / 1_000.0);
        let waits = match (share(0.5), share(0.9), share(0.99)) {
            (Some(p50), Some(p90), Some(p99)) => Some(Waits { p50, p90, p99 }),
            _ => None,
        };
        Point { seconds, waits, ..self.point.clone() }
    }
}

/// The requested share of each resource that nodes offer, with three digits.
fn utilization(cluster: &Cluster) -> BTreeMap<String, f64> {
    let nodes = cluster.nodes();
    let mut shares = BTreeMap::new();
    for (id, name) in cluster.resources().iter() {
        let sum = |amount: &dyn Fn(ResourceId) -> i64| i128::from(amount(id));
        let (mut requested, mut offered) = (0_i128, 0_i128);
        for row in nodes.rows() {
            requested += sum(&|id| nodes.requested(row, id));
            offered += sum(&|id| nodes.allocatable(row, id));
        }
        if offered > 0 {
            shares.insert(name.to_string(), rounded(requested as f64 / offered as f64));
        }
    }
    shares
}

fn rounded(share: f64) -> f64 {
    (share * 1_000.0).round() / 1_000.0
}

/// A time in microseconds since the Unix epoch as RFC 3339 has it.
pub fn time(unix_micros: i64) -> String {
    Timestamp::from_microsecond(unix_micros).map_or_else(|_| unix_micros.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
