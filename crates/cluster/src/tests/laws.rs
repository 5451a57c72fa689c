//! Laws of time: what holds for every history.

use berth_model::object::ObjectKey;
use proptest::prelude::*;

use super::{SECOND, node, simulate, workload};
use crate::Millis;
use crate::command::{Command, NodeQuery};
use crate::report::TimedSimulationResult;
use crate::simulation::Simulation;
use berth_model::object::Kind;
use berth_model::workload::WorkloadKind;

const END: Millis = 3_000 * SECOND;

fn objects() -> Vec<String> {
    let mut objects: Vec<String> = (0..4).map(|at| node(&format!("n{at}"), ["a", "b"][at % 2])).collect();
    let mut job = workload("Job", "work", "completions: 6, parallelism: 2,", "restartPolicy: Never,");
    job = job
        .replace("metadata: {labels", "metadata: {annotations: {berth.dev/run-duration: 20s..200s}, labels");
    objects.push(job);
    objects.push(workload("Deployment", "web", "replicas: 5,", ""));
    objects.push(workload("StatefulSet", "db", "replicas: 2,", ""));
    objects.push(workload("DaemonSet", "agent", "", ""));
    objects
}

fn command(kind: u8, number: u8) -> Command {
    let node = NodeQuery::Name(format!("n{}", number % 4).into());
    let key = |kind, name: &str| ObjectKey {
        kind: Kind::Workload(kind),
        namespace: "default".into(),
        name: name.into(),
    };
    match kind {
        0 | 1 => Command::Fail(node),
        2 | 3 => Command::Recover(node),
        4 => Command::Cordon(node),
        5 => Command::Uncordon(node),
        6 => Command::Drain { nodes: node, force: false },
        7 => Command::Remove(node),
        8 => Command::Scale { key: key(WorkloadKind::Deployment, "web"), count: i32::from(number % 12) },
        9 => Command::Scale { key: key(WorkloadKind::StatefulSet, "db"), count: i32::from(number % 5) },
        _ => Command::Delete(key(WorkloadKind::Job, "work")),
    }
}

fn begin(commands: &[(u16, u8, u8)]) -> Simulation {
    let commands =
        commands.iter().map(|(at, kind, number)| (u64::from(*at) * SECOND, command(*kind, *number)));
    simulate(&objects(), commands.collect(), Some("web"))
}

/// The result, and the objects that are there in the end.
fn end(simulation: Simulation) -> (TimedSimulationResult, Vec<Vec<String>>) {
    let names = Kind::ALL.iter().map(|api| simulation.names(api.kind)).collect();
    (simulation.result("greedy".to_owned()), names)
}

/// What must hold at every time.
fn check(simulation: &Simulation) -> Result<(), TestCaseError> {
    for (name, requested, allocatable) in simulation.requested() {
        prop_assert!(requested <= allocatable, "{name} has pods that request {requested} of {allocatable}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_history_replayed_is_equal_however_time_is_split(
        commands in prop::collection::vec((0..2_500_u16, 0..11_u8, 0..60_u8), 0..12),
        steps in prop::collection::vec(1..400_000_u64, 0..40),
    ) {
        let mut at_once = begin(&commands);
        at_once.advance(END);
        let mut in_steps = begin(&commands);
        let mut now = 0;
        for step in steps {
            now = (now + step).min(END);
            in_steps.advance(now);
            check(&in_steps)?;
        }
        in_steps.advance(END);
        prop_assert_eq!(end(at_once), end(in_steps));
    }
}
