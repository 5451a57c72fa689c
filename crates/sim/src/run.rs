//! The run: one attempt a pod, in order; then rollouts, if the input changes workloads.

mod draining;
mod rolling;

use berth_controllers::rollout::Event;
use berth_engine::decision::Decision;
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::preemption::{self, Candidate};
use berth_engine::scheduler::Scheduler;
use berth_model::Str;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::change::Changes;
use crate::change::drain::Drained;
use crate::change::nodes::made_again;
use crate::device_claims::release;
use crate::order::Queue;
use crate::rollout::{RolledOut, Rollout};

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether pods that fit nowhere may evict others.
    pub preemption: bool,
    /// Whether pods of unknown scheduler names are placed by the first profile.
    pub all_schedulers: bool,
    /// Whether each decision is compared with the naive scan's.
    pub verify: bool,
}

/// A pod that was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The pod.
    pub pod: PodRow,
    /// Where it was put.
    pub node: NodeRow,
    /// The total score of that node.
    pub score: i64,
}

/// A pod that was not placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The pod.
    pub pod: PodRow,
    /// Why, in upstream's words.
    pub message: String,
    /// No profile has the name of its scheduler.
    pub other_scheduler: bool,
}

impl Pending {
    fn new(pod: PodRow, message: String) -> Self {
        Self { pod, message, other_scheduler: false }
    }
}

/// A running pod that was evicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// Its namespace.
    pub namespace: Str,
    /// Its name.
    pub name: Str,
    /// The node that it ran on.
    pub node: NodeRow,
    /// For whom: `namespace/name`.
    pub preemptor: String,
}

/// What came of a run, each list in the order in which things happened.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many pods there were at the start, running or waiting.
    pub pods: usize,
    /// Pods that were placed and stayed.
    pub placed: Vec<Placed>,
    /// Pods that were not placed.
    pub pending: Vec<Pending>,
    /// Pods that were evicted.
    pub evicted: Vec<Evicted>,
    /// How far each rollout came.
    pub rollouts: Vec<RolledOut>,
    /// What came of each node that was drained.
    pub drained: Vec<Drained>,
}

/// A run in progress.
pub struct Run<'a> {
    scheduler: &'a mut Scheduler,
    options: Options,
    queue: Queue,
    outcome: Outcome,
    /// Where in the outcome each placed pod is.
    places: FxHashMap<PodRow, usize>,
    /// Places in the outcome of pods that were evicted again.
    void: FxHashSet<usize>,
    rollouts: Vec<Rollout>,
    /// Nodes to drain when nothing waits any more, and the budgets that count.
    changes: Option<&'a Changes>,
    /// What controllers must know; `None` if nothing is rolled out.
    events: Option<Vec<Event>>,
}

impl<'a> Run<'a> {
    /// Starts a run over the waiting pods, given in input order.
    pub fn new(scheduler: &'a mut Scheduler, waiting: &[PodRow], options: Options) -> Self {
        let mut queue = Queue::default();
        let pods = scheduler.cluster().pods().len();
        for (place, &pod) in waiting.iter().enumerate() {
            queue.push(scheduler.cluster(), pod, place);
        }
        Self {
            scheduler,
            options,
            queue,
            outcome: Outcome { pods, ..Outcome::default() },
            places: FxHashMap::default(),
            void: FxHashSet::default(),
            rollouts: Vec::new(),
            changes: None,
            events: None,
        }
    }

    /// Rolls out these workloads, together with the pods that wait.
    pub fn rolling_out(mut self, rollouts: Vec<Rollout>) -> Self {
        self.rollouts = rollouts;
        self
    }

    /// Drains the nodes that are to be drained, after everything else.
    pub fn draining(mut self, changes: &'a Changes) -> Self {
        self.changes = Some(changes);
        self
    }

    /// Tries every pod; calls `progress` after each one with the number of pods that are left.
    ///
    /// # Errors
    /// With [`Options::verify`], the first decision that differs from the scan's.
    pub fn finish(mut self, mut progress: impl FnMut(usize)) -> Result<Outcome, String> {
        let rollouts = std::mem::take(&mut self.rollouts);
        if rollouts.is_empty() {
            while let Some((pod, place)) = self.queue.pop() {
                self.attempt(pod, place)?;
                progress(self.queue.len());
            }
        } else {
            self.outcome.rollouts = rolling::roll_out(&mut self, rollouts, &mut progress)?;
        }
        if let Some(Changes { drains, budgets, .. }) = self.changes {
            self.outcome.drained = draining::drain(&mut self, drains, budgets, progress)?;
        }
        let Self { mut outcome, void, .. } = self;
        let mut at = 0;
        outcome.placed.retain(|_| {
            at += 1;
            !void.contains(&(at - 1))
        });
        Ok(outcome)
    }

    /// Tries pods until it is the turn of the given one, which is not tried; where it does not wait, all of them.
    ///
    /// # Errors
    /// As [`Run::finish`].
    pub fn until(mut self, pod: PodRow) -> Result<(), String> {
        while let Some((next, place)) = self.queue.pop() {
            if next == pod {
                break;
            }
            self.attempt(next, place)?;
        }
        Ok(())
    }

    fn attempt(&mut self, pod: PodRow, place: usize) -> Result<(), String> {
        let named = self.scheduler.profile_of(pod);
        let Some(profile) = named.or(self.options.all_schedulers.then_some(0)) else {
            let wanted = &self.scheduler.cluster().pods().class_of(pod).spec.scheduler_name;
            let message = format!("no profile is named \"{wanted}\": the pod waits for another scheduler");
            self.outcome.pending.push(Pending { pod, message, other_scheduler: true });
            return Ok(());
        };
        let decision = self.scheduler.decide_by(profile, pod);
        if self.options.verify {
            self.scheduler.verify(profile, pod, &decision)?;
        }
        match decision {
            Decision::Place(node, score) => {
                for reserved in self.scheduler.place(profile, pod, node) {
                    self.scheduler.cluster_mut().fulfil(&reserved.effect); // the controllers are taken to do their part at once
                }
                self.places.insert(pod, self.outcome.placed.len());
                self.outcome.placed.push(Placed { pod, node, score });
                self.tell(Event::Placed { pod: pod.0, node: node.0 });
            }
            Decision::Gated(verdict) => {
                self.outcome.pending.push(Pending::new(pod, verdict.rejection.message()));
            }
            Decision::Error { message } => self.outcome.pending.push(Pending::new(pod, message)),
            Decision::Unschedulable { message, resolvable, .. } => {
                self.unschedulable(profile, pod, place, message, resolvable);
            }
        }
        Ok(())
    }

    fn unschedulable(
        &mut self,
        profile: usize,
        pod: PodRow,
        place: usize,
        mut message: String,
        resolvable: bool,
    ) {
        if self.options.preemption && self.scheduler.profiles()[profile].preempts {
            let found = self.scheduler.preempt(profile, pod, resolvable);
            let best =
                preemption::best(&found.candidates, self.scheduler.cluster()).first().copied().cloned();
            if let Some(best) = best {
                self.preempt(pod, &best);
                self.queue.push(self.scheduler.cluster(), pod, place);
                return;
            }
            message.push_str(&found.suffix());
        }
        self.outcome.pending.push(Pending::new(pod, message));
    }

    /// Evicts the victims and nominates the pod, so that it can be tried again.
    fn preempt(&mut self, pod: PodRow, best: &Candidate) {
        let cluster = self.scheduler.cluster_mut();
        for other in preemption::outranked_nominations(cluster, pod, best.node) {
            cluster.nominate(other, None);
        }
        let preemptor = cluster.pods().entry(pod).pod.key();
        for &victim in &best.victims {
            self.evict(victim, best.node, &preemptor);
        }
        self.scheduler.cluster_mut().nominate(pod, Some(best.node));
    }

    /// Takes a pod off its node. One that a controller owns comes back as a waiting pod, as the controller would have
    /// it.
    fn evict(&mut self, victim: PodRow, node: NodeRow, preemptor: &str) {
        let pod = &self.scheduler.cluster().pods().entry(victim).pod;
        self.outcome.evicted.push(Evicted {
            namespace: pod.spec.namespace.clone(),
            name: pod.name.clone(),
            node,
            preemptor: preemptor.to_string(),
        });
        let again = pod.spec.controller.is_some();
        self.remove(victim, again);
    }

    /// Deletes a pod. One that comes again waits, as its controller makes it; returns its row.
    fn remove(&mut self, row: PodRow, again: bool) -> Option<PodRow> {
        let cluster = self.scheduler.cluster_mut();
        let pod = cluster.pods().entry(row).pod.clone();
        self.void.extend(self.places.remove(&row));
        cluster.remove_pod(row);
        release(cluster, &pod, again);
        if !again {
            return None;
        }
        let made = cluster.add_pod(made_again(pod));
        // Behind all pods of its priority and time that were there from the start.
        self.queue.push(cluster, made, usize::MAX);
        self.tell(Event::Evicted { pod: row.0, again: made.0 });
        Some(made)
    }

    fn tell(&mut self, event: Event) {
        if let Some(events) = &mut self.events {
            events.push(event);
        }
    }
}
