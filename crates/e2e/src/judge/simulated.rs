//! Plays the last step of a scenario with `berth simulate`'s code, and all of it in virtual time.

use anyhow::{Context, Result, anyhow, bail};
use berth_cluster::command::{Command, NodeQuery, Scheduled};
use berth_cluster::kubelet::Timing;
use berth_cluster::simulation::{Settings, Simulation};
use berth_config::Configuration;
use berth_engine::plugin::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::execution::Span;
use berth_model::manifests::Manifests;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::workload::WorkloadKind;
use berth_sim::change::{self, Change, Changes, DrainOptions, NewNodes, NodeSet, NodeTemplate, Scale};
use berth_sim::run::{Options, Run};
use berth_sim::world::World;
use berth_wire::Loader;
use serde_json::{Value, json};

use super::manifest::KINDS;
use super::observer::PodEvent;
use super::scenario::{Action, NodeAction, Scenario};
use super::state::State;

/// The scheduler's configuration, here and on the control plane: ties go to the first node by name, and pods that do
/// not fit are tried again after a second.
pub(super) fn configuration() -> Value {
    json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "podInitialBackoffSeconds": 1, "podMaxBackoffSeconds": 1,
        "profiles": [{"schedulerName": "default-scheduler", "tieBreak": "FirstName"}],
    })
}

/// The time in virtual time between a step and the next one, in milliseconds: all is at rest then.
const STEP: u64 = 600_000;
/// How long pods take to start and to end, in milliseconds, so that what happens one after the other is seen so.
const MOMENT: u64 = 1_000;

fn profiles() -> Result<Vec<Profile>> {
    let text = configuration().to_string();
    let configuration: Configuration =
        berth_config::parse(text.as_bytes()).map_err(|error| anyhow!("{error}"))?;
    Ok(configuration.profiles.iter().map(berth_config::profile).collect())
}

fn load(texts: &[(&str, &[Value])]) -> Result<Manifests> {
    let mut loader = Loader::new();
    for (name, objects) in texts.iter().filter(|(_, objects)| !objects.is_empty()) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        loader.read_json_object(name, &list.to_string());
    }
    let (manifests, _) = loader.finish().map_err(|problems| anyhow!("{problems}"))?;
    Ok(manifests)
}

/// The state of objects as an API server has them.
///
/// # Errors
/// If they cannot be read.
pub(super) fn state_of(objects: &[Value], with_nodes: bool) -> Result<State> {
    let mut state = State::new();
    load(&[("cluster", objects)])?.into_objects(|object| add(&mut state, &object, with_nodes));
    Ok(state)
}

fn add(state: &mut State, object: &Object, with_nodes: bool) {
    match object {
        Object::Pod(manifest) if !manifest.finished => state.add_pod(&manifest.pod, with_nodes),
        object => state.add_object(object),
    }
}

/// The pods after the last step, as `berth simulate` foretells them from the objects before it. `None` if the step is
/// nothing that it can be asked.
///
/// # Errors
/// If the objects cannot be read, or a decision differs from the naive scan's.
pub(super) fn foretell(before: &[Value], step: &Action, with_nodes: bool) -> Result<Option<State>> {
    let no_objects: &[Value] = &[];
    let applied = if let Action::Apply(objects) = step { objects } else { no_objects };
    let mut manifests = load(&[("cluster", before), ("release", applied)])?;
    let changes = match step {
        Action::Apply(_) => Changes::default(),
        step => match question(step, &mut manifests)? {
            Some(changes) => changes,
            None => return Ok(None),
        },
    };
    let world = World::admitted(manifests, None).map_err(|problems| anyhow!("{problems}"))?.changed(changes);
    let mut scheduler = Scheduler::new(world.cluster, profiles()?);
    let options = Options { preemption: true, all_schedulers: false, verify: true };
    let run = Run::new(&mut scheduler, &world.waiting, options)
        .rolling_out(world.rollouts)
        .draining(&world.changes);
    run.finish(|_| ()).map_err(|difference| anyhow!("{difference}"))?;
    let mut state = State::new();
    let pods = scheduler.cluster().pods();
    pods.rows().for_each(|row| state.add_pod(&pods.entry(row).pod, with_nodes));
    Ok(Some(state))
}

/// A step as a flag of `berth simulate`.
fn question(step: &Action, manifests: &mut Manifests) -> Result<Option<Changes>> {
    let set = |name: &str| NodeSet { text: name.to_owned(), query: change::NodeQuery::Name(name.into()) };
    let change = match step {
        Action::Node(NodeAction::Drain, node) => Change::Drain(set(node)),
        Action::Node(NodeAction::Cordon, node) => Change::Cordon(set(node)),
        Action::Node(NodeAction::Remove, node) => Change::Without(set(node)),
        Action::Scale { kind, name, count } => Change::Scale(Scale {
            text: format!("{kind}/{name}={count}"),
            kind: workload_kind(kind)?,
            namespace: None,
            name: name.as_str().into(),
            count: *count,
        }),
        Action::Add(node) => {
            let entry = load(&[("node", &[(**node).clone()])])?.nodes.pop().context("no node")?;
            let template = NodeTemplate::Node(Box::new(entry.value), entry.place);
            Change::Add(NewNodes { text: "1=node".to_owned(), count: 1, template })
        }
        _ => return Ok(None),
    };
    let options = DrainOptions { force: true, delete_empty_dir: true };
    let changes = change::apply(manifests, &[change], options);
    changes.map(Some).map_err(|problems| anyhow!("{}", problems.join("; ")))
}

fn workload_kind(kind: &str) -> Result<WorkloadKind> {
    Ok(match kind {
        "Deployment" => WorkloadKind::Deployment,
        "ReplicaSet" => WorkloadKind::ReplicaSet,
        "ReplicationController" => WorkloadKind::ReplicationController,
        "StatefulSet" => WorkloadKind::StatefulSet,
        "DaemonSet" => WorkloadKind::DaemonSet,
        "Job" => WorkloadKind::Job,
        "CronJob" => WorkloadKind::CronJob,
        kind => bail!("{kind} is no workload"),
    })
}

/// Plays a scenario in virtual time, from the nodes on; gives its end, and what happened to the pods.
///
/// # Errors
/// If the objects cannot be read, or the simulation finds a problem.
pub(super) fn play(scenario: &Scenario, nodes: &[Value], with_nodes: bool) -> Result<(State, Vec<PodEvent>)> {
    let manifests = load(&[("nodes", nodes), ("before", &scenario.before)])?;
    let mut commands = Vec::new();
    let mut at = 0;
    for (place, step) in scenario.steps.iter().enumerate() {
        let after_wait = place > 0 && matches!(scenario.steps[place - 1], Action::Wait(_));
        match step {
            Action::Wait(seconds) => at += seconds * 1_000,
            step => {
                at += if after_wait { 0 } else { STEP };
                commands.push(Scheduled {
                    at,
                    every: None,
                    command: command(scenario, step)?,
                    text: String::new(),
                });
            }
        }
    }
    let end = at + STEP;
    let settings = Settings {
        seed: 0,
        start: 1_767_225_600,
        timing: Timing { start: Span::fixed(MOMENT), stop: Span::fixed(MOMENT), ..Timing::INSTANT },
        profiles: profiles()?,
        preemption: true,
        sample_every: STEP,
        follow: None,
    };
    let mut simulation = Simulation::new(settings, manifests, commands);
    let mut history = History::default();
    while let Some(at) = simulation.next_wake().filter(|at| *at <= end) {
        simulation.advance(at);
        history.look(&simulation);
    }
    if let Some(problem) = simulation.problems().first() {
        bail!("{problem}");
    }
    let mut state = State::new();
    let workloads = KINDS.iter().filter_map(|(_, kind, _)| workload_kind(kind).ok()).map(Kind::Workload);
    for kind in [Kind::Pod, Kind::Claim].into_iter().chain(workloads) {
        simulation.store().list(kind).for_each(|object| add(&mut state, object, with_nodes));
    }
    Ok((state, history.events))
}

fn command(scenario: &Scenario, step: &Action) -> Result<Command> {
    let key = |kind: &str, name: &str| -> Result<ObjectKey> {
        let kind = match kind {
            "Pod" => Kind::Pod,
            "PodDisruptionBudget" => Kind::Budget,
            kind => Kind::Workload(workload_kind(kind)?),
        };
        Ok(ObjectKey { kind, namespace: scenario.id.as_str().into(), name: name.into() })
    };
    let objects = |values: &[Value]| -> Result<Vec<Object>> {
        let mut objects = Vec::new();
        load(&[("step", values)])?.into_objects(|object| objects.push(object));
        Ok(objects)
    };
    Ok(match step {
        Action::Apply(values) => Command::Apply(objects(values)?),
        Action::Add(node) => Command::Apply(objects(&[(**node).clone()])?),
        Action::Scale { kind, name, count } => Command::Scale { key: key(kind, name)?, count: *count },
        Action::Delete { kind, name } => Command::Delete(key(kind, name)?),
        Action::Node(action, node) => {
            let nodes = NodeQuery::Name(node.as_str().into());
            match action {
                NodeAction::Fail => Command::Fail(nodes),
                NodeAction::Recover => Command::Recover(nodes),
                NodeAction::Cordon => Command::Cordon(nodes),
                NodeAction::Uncordon => Command::Uncordon(nodes),
                NodeAction::Drain => Command::Drain { nodes, force: true },
                NodeAction::Remove => Command::Remove(nodes),
            }
        }
        Action::Wait(_) => bail!("waiting is no command"),
    })
}

/// What happens to the pods of a simulation, seen after each time at which something happens.
#[derive(Default)]
struct History {
    /// The pods of the last look, by uid: whether each is deleted.
    known: std::collections::BTreeMap<String, (PodEvent, bool)>,
    events: Vec<PodEvent>,
}

impl History {
    fn look(&mut self, simulation: &Simulation) {
        let mut now = std::collections::BTreeMap::new();
        for object in simulation.store().list(Kind::Pod) {
            let Object::Pod(manifest) = &**object else { continue };
            let pod = &manifest.pod;
            let controller = pod.spec.controller.as_ref().map_or("", |owner| &*owner.kind).to_owned();
            let event = PodEvent { what: "gone".to_owned(), controller, name: pod.name.to_string() };
            now.insert(pod.uid.to_string(), (event, pod.terminating));
        }
        let is_gone = |uid: &String| !now.contains_key(uid);
        let is_deleted = |uid: &String| now.get(uid).is_none_or(|(_, deleted)| *deleted);
        let known = || self.known.iter().map(|(uid, (event, deleted))| (uid, event, *deleted));
        let mut events = Vec::new();
        let mut tell = |what: &str, event: &PodEvent| {
            events.push(PodEvent { what: what.to_owned(), ..event.clone() });
        };
        // A pod that is deleted while nothing runs of it is gone at once.
        known()
            .filter(|(uid, _, deleted)| is_gone(uid) && !deleted)
            .for_each(|(_, event, _)| tell("delete", event));
        known().filter(|(uid, ..)| is_gone(uid)).for_each(|(_, event, _)| tell("gone", event));
        known()
            .filter(|(uid, _, deleted)| !is_gone(uid) && is_deleted(uid) && !deleted)
            .for_each(|(_, event, _)| tell("delete", event));
        now.iter()
            .filter(|(uid, _)| !self.known.contains_key(*uid))
            .for_each(|(_, (event, _))| tell("make", event));
        self.events.extend(events);
        self.known = now;
    }
}
