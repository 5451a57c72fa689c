//! The run: one attempt a pod, in order.

use berth_engine::cluster::Cluster;
use berth_engine::cycle::{self, Assessment};
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::preemption::{self, Candidate};
use berth_engine::profile::Profile;
use berth_engine::view::PodView;
use berth_model::Str;

use crate::order::Queue;

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether pods that fit nowhere may evict others.
    pub preemption: bool,
    /// Whether pods of unknown scheduler names are placed by the first profile.
    pub all_schedulers: bool,
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
}

/// A running pod that had to go.
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
    /// Pods that were placed and stayed.
    pub placed: Vec<Placed>,
    /// Pods that were not placed.
    pub pending: Vec<Pending>,
    /// Pods that were evicted.
    pub evicted: Vec<Evicted>,
}

/// A run in progress.
pub struct Run<'a> {
    /// The cluster, as it is by now.
    pub cluster: &'a mut Cluster,
    profiles: &'a [Profile],
    options: Options,
    queue: Queue,
    outcome: Outcome,
}

impl<'a> Run<'a> {
    /// Starts a run over the waiting pods, given in input order.
    pub fn new(
        cluster: &'a mut Cluster,
        profiles: &'a [Profile],
        waiting: &[PodRow],
        options: Options,
    ) -> Self {
        let mut queue = Queue::default();
        for (place, &pod) in waiting.iter().enumerate() {
            queue.push(cluster, pod, place);
        }
        Self { cluster, profiles, options, queue, outcome: Outcome::default() }
    }

    /// Tries every pod; `progress` is told after each how many still wait.
    pub fn finish(mut self, mut progress: impl FnMut(usize)) -> Outcome {
        while let Some((pod, place)) = self.queue.pop() {
            self.attempt(pod, place);
            progress(self.queue.len());
        }
        self.outcome
    }

    fn attempt(&mut self, pod: PodRow, place: usize) {
        let Some(profile) = self.profile_of(pod) else {
            let wanted = &self.cluster.pods().class_of(pod).spec.scheduler_name;
            let message = format!("no profile is named \"{wanted}\": the pod waits for another scheduler");
            self.outcome.pending.push(Pending { pod, message });
            return;
        };
        let assessment = cycle::assess(profile, self.cluster, pod);
        if let Some((node, score)) = assessment.choice() {
            self.place(profile, pod, node, score);
            return;
        }
        if let Some(verdict) = &assessment.gated {
            self.outcome.pending.push(Pending { pod, message: verdict.rejection.message() });
            return;
        }
        let mut message = assessment.message(self.cluster);
        if self.options.preemption && profile.preempts {
            match self.preempt(profile, pod, &assessment) {
                Ok(()) => {
                    self.queue.push(self.cluster, pod, place);
                    return;
                }
                Err(suffix) => message.push_str(&suffix),
            }
        }
        self.outcome.pending.push(Pending { pod, message });
    }

    fn profile_of(&self, pod: PodRow) -> Option<&'a Profile> {
        let wanted = &self.cluster.pods().class_of(pod).spec.scheduler_name;
        let named = self.profiles.iter().find(|p| p.scheduler_name == *wanted);
        named.or_else(|| self.profiles.first().filter(|_| self.options.all_schedulers))
    }

    fn place(&mut self, profile: &Profile, pod: PodRow, node: NodeRow, score: i64) {
        let view = PodView::new(self.cluster, pod);
        let effects: Vec<_> = profile.reserve.iter().flat_map(|p| p.reserve(view, node)).collect();
        self.cluster.assign(pod, node);
        for effect in &effects {
            self.cluster.apply(effect);
        }
        self.outcome.placed.push(Placed { pod, node, score });
    }

    /// Evicts the victims of the best candidate, so that the pod can be tried again; or says why that is of no use.
    fn preempt(&mut self, profile: &Profile, pod: PodRow, assessment: &Assessment) -> Result<(), String> {
        let found = preemption::evaluate(profile, self.cluster, pod, assessment);
        let best = preemption::best(&found.candidates, self.cluster);
        let Some(best) = best.first().map(|c| Candidate::clone(c)) else { return Err(found.suffix()) };
        for other in preemption::outranked_nominations(self.cluster, pod, best.node) {
            self.cluster.nominate(other, None);
        }
        let preemptor = self.cluster.pods().entry(pod).pod.key();
        for &victim in &best.victims {
            self.evict(victim, best.node, &preemptor);
        }
        self.cluster.nominate(pod, Some(best.node));
        Ok(())
    }

    /// Takes a pod off its node. One that a controller owns comes back as a waiting pod, as the controller would have it.
    fn evict(&mut self, victim: PodRow, node: NodeRow, preemptor: &str) {
        let pod = self.cluster.pods().entry(victim).pod.clone();
        self.outcome.placed.retain(|p| p.pod != victim);
        self.outcome.evicted.push(Evicted {
            namespace: pod.spec.namespace.clone(),
            name: pod.name.clone(),
            node,
            preemptor: preemptor.to_string(),
        });
        let controlled = pod.spec.controller.is_some();
        self.cluster.remove_pod(victim);
        if controlled {
            let again = berth_model::pod::Pod {
                node: None,
                nominated_node: None,
                started: None,
                terminating: false,
                preempted: false,
                ..pod
            };
            let row = self.cluster.add_pod(again);
            // Behind all pods of its priority and time that were there from the start.
            self.queue.push(self.cluster, row, usize::MAX);
        }
    }
}
