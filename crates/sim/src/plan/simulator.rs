//! Simulations of the cluster with nodes added: the scheduler itself says what fits.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_engine::cluster::TrialEnd;
use berth_engine::ids::PodRow;
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::manifests::{Manifests, Place};
use berth_model::object::Object;
use berth_model::pod::PodSpec;
use berth_model::{Str, UnixSeconds};

use super::node_type::{Candidate, named};
use crate::run::{Options, Outcome, Run};
use crate::world::World;

/// Namespace and name of a pod.
pub(super) type PodName = (Str, Str);

/// A pod that stays pending.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) name: PodName,
    pub(super) spec: Arc<PodSpec>,
    /// Why, in upstream's words.
    pub(super) message: String,
    /// No node helps it: it waits for another scheduler or for its scheduling gates.
    pub(super) beyond_help: bool,
}

/// What came of a simulation.
#[derive(Clone, Debug, Default)]
pub(super) struct Simulated {
    /// Pods that stay pending.
    pub(super) pending: Vec<Open>,
    /// How many pods were placed on nodes of today, and on new ones, daemon pods of new nodes excepted.
    pub(super) placed: (usize, usize),
    /// Rollouts that are stuck.
    pub(super) stuck: usize,
}

/// A pod that is pending, or a place for the daemon pod of each new node of a type.
enum Turn {
    Pod(PodRow),
    Daemon { candidate: usize, number: usize },
}

/// How simulations are made.
enum Source {
    /// In trials on one cluster.
    Trials { scheduler: Box<Scheduler>, turns: Vec<Turn> },
    /// From the manifests, each time: workloads are rolled out, and their controllers look at the nodes.
    Manifests { manifests: Box<Manifests>, now: Option<UnixSeconds>, profiles: Vec<Profile> },
}

/// Makes simulations of the cluster with nodes added, and counts them.
pub(super) struct Simulator {
    pub(super) candidates: Vec<Candidate>,
    source: Source,
    options: Options,
    pub(super) count: usize,
}

impl Simulator {
    /// Simulates in trials on this cluster. `waiting` are the pending pods in input order, daemon pods of the nodes
    /// that stand for types among them.
    pub(super) fn in_trials(
        scheduler: Scheduler,
        waiting: Vec<Result<PodRow, (usize, usize)>>,
        candidates: Vec<Candidate>,
        options: Options,
    ) -> Self {
        let turn = |waiting| match waiting {
            Ok(row) => Turn::Pod(row),
            Err((candidate, number)) => Turn::Daemon { candidate, number },
        };
        let turns = waiting.into_iter().map(turn).collect();
        let source = Source::Trials { scheduler: Box::new(scheduler), turns };
        Self { candidates, source, options, count: 0 }
    }

    /// Simulates from manifests.
    pub(super) fn from_manifests(
        manifests: Manifests,
        now: Option<UnixSeconds>,
        profiles: Vec<Profile>,
        candidates: Vec<Candidate>,
        options: Options,
    ) -> Self {
        let source = Source::Manifests { manifests: Box::new(manifests), now, profiles };
        Self { candidates, source, options, count: 0 }
    }

    /// Places all pods with these numbers of new nodes.
    ///
    /// # Errors
    /// With [`Options::verify`], the first decision that differs from the scan's.
    pub(super) fn simulate(&mut self, counts: &[u32]) -> Result<Simulated, String> {
        let new = self.new_names(counts);
        let all_schedulers = self.options.all_schedulers;
        self.run(
            counts,
            |run| run.finish(|_| {}),
            |scheduler, outcome| simulated(scheduler, outcome, &new, all_schedulers),
        )
    }

    /// Whether all pods but those in `except` fit with these numbers of new nodes.
    ///
    /// # Errors
    /// As [`Self::simulate`].
    pub(super) fn fits(&mut self, counts: &[u32], except: &BTreeSet<PodName>) -> Result<bool, String> {
        if matches!(self.source, Source::Manifests { .. }) {
            let end = self.simulate(counts)?;
            return Ok(end.stuck == 0 && end.pending.iter().all(|open| except.contains(&open.name)));
        }
        let may_stay = |scheduler: &Scheduler, row: PodRow| {
            let pod = &scheduler.cluster().pods().entry(row).pod;
            except.contains(&(pod.spec.namespace.clone(), pod.name.clone()))
        };
        self.run(counts, |run| run.all_placed(may_stay), |_, all| *all)
    }

    /// The names of the new nodes, by type.
    pub(super) fn names(&self, counts: &[u32]) -> Vec<Vec<Str>> {
        self.candidates.iter().zip(counts).map(|(candidate, count)| candidate.names(*count)).collect()
    }

    fn new_names(&self, counts: &[u32]) -> BTreeSet<Str> {
        self.names(counts).into_iter().flatten().collect()
    }

    fn run<T, U>(
        &mut self,
        counts: &[u32],
        run: impl FnOnce(Run<'_>) -> Result<T, String>,
        report: impl FnOnce(&Scheduler, &T) -> U,
    ) -> Result<U, String> {
        self.count += 1;
        let names = self.names(counts);
        let (candidates, options) = (&self.candidates, self.options);
        match &mut self.source {
            Source::Trials { scheduler, turns } => scheduler.trial(|scheduler| {
                let waiting = add(scheduler, turns, candidates, &names);
                let result = run(Run::new(scheduler, &waiting, options));
                (result.map(|result| report(scheduler, &result)), TrialEnd::RollBack)
            }),
            Source::Manifests { manifests, now, profiles } => {
                let mut manifests = (**manifests).clone();
                for (candidate, names) in candidates.iter().zip(&names) {
                    for name in names {
                        let node = Object::Node(named(&candidate.of.node, name));
                        manifests.add(node, Place::start(candidate.of.node.name.clone()));
                    }
                }
                let world = World::admitted(manifests, *now).map_err(|problems| problems.to_string())?;
                let mut scheduler = Scheduler::new(world.cluster, profiles.clone());
                let result =
                    run(Run::new(&mut scheduler, &world.waiting, options).rolling_out(world.rollouts))?;
                Ok(report(&scheduler, &result))
            }
        }
    }
}

/// Adds nodes with their daemon pods; returns all pending pods in input order.
fn add(
    scheduler: &mut Scheduler,
    turns: &[Turn],
    candidates: &[Candidate],
    names: &[Vec<Str>],
) -> Vec<PodRow> {
    let cluster = scheduler.cluster_mut();
    for (candidate, names) in candidates.iter().zip(names) {
        for name in names {
            cluster.upsert_node(candidate.node(name));
        }
    }
    let mut waiting = Vec::with_capacity(turns.len());
    for turn in turns {
        match turn {
            Turn::Pod(row) => waiting.push(*row),
            Turn::Daemon { candidate, number } => {
                let of = &candidates[*candidate];
                let daemons = names[*candidate].iter().map(|name| of.daemon(&of.daemons[*number], name));
                waiting.extend(daemons.map(|pod| cluster.add_pod(pod)));
            }
        }
    }
    waiting
}

fn simulated(
    scheduler: &Scheduler,
    outcome: &Outcome,
    new: &BTreeSet<Str>,
    all_schedulers: bool,
) -> Simulated {
    let cluster = scheduler.cluster();
    let pending = outcome.pending.iter().map(|pending| {
        let pod = &cluster.pods().entry(pending.pod).pod;
        Open {
            name: (pod.spec.namespace.clone(), pod.name.clone()),
            spec: pod.spec.clone(),
            message: pending.message.clone(),
            beyond_help: pending.other_scheduler && !all_schedulers || !pod.spec.scheduling_gates.is_empty(),
        }
    });
    let mut placed = (0, 0);
    for one in &outcome.placed {
        let pod = &cluster.pods().entry(one.pod).pod;
        let is_daemon = pod.spec.controller.as_ref().is_some_and(|owner| &*owner.kind == "DaemonSet");
        match new.contains(cluster.nodes().name(one.node)) {
            true if is_daemon => {}
            true => placed.1 += 1,
            false => placed.0 += 1,
        }
    }
    let stuck = outcome.rollouts.iter().filter(|rollout| !rollout.summary.complete).count();
    Simulated { pending: pending.collect(), placed, stuck }
}
