//! Random histories of a small cluster.

mod happening;
mod shape;
mod storage;

use std::sync::Arc;

use berth_engine::cluster::{Cluster, Trial, TrialEnd};
use berth_engine::decision::Decision;
use berth_engine::event::FormerPod;
use berth_engine::ids::PodRow;
use berth_engine::preemption::{self, Preemption};
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::labels::Labels;
use berth_model::load::MeasuredUsage;
use berth_model::selector::LabelSelector;
use berth_model::workload::{Namespace, OwnerKind, PodGroupOwner};
use proptest::prelude::*;

pub(crate) use happening::Happening;
use shape::{APPS, NodeShape};
pub(crate) use shape::{PodShape, waiting};
use storage::StorageStep;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A node comes, or the one of the same number changes.
    Node(NodeShape),
    /// A node goes.
    RemoveNode(usize),
    /// Pods of one shape come, and each is decided about and placed.
    Schedule(PodShape, usize),
    /// Pods come of a shape that came before.
    ScheduleAgain(usize, usize),
    /// A pod goes.
    RemovePod(usize),
    /// A pod gets another spec where it is.
    Update(usize, PodShape),
    /// A placed pod starts to terminate.
    Terminate(usize),
    /// A waiting pod of high priority is nominated to a node.
    Nominate(PodShape, usize),
    /// A service or a ReplicaSet of an app comes, changes or goes.
    Owner(bool, Option<usize>),
    /// A namespace belongs to a team, or goes.
    Namespace(bool, Option<bool>),
    /// Storage changes.
    Storage(StorageStep),
    /// What a node uses is measured, in milli-CPU and at a time, or its measurement goes.
    Measure(usize, Option<(i64, i64)>),
    /// It is as many seconds later.
    Wait(i64),
}

impl Step {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            6 => NodeShape::any().prop_map(Step::Node),
            2 => (0usize..8).prop_map(Step::RemoveNode),
            10 => (PodShape::any(), 1usize..5).prop_map(|(shape, count)| Step::Schedule(shape, count)),
            8 => (any::<usize>(), 1usize..4).prop_map(|(at, count)| Step::ScheduleAgain(at, count)),
            4 => any::<usize>().prop_map(Step::RemovePod),
            2 => (any::<usize>(), PodShape::any()).prop_map(|(at, shape)| Step::Update(at, shape)),
            2 => any::<usize>().prop_map(Step::Terminate),
            2 => (PodShape::any(), any::<usize>()).prop_map(|(shape, node)| Step::Nominate(shape, node)),
            1 => (any::<bool>(), proptest::option::of(0usize..4)).prop_map(|(set, app)| Step::Owner(set, app)),
            1 => any::<(bool, Option<bool>)>().prop_map(|(home, team)| Step::Namespace(home, team)),
            3 => StorageStep::any().prop_map(Step::Storage),
            2 => (0usize..8, proptest::option::of((0i64..5000, 0i64..100)))
                .prop_map(|(node, usage)| Step::Measure(node, usage)),
            1 => (0i64..60).prop_map(Step::Wait),
        ]
    }

    /// The same with nodes of which many are alike.
    pub(crate) fn with_plain_nodes(self) -> Self {
        match self {
            Self::Node(shape) => Self::Node(shape.plain()),
            other => other,
        }
    }

    /// Nodes come and go under pods that look at topology domains.
    pub(crate) fn churn() -> impl Strategy<Value = Self> {
        prop_oneof![
            4 => NodeShape::any().prop_map(Step::Node),
            3 => (0usize..8).prop_map(Step::RemoveNode),
            2 => (PodShape::social(), 1usize..3).prop_map(|(shape, count)| Step::Schedule(shape, count)),
            8 => (any::<usize>(), 1usize..3).prop_map(|(at, count)| Step::ScheduleAgain(at, count)),
            2 => any::<usize>().prop_map(Step::RemovePod),
            1 => any::<usize>().prop_map(Step::Terminate),
        ]
    }
}

/// A scheduler and the pods that it placed or nominated.
pub(crate) struct History {
    scheduler: Scheduler,
    pods: Vec<PodRow>,
    names: usize,
    /// All that pods have been scheduled of.
    shapes: Vec<PodShape>,
    /// All that was decided, in words.
    pub(crate) decisions: Vec<String>,
}

/// What a history was when a trial began.
pub(crate) struct HistoryTrial {
    trial: Trial,
    pods: Vec<PodRow>,
    names: usize,
    shapes: usize,
    decisions: usize,
}

/// Is told what happened at once.
type Witness<'a> = &'a mut dyn FnMut(&Scheduler, &[Happening]) -> Result<(), String>;

impl Default for History {
    fn default() -> Self {
        Self::with_profiles(vec![Profile::standard("default-scheduler")])
    }
}

impl History {
    /// A cluster that these profiles decide for, in turns.
    pub(crate) fn with_profiles(profiles: Vec<Profile>) -> Self {
        let mut cluster = Cluster::default();
        storage::begin(&mut cluster);
        let scheduler = Scheduler::new(cluster, profiles);
        Self { scheduler, pods: Vec::new(), names: 0, shapes: Vec::new(), decisions: Vec::new() }
    }

    /// A cluster where selectors mention all labels from the start, though they select nothing.
    pub(crate) fn with_all_mentioned() -> Self {
        let mut history = Self::default();
        for key in ["app", "index"] {
            history.scheduler.cluster_mut().upsert_owner(PodGroupOwner {
                kind: OwnerKind::Service,
                namespace: "elsewhere".into(),
                name: key.into(),
                selector: Some(LabelSelector::from_labels(&Labels::from_iter([(key, "none")]))),
            });
        }
        history
    }

    /// Begins a trial of what is played from here on.
    pub(crate) fn begin_trial(&mut self) -> HistoryTrial {
        HistoryTrial {
            trial: self.scheduler.cluster_mut().begin_trial(),
            pods: self.pods.clone(),
            names: self.names,
            shapes: self.shapes.len(),
            decisions: self.decisions.len(),
        }
    }

    /// Ends a trial, and takes back what was played in it or not.
    pub(crate) fn end_trial(&mut self, trial: HistoryTrial, end: TrialEnd) {
        self.scheduler.cluster_mut().end_trial(trial.trial, end);
        if end == TrialEnd::RollBack {
            self.pods = trial.pods;
            self.names = trial.names;
            self.shapes.truncate(trial.shapes);
            self.decisions.truncate(trial.decisions);
        }
    }

    pub(crate) fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Adds a pod that is never placed.
    pub(crate) fn wait(&mut self, shape: &PodShape) -> PodRow {
        self.names += 1;
        self.scheduler.cluster_mut().add_pod(shape.pod(format!("w{}", self.names)))
    }

    /// Goes one step on. Every decision on the way is compared with the scan's.
    pub(crate) fn take(&mut self, step: &Step, witness: Witness<'_>) -> Result<(), String> {
        let happened = match step {
            Step::Node(shape) => {
                let node = shape.build();
                let cluster = self.scheduler.cluster_mut();
                let old = cluster.nodes().find(&node.name).map(|row| cluster.nodes().object(row).clone());
                Happening::Node(cluster.upsert_node(node), old)
            }
            Step::RemoveNode(number) => {
                let cluster = self.scheduler.cluster_mut();
                let Some(row) = cluster.nodes().find(&format!("n{number}")) else { return Ok(()) };
                let old = cluster.nodes().object(row).clone();
                cluster.remove_node(row);
                Happening::NodeGone(old)
            }
            Step::ScheduleAgain(at, count) => {
                let Some(at) = at.checked_rem(self.shapes.len()) else { return Ok(()) };
                let shape = self.shapes[at].clone();
                return (0..*count).try_for_each(|_| self.schedule(&shape, witness));
            }
            Step::Schedule(shape, count) => {
                self.shapes.push(shape.clone());
                return (0..*count).try_for_each(|_| self.schedule(shape, witness));
            }
            Step::RemovePod(at) => {
                let Some(at) = at.checked_rem(self.pods.len()) else { return Ok(()) };
                let pod = self.pods.swap_remove(at);
                let old = FormerPod::of(self.scheduler.cluster(), pod);
                self.scheduler.cluster_mut().remove_pod(pod);
                Happening::Left(old)
            }
            Step::Update(at, shape) => {
                let Some(at) = at.checked_rem(self.pods.len()) else { return Ok(()) };
                let old = FormerPod::of(self.scheduler.cluster(), self.pods[at]);
                let mut pod = old.pod.clone();
                pod.spec = Arc::new(shape.build());
                self.scheduler.cluster_mut().update_pod(self.pods[at], pod);
                if old.pod.node.is_none() {
                    // A nominated pod that asks for less blocks less.
                    return witness(&self.scheduler, &[Happening::Left(old)]);
                }
                Happening::Changed(self.pods[at], old)
            }
            Step::Terminate(at) => {
                let Some(at) = at.checked_rem(self.pods.len()) else { return Ok(()) };
                let old = FormerPod::of(self.scheduler.cluster(), self.pods[at]);
                self.scheduler.cluster_mut().mark_terminating(self.pods[at], false);
                Happening::Changed(self.pods[at], old)
            }
            Step::Nominate(shape, node) => return self.nominate(shape, *node),
            Step::Owner(set, app) => self.own(*set, *app),
            Step::Namespace(home, team) => self.name(*home, *team),
            Step::Storage(step) => step.take(self.scheduler.cluster_mut()),
            Step::Measure(number, usage) => {
                self.measure(*number, *usage);
                return Ok(());
            }
            Step::Wait(seconds) => {
                let cluster = self.scheduler.cluster_mut();
                cluster.set_now(cluster.loads().now().unwrap_or(0) + seconds);
                return Ok(());
            }
        };
        witness(&self.scheduler, &[happened])
    }

    fn measure(&mut self, number: usize, usage: Option<(i64, i64)>) {
        let cluster = self.scheduler.cluster_mut();
        let Some(row) = cluster.nodes().find(&format!("n{number}")) else { return };
        let usage = usage.map(|(cpu_milli, taken)| MeasuredUsage {
            cpu_milli: Some(cpu_milli),
            memory_bytes: Some(cpu_milli << 20),
            taken: Some(taken),
        });
        cluster.set_measured(row, usage);
    }

    fn nominate(&mut self, shape: &PodShape, node: usize) -> Result<(), String> {
        let nodes: Vec<_> = self.scheduler.cluster().nodes().rows().collect();
        let Some(at) = node.checked_rem(nodes.len()) else { return Ok(()) };
        let pod = self.add(shape);
        self.scheduler.cluster_mut().nominate(pod, Some(nodes[at]));
        self.decide(pod)?;
        Ok(())
    }

    fn own(&mut self, set: bool, app: Option<usize>) -> Happening {
        let kind = if set { OwnerKind::ReplicaSet } else { OwnerKind::Service };
        let (namespace, name) = (happening::home().clone(), berth_model::Str::from("set"));
        let cluster = self.scheduler.cluster_mut();
        match app {
            None => cluster.remove_owner(kind, &namespace, &name),
            Some(app) => {
                let label = APPS.get(app).map_or(("index", "p1"), |app| ("app", *app));
                let selector = LabelSelector::from_labels(&Labels::from_iter([label]));
                let namespace = namespace.clone();
                cluster.upsert_owner(PodGroupOwner { kind, namespace, name, selector: Some(selector) });
            }
        }
        Happening::Owner(namespace)
    }

    fn name(&mut self, home: bool, team: Option<bool>) -> Happening {
        let name: berth_model::Str = if home { "default".into() } else { "other".into() };
        let cluster = self.scheduler.cluster_mut();
        match team {
            None => cluster.remove_namespace(&name),
            Some(team) => {
                let labels = Labels::from_iter([("team", if team { "a" } else { "b" })]);
                cluster.upsert_namespace(&Namespace { name: name.clone(), labels });
            }
        }
        Happening::Namespace(name)
    }

    fn add(&mut self, shape: &PodShape) -> PodRow {
        self.names += 1;
        let row = self.scheduler.cluster_mut().add_pod(shape.pod(format!("p{}", self.names)));
        self.pods.push(row);
        row
    }

    fn schedule(&mut self, shape: &PodShape, witness: Witness<'_>) -> Result<(), String> {
        let pod = self.add(shape);
        match self.decide(pod)? {
            Decision::Place(node, _) => {
                let before = self.scheduler.cluster().storage().clone();
                self.scheduler.place(self.profile(), pod, node);
                let mut happened = storage::differences(&before, self.scheduler.cluster().storage());
                happened.push(Happening::Arrived(pod));
                witness(&self.scheduler, &happened)?;
            }
            decision => {
                self.preempt(pod, &decision)?;
                self.pods.pop();
                self.scheduler.cluster_mut().remove_pod(pod);
            }
        }
        Ok(())
    }

    /// The best candidate for preemption is the one that trying every node finds, and so is the sentence without one.
    fn preempt(&mut self, pod: PodRow, decision: &Decision) -> Result<(), String> {
        let Decision::Unschedulable { resolvable, .. } = decision else { return Ok(()) };
        let by = self.profile();
        let chosen = self.scheduler.preempt(by, pod, *resolvable);
        let cluster = self.scheduler.cluster();
        let diagnosis = self.scheduler.diagnose(by, pod);
        let all = preemption::evaluate(&self.scheduler.profiles()[by], cluster, pod, &diagnosis);
        let best =
            |outcome: &Preemption| preemption::best(&outcome.candidates, cluster).first().copied().cloned();
        let (ours, theirs) = (best(&chosen), best(&all));
        if ours != theirs || chosen.suffix() != all.suffix() {
            return Err(format!(
                "preemption: chosen {ours:?} {:?}, of all {theirs:?} {:?}",
                chosen.suffix(),
                all.suffix()
            ));
        }
        Ok(())
    }

    /// The profile that decides for the pod that came last: profiles take turns.
    fn profile(&self) -> usize {
        self.names % self.scheduler.profiles().len()
    }

    fn decide(&mut self, pod: PodRow) -> Result<Decision, String> {
        let by = self.profile();
        let decision = self.scheduler.decide_by(by, pod);
        self.scheduler.verify(by, pod, &decision)?;
        self.decisions.push(format!("{decision:?}"));
        Ok(decision)
    }
}
