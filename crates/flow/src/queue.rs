//! The queue: where each unbound pod waits, and for what.
//!
//! ```text
//!                  gate lifted                      pop
//!      gated ─────────────────────▶ active ────────────────────▶ in flight ───▶ (bound: leaves the queue)
//!                                   ▲    ▲                        │      │
//!                        time is up │    │ woken, nothing to      │      │ fits nowhere
//!                                   │    │ wait for               │      ▼
//!                                 backoff ◀────────────────────── │ ── waiting
//!                                   ▲         woken too early     │
//!                                   └─────────────────────────────┘ failed: an error, or the binding
//! ```
//!
//! Active pods are tried by priority, then in the order in which they came (again). A pod that fits nowhere waits until
//! something happens that may help it; then it is active again, but not before its backoff is over: the first failure
//! costs the initial backoff, each further one twice as long, up to a limit. While no pod is active, rejected pods are
//! tried before their time; those that failed with an error are not.
//!
//! Upstream: `backend/queue/scheduling_queue.go`, `backoff_queue.go`.

mod entry;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use berth_engine::ids::{PodClassId, PodRow};
use berth_engine::name::PluginName;

use crate::backoff::Backoff;
pub use entry::Counts;
use entry::Entry;
pub(crate) use entry::Place;

/// Waiting pods of one class that the same plugins rejected: what helps one may help all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    /// An index of the profiles.
    pub(crate) profile: usize,
    /// The pods' class.
    pub(crate) class: PodClassId,
    /// Who rejected them, sorted.
    pub(crate) plugins: Vec<PluginName>,
}

/// Less is earlier: priority, time, order of arrival.
pub(crate) type Turn = (Reverse<i32>, u64, u64, PodRow);

/// Every pod that is not placed, in exactly one place.
#[derive(Debug)]
pub(crate) struct Queue {
    backoff: Backoff,
    /// By row of the pod.
    entries: Vec<Option<Entry>>,
    active: BTreeSet<Turn>,
    /// By the end of the backoff.
    rejected: BTreeSet<(u64, Turn)>,
    failed: BTreeSet<(u64, Turn)>,
    waiting: BTreeMap<Group, BTreeSet<PodRow>>,
    /// By the time since when they wait.
    waiting_since: BTreeSet<(u64, PodRow)>,
    gated: BTreeSet<PodRow>,
    arrivals: u64,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            entries: Vec::new(),
            active: BTreeSet::new(),
            rejected: BTreeSet::new(),
            failed: BTreeSet::new(),
            waiting: BTreeMap::new(),
            waiting_since: BTreeSet::new(),
            gated: BTreeSet::new(),
            arrivals: 0,
        }
    }

    /// Takes a new pod; it is gated or active.
    pub(crate) fn add(&mut self, pod: PodRow, priority: i32, gated: bool, now: u64) {
        if self.entries.len() <= pod.index() {
            self.entries.resize_with(pod.index() + 1, || None);
        }
        self.arrivals += 1;
        self.entries[pod.index()] = Some(Entry::new(priority, now, self.arrivals));
        self.put(pod, if gated { Place::Gated } else { Place::Active });
    }

    /// Forgets a pod: it is gone, or bound.
    pub(crate) fn remove(&mut self, pod: PodRow) {
        self.lift(pod);
        if let Some(entry) = self.entries.get_mut(pod.index()) {
            *entry = None;
        }
    }

    /// The pod whose turn it is; it is in flight from now on.
    pub(crate) fn pop(&mut self, now: u64) -> Option<PodRow> {
        self.end_backoffs(now);
        let early = || self.rejected.first().map(|(_, turn)| turn.3);
        let pod = self.active.first().map(|turn| turn.3).or_else(early)?;
        self.lift(pod);
        self.put(pod, Place::InFlight);
        let entry = self.entry_mut(pod);
        entry.attempts += 1;
        entry.first_attempt.get_or_insert(now);
        Some(pod)
    }

    /// A pod in flight fits nowhere: it waits until something happens that may help.
    pub(crate) fn reject(&mut self, pod: PodRow, group: Group, now: u64) {
        self.lift(pod);
        let backoff = self.backoff;
        let entry = self.entry_mut(pod);
        entry.rejections += 1;
        entry.errors = 0;
        entry.time = now;
        entry.ready = now + backoff.after(entry.rejections);
        entry.failed = false;
        self.put(pod, Place::Waiting(group));
    }

    /// A pod in flight could not be judged or bound: it is tried again after its backoff.
    pub(crate) fn fail(&mut self, pod: PodRow, now: u64) {
        self.lift(pod);
        let backoff = self.backoff;
        let entry = self.entry_mut(pod);
        entry.errors += 1;
        entry.time = now;
        entry.ready = now + backoff.after(entry.errors);
        entry.failed = true;
        self.put(pod, Place::Backoff);
    }

    /// A waiting pod may fit now. Tells in which part of the queue it is then; `None` where it did not wait.
    pub(crate) fn wake(&mut self, pod: PodRow, now: u64) -> Option<&'static str> {
        let entry = self.entries.get(pod.index())?.as_ref()?;
        if !matches!(entry.place, Place::Waiting(_)) {
            return None;
        }
        let place = if entry.ready > now { Place::Backoff } else { Place::Active };
        let name = place.name();
        self.lift(pod);
        self.put(pod, place);
        Some(name)
    }

    /// The pods that are gated.
    pub(crate) fn gated(&self) -> Vec<PodRow> {
        self.gated.iter().copied().collect()
    }

    /// A pod is tried next whatever it waits for, unless it is gated.
    pub(crate) fn activate(&mut self, pod: PodRow) -> bool {
        let place = self.entries.get(pod.index()).and_then(Option::as_ref).map(|entry| &entry.place);
        let can = matches!(place, Some(Place::Waiting(_) | Place::Backoff));
        if can {
            self.lift(pod);
            self.put(pod, Place::Active);
        }
        can
    }

    /// The gate of a pod came or went.
    pub(crate) fn set_gated(&mut self, pod: PodRow, gated: bool, now: u64) -> Option<&'static str> {
        let is_gated = matches!(self.entries.get(pod.index())?.as_ref()?.place, Place::Gated);
        if is_gated == gated {
            return None;
        }
        self.lift(pod);
        self.entry_mut(pod).time = now;
        let place = if gated { Place::Gated } else { Place::Active };
        let name = place.name();
        self.put(pod, place);
        Some(name)
    }

    /// Pods that have waited for this long, longest first.
    pub(crate) fn overdue(&self, now: u64, millis: u64) -> Vec<PodRow> {
        let long = |(since, _): &&(u64, PodRow)| since.saturating_add(millis) <= now;
        self.waiting_since.iter().take_while(long).map(|(_, pod)| *pod).collect()
    }

    /// When a pod will be ready that is not now, or overdue.
    pub(crate) fn next_timer(&self, flush_millis: Option<u64>) -> Option<u64> {
        let backoffs = [&self.rejected, &self.failed].into_iter().filter_map(|set| set.first());
        let flush =
            self.waiting_since.first().zip(flush_millis).map(|((since, _), wait)| since.saturating_add(wait));
        backoffs.map(|(until, _)| *until).chain(flush).min()
    }

    /// Whether [`Queue::pop`] has a pod.
    pub(crate) fn has_due(&self, now: u64) -> bool {
        !self.active.is_empty()
            || !self.rejected.is_empty()
            || self.failed.first().is_some_and(|(until, _)| *until <= now)
    }

    /// Why a waiting pod waits.
    pub(crate) fn group(&self, pod: PodRow) -> Option<&Group> {
        match &self.entry(pod)?.place {
            Place::Waiting(group) => Some(group),
            _ => None,
        }
    }

    /// A waiting pod is of another class now, and waits on.
    pub(crate) fn regroup(&mut self, pod: PodRow, group: Group) {
        self.lift(pod);
        self.put(pod, Place::Waiting(group));
    }

    /// Waiting pods, by class and who rejected them.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&Group, &BTreeSet<PodRow>)> {
        self.waiting.iter()
    }

    /// Whether any pod waits.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Where a pod is, and what became of it so far.
    pub(crate) fn entry(&self, pod: PodRow) -> Option<&Entry> {
        self.entries.get(pod.index())?.as_ref()
    }

    /// How many pods are where.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            active: self.active.len(),
            backoff: self.rejected.len() + self.failed.len(),
            unschedulable: self.waiting_since.len(),
            gated: self.gated.len(),
        }
    }

    fn end_backoffs(&mut self, now: u64) {
        for set in [&mut self.rejected, &mut self.failed] {
            while let Some(&(until, turn)) = set.first()
                && until <= now
            {
                set.pop_first();
                if let Some(entry) = &mut self.entries[turn.3.index()] {
                    entry.place = Place::Active;
                }
                self.active.insert(turn);
            }
        }
    }

    fn entry_mut(&mut self, pod: PodRow) -> &mut Entry {
        self.entries[pod.index()].as_mut().expect("the pod is in the queue")
    }

    /// Takes a pod out of the part of the queue that it is in.
    fn lift(&mut self, pod: PodRow) {
        let Some(entry) = self.entries.get(pod.index()).and_then(Option::as_ref) else { return };
        let turn = entry.turn(pod);
        match &entry.place {
            Place::Active => drop(self.active.remove(&turn)),
            Place::Backoff if entry.failed => drop(self.failed.remove(&(entry.ready, turn))),
            Place::Backoff => drop(self.rejected.remove(&(entry.ready, turn))),
            Place::Gated => drop(self.gated.remove(&pod)),
            Place::InFlight => {}
            Place::Waiting(group) => {
                self.waiting_since.remove(&(entry.time, pod));
                if let Some(pods) = self.waiting.get_mut(group) {
                    pods.remove(&pod);
                    if pods.is_empty() {
                        self.waiting.remove(group);
                    }
                }
            }
        }
    }

    fn put(&mut self, pod: PodRow, place: Place) {
        let entry = self.entries[pod.index()].as_mut().expect("the pod is in the queue");
        entry.place = place;
        let turn = entry.turn(pod);
        match &entry.place {
            Place::Active => drop(self.active.insert(turn)),
            Place::Backoff if entry.failed => drop(self.failed.insert((entry.ready, turn))),
            Place::Backoff => drop(self.rejected.insert((entry.ready, turn))),
            Place::Gated => drop(self.gated.insert(pod)),
            Place::InFlight => {}
            Place::Waiting(group) => {
                self.waiting_since.insert((entry.time, pod));
                self.waiting.entry(group.clone()).or_default().insert(pod);
            }
        }
    }
}

#[cfg(test)]
mod tests;
