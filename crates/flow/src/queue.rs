//! The scheduling queue: where each pod that is not placed waits, and for what.
//!
//! ```text
//!                  gate removed                     pop
//!      gated ─────────────────────▶ active ────────────────────▶ in flight ───▶ (bound: leaves the queue)
//!                                   ▲    ▲                        │      │
//!                    backoff is over │    │ requeued after         │      │ fits on no node
//!                                   │    │ its backoff            │      ▼
//!                                 backoff ◀────────────────────── │ ── unschedulable
//!                                   ▲       requeued earlier      │
//!                                   └─────────────────────────────┘ error, or failed binding
//! ```
//!
//! Active pods are tried by priority, then by the time at which they came or failed. A pod that fits on no node waits
//! until an event may help it (`requeue.rs`). Then it is active again, but not before its backoff is over. The first
//! failure costs the initial backoff, each further failure twice as long, up to a limit. If no pod is active, a pod in
//! backoff that was rejected is tried early. A pod in backoff after an error is not.
//!
//! Upstream: `backend/queue/scheduling_queue.go`, `backoff_queue.go`.

mod requeue;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use berth_engine::ids::{PodClassId, PodRow};
use berth_engine::name::PluginName;

pub(crate) use requeue::EXTENDER;

/// A delay that doubles with each failure, up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) initial_millis: u64,
    pub(crate) max_millis: u64,
}

impl Backoff {
    /// The delay after this many failures in a row, in milliseconds.
    pub(crate) fn after(self, failures: u32) -> u64 {
        match failures.checked_sub(1) {
            None => 0,
            Some(shift) if shift >= 32 || self.initial_millis > self.max_millis >> shift => self.max_millis,
            Some(shift) => self.initial_millis << shift,
        }
    }
}

/// Unschedulable pods of one class that the same plugins rejected. What helps one of them may help all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RejectionGroup {
    /// An index of the profiles.
    pub(crate) profile: usize,
    /// The pods' class.
    pub(crate) class: PodClassId,
    /// The plugins that rejected them, sorted.
    pub(crate) plugins: Vec<PluginName>,
}

/// The order of pods, the least first: priority, time, order of arrival.
type QueueKey = (Reverse<i32>, u64, u64, PodRow);

/// The part of the queue that a pod is in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Active,
    Backoff,
    Unschedulable(RejectionGroup),
    Gated,
    InFlight,
}

impl Place {
    /// Upstream's name of it.
    fn name(&self) -> &'static str {
        match self {
            Self::Active | Self::InFlight => "active",
            Self::Backoff => "backoff",
            Self::Unschedulable(_) => "unschedulable",
            Self::Gated => "gated",
        }
    }
}

/// What the queue knows of a pod.
#[derive(Debug)]
pub(crate) struct QueuedPodInfo {
    priority: i32,
    /// When it came, or failed last.
    time: u64,
    arrival: u64,
    place: Place,
    attempts: u32,
    first_attempt: Option<u64>,
    rejections: u32,
    /// Errors in a row.
    errors: u32,
    backoff_ends: u64,
    /// Whether the last failure was an error.
    failed: bool,
}

impl QueuedPodInfo {
    fn new(priority: i32, now: u64, arrival: u64) -> Self {
        Self {
            priority,
            time: now,
            arrival,
            place: Place::InFlight,
            attempts: 0,
            first_attempt: None,
            rejections: 0,
            errors: 0,
            backoff_ends: 0,
            failed: false,
        }
    }

    fn key(&self, pod: PodRow) -> QueueKey {
        (Reverse(self.priority), self.time, self.arrival, pod)
    }

    /// The part of the queue, as upstream names it.
    pub(crate) fn place_name(&self) -> &'static str {
        self.place.name()
    }

    /// How often the pod was tried.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// When it was tried first, in milliseconds.
    pub(crate) fn first_attempt(&self) -> Option<u64> {
        self.first_attempt
    }

    /// Why an unschedulable pod waits.
    pub(crate) fn rejection(&self) -> Option<&RejectionGroup> {
        match &self.place {
            Place::Unschedulable(group) => Some(group),
            _ => None,
        }
    }
}

/// How many pods are in each part of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods that are tried next.
    pub active: usize,
    /// Pods that are tried when their backoff is over.
    pub backoff: usize,
    /// Pods that wait for an event that may help them.
    pub unschedulable: usize,
    /// Pods that a PreEnqueue plugin holds back.
    pub gated: usize,
}

/// Every pod that is not placed, in exactly one part.
#[derive(Debug)]
pub(crate) struct SchedulingQueue {
    backoff: Backoff,
    /// By row of the pod.
    infos: Vec<Option<QueuedPodInfo>>,
    active: BTreeSet<QueueKey>,
    /// Rejected pods in backoff, by its end.
    rejected: BTreeSet<(u64, QueueKey)>,
    /// Pods in backoff after an error, by its end.
    failed: BTreeSet<(u64, QueueKey)>,
    unschedulable: BTreeMap<RejectionGroup, BTreeSet<PodRow>>,
    /// Unschedulable pods by the time since when they wait.
    unschedulable_since: BTreeSet<(u64, PodRow)>,
    gated: BTreeSet<PodRow>,
    arrivals: u64,
    /// The engine's number of reclassifications when unschedulable pods were grouped by class last.
    reclassifications: u64,
}

impl SchedulingQueue {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            infos: Vec::new(),
            active: BTreeSet::new(),
            rejected: BTreeSet::new(),
            failed: BTreeSet::new(),
            unschedulable: BTreeMap::new(),
            unschedulable_since: BTreeSet::new(),
            gated: BTreeSet::new(),
            arrivals: 0,
            reclassifications: 0,
        }
    }

    /// Adds a new pod. Returns the part that it enters.
    pub(crate) fn add(&mut self, pod: PodRow, priority: i32, gated: bool, now: u64) -> &'static str {
        if self.infos.len() <= pod.index() {
            self.infos.resize_with(pod.index().saturating_add(1), || None);
        }
        self.arrivals = self.arrivals.saturating_add(1);
        self.infos[pod.index()] = Some(QueuedPodInfo::new(priority, now, self.arrivals));
        self.link(pod, if gated { Place::Gated } else { Place::Active })
    }

    /// Removes a pod: it is deleted or bound.
    pub(crate) fn remove(&mut self, pod: PodRow) {
        self.unlink(pod);
        if let Some(info) = self.infos.get_mut(pod.index()) {
            *info = None;
        }
    }

    /// Takes the next pod. It is in flight from now on.
    pub(crate) fn pop(&mut self, now: u64) -> Option<PodRow> {
        self.end_backoffs(now);
        let early = || self.rejected.first().map(|(_, key)| key.3);
        let pod = self.active.first().map(|key| key.3).or_else(early)?;
        self.unlink(pod);
        self.link(pod, Place::InFlight);
        let info = self.infos[pod.index()].as_mut()?;
        info.attempts = info.attempts.saturating_add(1);
        info.first_attempt.get_or_insert(now);
        Some(pod)
    }

    /// A pod in flight fits on no node. It waits until an event may help it.
    pub(crate) fn reject(&mut self, pod: PodRow, group: RejectionGroup, now: u64) {
        self.unlink(pod);
        let backoff = self.backoff;
        if let Some(info) = self.info_mut(pod) {
            info.rejections = info.rejections.saturating_add(1);
            info.errors = 0;
            info.time = now;
            info.backoff_ends = now.saturating_add(backoff.after(info.rejections));
            info.failed = false;
            self.link(pod, Place::Unschedulable(group));
        }
    }

    /// The attempt or the binding of a pod in flight failed with an error. It is tried again after its backoff.
    pub(crate) fn fail(&mut self, pod: PodRow, now: u64) {
        self.unlink(pod);
        let backoff = self.backoff;
        if let Some(info) = self.info_mut(pod) {
            info.errors = info.errors.saturating_add(1);
            info.time = now;
            info.backoff_ends = now.saturating_add(backoff.after(info.errors));
            info.failed = true;
            self.link(pod, Place::Backoff);
        }
    }

    /// An unschedulable pod may fit now. Returns the part that it enters; `None` if the pod is not unschedulable.
    pub(crate) fn requeue(&mut self, pod: PodRow, now: u64) -> Option<&'static str> {
        let info = self.info(pod)?;
        info.rejection()?;
        let place = if info.backoff_ends > now { Place::Backoff } else { Place::Active };
        self.unlink(pod);
        Some(self.link(pod, place))
    }

    /// The pods that are gated.
    pub(crate) fn gated(&self) -> Vec<PodRow> {
        self.gated.iter().copied().collect()
    }

    /// Makes an unschedulable pod or one in backoff active. `false` if it is in no such part.
    pub(crate) fn activate(&mut self, pod: PodRow) -> bool {
        let place = self.info(pod).map(|info| &info.place);
        let waits = matches!(place, Some(Place::Unschedulable(_) | Place::Backoff));
        if waits {
            self.unlink(pod);
            self.link(pod, Place::Active);
        }
        waits
    }

    /// A PreEnqueue plugin holds a pod back, or none does any more. Returns the part that the pod enters; `None` if
    /// nothing changes.
    pub(crate) fn set_gated(&mut self, pod: PodRow, gated: bool, now: u64) -> Option<&'static str> {
        let is_gated = self.info(pod)?.place == Place::Gated;
        if is_gated == gated {
            return None;
        }
        self.unlink(pod);
        self.info_mut(pod)?.time = now;
        Some(self.link(pod, if gated { Place::Gated } else { Place::Active }))
    }

    /// The pods that have been unschedulable for at least this long, the longest first.
    pub(crate) fn overdue(&self, now: u64, millis: u64) -> Vec<PodRow> {
        let long = |(since, _): &&(u64, PodRow)| since.saturating_add(millis) <= now;
        self.unschedulable_since.iter().take_while(long).map(|(_, pod)| *pod).collect()
    }

    /// When the next backoff ends or the next pod is overdue, in milliseconds.
    pub(crate) fn next_timer(&self, flush_millis: Option<u64>) -> Option<u64> {
        let backoffs = [&self.rejected, &self.failed].into_iter().filter_map(|set| set.first());
        let oldest = self.unschedulable_since.first();
        let flush = oldest.zip(flush_millis).map(|((since, _), wait)| since.saturating_add(wait));
        backoffs.map(|(until, _)| *until).chain(flush).min()
    }

    /// Whether [`SchedulingQueue::pop`] returns a pod at this time.
    pub(crate) fn has_due(&self, now: u64) -> bool {
        !self.active.is_empty()
            || !self.rejected.is_empty()
            || self.failed.first().is_some_and(|(until, _)| *until <= now)
    }

    /// Moves an unschedulable pod to another group. It keeps waiting.
    pub(crate) fn regroup(&mut self, pod: PodRow, group: RejectionGroup) {
        self.unlink(pod);
        self.link(pod, Place::Unschedulable(group));
    }

    /// The unschedulable pods by group.
    pub(crate) fn unschedulable(&self) -> impl Iterator<Item = (&RejectionGroup, &BTreeSet<PodRow>)> {
        self.unschedulable.iter()
    }

    /// Whether any pod is unschedulable. If none is, no event has to be looked at.
    pub(crate) fn has_unschedulable(&self) -> bool {
        !self.unschedulable.is_empty()
    }

    /// What the queue knows of a pod; `None` if it is not in the queue.
    pub(crate) fn info(&self, pod: PodRow) -> Option<&QueuedPodInfo> {
        self.infos.get(pod.index())?.as_ref()
    }

    /// How often a pod was tried; 0 if it is not in the queue.
    pub(crate) fn attempts(&self, pod: PodRow) -> u32 {
        self.info(pod).map_or(0, QueuedPodInfo::attempts)
    }

    /// How many pods are in each part.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            active: self.active.len(),
            backoff: self.rejected.len().saturating_add(self.failed.len()),
            unschedulable: self.unschedulable_since.len(),
            gated: self.gated.len(),
        }
    }

    fn end_backoffs(&mut self, now: u64) {
        for set in [&mut self.rejected, &mut self.failed] {
            while let Some(&(until, key)) = set.first()
                && until <= now
            {
                set.pop_first();
                if let Some(info) = &mut self.infos[key.3.index()] {
                    info.place = Place::Active;
                }
                self.active.insert(key);
            }
        }
    }

    fn info_mut(&mut self, pod: PodRow) -> Option<&mut QueuedPodInfo> {
        self.infos.get_mut(pod.index())?.as_mut()
    }

    /// Takes a pod out of its part.
    fn unlink(&mut self, pod: PodRow) {
        let Some(info) = self.infos.get(pod.index()).and_then(Option::as_ref) else { return };
        let key = info.key(pod);
        match &info.place {
            Place::Active => drop(self.active.remove(&key)),
            Place::Backoff if info.failed => drop(self.failed.remove(&(info.backoff_ends, key))),
            Place::Backoff => drop(self.rejected.remove(&(info.backoff_ends, key))),
            Place::Gated => drop(self.gated.remove(&pod)),
            Place::InFlight => {}
            Place::Unschedulable(group) => {
                self.unschedulable_since.remove(&(info.time, pod));
                if let Some(pods) = self.unschedulable.get_mut(group) {
                    pods.remove(&pod);
                    if pods.is_empty() {
                        self.unschedulable.remove(group);
                    }
                }
            }
        }
    }

    /// Puts a pod that is in no part into one. Returns the name of the part.
    fn link(&mut self, pod: PodRow, place: Place) -> &'static str {
        let name = place.name();
        let Some(info) = self.infos.get_mut(pod.index()).and_then(Option::as_mut) else { return name };
        info.place = place;
        let key = info.key(pod);
        match &info.place {
            Place::Active => drop(self.active.insert(key)),
            Place::Backoff if info.failed => drop(self.failed.insert((info.backoff_ends, key))),
            Place::Backoff => drop(self.rejected.insert((info.backoff_ends, key))),
            Place::Gated => drop(self.gated.insert(pod)),
            Place::InFlight => {}
            Place::Unschedulable(group) => {
                self.unschedulable_since.insert((info.time, pod));
                self.unschedulable.entry(group.clone()).or_default().insert(pod);
            }
        }
        name
    }
}

#[cfg(test)]
mod tests;
