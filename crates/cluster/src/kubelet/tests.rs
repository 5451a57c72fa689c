use std::fmt::Write as _;

use berth_model::execution::Annotated;
use expect_test::{Expect, expect};

use super::*;

fn exits(after_seconds: u64, code: u8) -> ContainerExecution {
    let program = Program::Exits { after_millis: after_seconds * 1_000, code };
    ContainerExecution { program, ..ContainerExecution::default() }
}

fn pod(policy: RestartPolicy, containers: Vec<ContainerExecution>) -> Execution {
    Execution { restart_policy: policy, containers, ..Execution::default() }
}

fn start(execution: &Execution, of_job: bool) -> PodRun {
    let timing = Timing { start: Span::fixed(2_000), ..Timing::default() };
    PodRun::start(Arc::new(execution.clone()), timing, of_job, 7, 0)
}

/// The status at each time at which it changes, until a time in seconds.
fn story(run: &mut PodRun, until: u64) -> String {
    let mut told = String::new();
    loop {
        let PodStatus { phase, is_ready, containers, init_containers, reason, .. } = run.status();
        let all = init_containers.iter().chain(&containers);
        let all: Vec<String> = all.map(|container| shown(*container)).collect();
        let ready = if is_ready { " ready" } else { "" };
        let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
        let _ = writeln!(told, "{}{ready}{reason}: {}", phase.name(), all.join(", "));
        let Some(next) = run.next_wake().filter(|next| *next <= until * 1_000) else { return told };
        run.advance(next);
        let _ = write!(told, "{}s ", next as f64 / 1_000.0);
    }
}

fn shown(container: ContainerStatus) -> String {
    let state = match container.state {
        ContainerState::Waiting { reason } => reason.to_owned(),
        ContainerState::Running { .. } => "running".to_owned(),
        ContainerState::Terminated(how) => format!("{} {}", how.reason(), how.exit_code),
    };
    if container.restarts > 0 { format!("{state} ({} restarts)", container.restarts) } else { state }
}

fn check(execution: &Execution, of_job: bool, until: u64, expected: Expect) {
    let mut run = start(execution, of_job);
    expected.assert_eq(&story(&mut run, until));
    // How time is split changes nothing.
    let mut at_once = start(execution, of_job);
    at_once.advance(until * 1_000);
    assert_eq!(at_once.status(), run.status());
}

#[test]
fn a_service_runs_until_it_is_deleted() {
    let execution = pod(RestartPolicy::Always, vec![ContainerExecution::default()]);
    check(
        &execution,
        false,
        86_400,
        expect![[r#"
        Pending: ContainerCreating
        2s Running ready: running
    "#]],
    );
}

#[test]
fn the_pod_of_a_job_succeeds_after_the_usual_time() {
    check(
        &pod(RestartPolicy::Never, vec![ContainerExecution::default()]),
        true,
        86_400,
        expect![[r#"
        Pending: ContainerCreating
        2s Running ready: running
        62s Succeeded: Completed 0
    "#]],
    );
}

#[test]
fn a_pod_that_fails_is_not_restarted_if_its_policy_is_never() {
    check(
        &pod(RestartPolicy::Never, vec![exits(5, 3), exits(8, 0)]),
        true,
        86_400,
        expect![[r#"
        Pending: ContainerCreating, ContainerCreating
        2s Running ready: running, running
        7s Running: Error 3, running
        10s Failed: Error 3, Completed 0
    "#]],
    );
}

#[test]
fn restarts_wait_longer_and_longer() {
    check(
        &pod(RestartPolicy::OnFailure, vec![exits(1, 1)]),
        true,
        1_200,
        expect![[r#"
        Pending: ContainerCreating
        2s Running ready: running
        3s Running ready: running (1 restarts)
        4s Running: CrashLoopBackOff (1 restarts)
        14s Running ready: running (2 restarts)
        15s Running: CrashLoopBackOff (2 restarts)
        35s Running ready: running (3 restarts)
        36s Running: CrashLoopBackOff (3 restarts)
        76s Running ready: running (4 restarts)
        77s Running: CrashLoopBackOff (4 restarts)
        157s Running ready: running (5 restarts)
        158s Running: CrashLoopBackOff (5 restarts)
        318s Running ready: running (6 restarts)
        319s Running: CrashLoopBackOff (6 restarts)
        619s Running ready: running (7 restarts)
        620s Running: CrashLoopBackOff (7 restarts)
        920s Running ready: running (8 restarts)
        921s Running: CrashLoopBackOff (8 restarts)
    "#]],
    );
}

#[test]
fn a_container_that_ran_for_long_is_restarted_at_once() {
    check(
        &pod(RestartPolicy::Always, vec![exits(601, 0)]),
        false,
        2_000,
        expect![[r#"
        Pending: ContainerCreating
        2s Running ready: running
        603s Running ready: running (1 restarts)
        1204s Running ready: running (2 restarts)
        1805s Running ready: running (3 restarts)
    "#]],
    );
}

#[test]
fn init_containers_run_one_after_the_other_and_sidecars_beside_the_containers() {
    let sidecar =
        ContainerExecution { sidecar: true, ready_delay_seconds: 4, ..ContainerExecution::default() };
    let execution = Execution {
        init_containers: vec![exits(3, 0), sidecar, exits(2, 0)],
        ..pod(RestartPolicy::Never, vec![exits(10, 0)])
    };
    check(
        &execution,
        true,
        100,
        expect![[r#"
        Pending: PodInitializing, PodInitializing, PodInitializing, PodInitializing
        2s Pending: running, PodInitializing, PodInitializing, PodInitializing
        5s Pending: Completed 0, running, running, PodInitializing
        7s Running: Completed 0, running, Completed 0, running
        9s Running ready: Completed 0, running, Completed 0, running
        17s Succeeded: Completed 0, Completed 0, Completed 0, Completed 0
    "#]],
    );
}

#[test]
fn an_init_container_that_fails_ends_a_pod_that_is_never_restarted() {
    let init = |policy| Execution { init_containers: vec![exits(1, 1)], ..pod(policy, vec![exits(10, 0)]) };
    check(
        &init(RestartPolicy::Never),
        true,
        100,
        expect![[r#"
        Pending: PodInitializing, PodInitializing
        2s Pending: running, PodInitializing
        3s Failed: Error 1, PodInitializing
    "#]],
    );
    check(
        &init(RestartPolicy::Always),
        true,
        15,
        expect![[r#"
        Pending: PodInitializing, PodInitializing
        2s Pending: running, PodInitializing
        3s Pending: running (1 restarts), PodInitializing
        4s Pending: CrashLoopBackOff (1 restarts), PodInitializing
        14s Pending: running (2 restarts), PodInitializing
        15s Pending: CrashLoopBackOff (2 restarts), PodInitializing
    "#]],
    );
}

#[test]
fn annotations_say_how_long_a_pod_runs() {
    let annotated = Annotated {
        run: Some(RunDuration::Span(Span::fixed(30_000))),
        exit_code: Some(2),
        start_delay: Some(Span::fixed(500)),
        ready_delay: Some(Span::fixed(4_000)),
    };
    let execution = Execution { annotated, ..pod(RestartPolicy::Never, vec![exits(5, 0)]) };
    check(
        &execution,
        true,
        100,
        expect![[r#"
        Pending: ContainerCreating
        0.5s Running: running
        4.5s Running ready: running
        30.5s Failed: Error 2
    "#]],
    );
}

#[test]
fn a_pod_fails_at_its_deadline() {
    let execution =
        Execution { active_deadline_seconds: Some(10), ..pod(RestartPolicy::Always, vec![exits(50, 0)]) };
    check(
        &execution,
        true,
        100,
        expect![[r#"
        Pending: ContainerCreating
        2s Running ready: running
        10s Failed DeadlineExceeded: Error 137
    "#]],
    );
}

#[test]
fn a_deleted_pod_ends_within_its_grace_period() {
    // grace, how long it takes to end, when it is done, its last exit code
    let cases = [(30, 1, 11_000, 143), (30, 60, 40_000, 137), (0, 1, 10_000, 137), (0, 0, 10_000, 143)];
    for (grace, needs, done, code) in cases {
        let timing = Timing { start: Span::fixed(0), stop: Span::fixed(needs * 1_000), ..Timing::default() };
        let mut run = PodRun::start(Arc::default(), timing, false, 7, 0);
        run.delete(grace, 10_000);
        assert_eq!(run.done(), Some(done), "{grace} {needs}");
        run.advance(done);
        assert!(run.has_ended() && run.next_wake().is_none(), "{grace} {needs}");
        let ContainerState::Terminated(last) = run.status().containers[0].state else {
            panic!("it has not ended")
        };
        assert_eq!((last.exit_code, last.finished), (code, done), "{grace} {needs}");
    }
}

#[test]
fn a_second_deletion_can_only_be_faster_and_a_pod_that_does_not_run_ends_at_once() {
    let timing = Timing { stop: Span::fixed(60_000), ..Timing::INSTANT };
    let mut run = PodRun::start(Arc::default(), timing, false, 7, 0);
    run.delete(30, 0);
    run.delete(50, 5_000);
    assert_eq!(run.done(), Some(30_000));
    run.delete(5, 10_000);
    assert_eq!(run.done(), Some(15_000));
    let mut waiting = PodRun::start(Arc::default(), Timing::default(), false, 7, 0);
    waiting.delete(30, 500);
    assert_eq!((waiting.done(), waiting.has_ended()), (Some(500), true));
}

#[test]
fn equal_seeds_give_equal_runs_and_other_seeds_others() {
    let spread = Timing { start: Span { min_millis: 0, max_millis: 1_000_000 }, ..Timing::default() };
    let begin = |uid| PodRun::start(Arc::default(), spread, false, seed_of(1, uid), 0).next_wake();
    assert_eq!(begin("a"), begin("a"));
    assert_ne!(begin("a"), begin("b"));
}
