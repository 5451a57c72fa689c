//! What a node's agent does with one pod: it starts the containers, restarts those that end, and ends them when the pod
//! is deleted.
//!
//! [`PodRun`] is a state machine: times come in, [`PodRun::next_wake`] says when something happens next, and
//! [`PodRun::status`] is what the agent writes into the pod's status. No program runs: what containers do follows from
//! their commands and the pod's annotations ([`Execution`]), and otherwise from [`Timing`]. All times that are drawn are
//! functions of the seed.
//!
//! ```text
//! bound ──start delay──► init containers, one after the other ──► all containers ──ready delay──► Ready
//!                            ▲        │ fails                        ▲       │ ends
//!                            └backoff─┘                              └backoff┤ restartPolicy
//!                                                                            └──────► Succeeded, Failed
//! ```
//!
//! Upstream: `pkg/kubelet/kubelet_pods.go` (`getPhase`), `kuberuntime/kuberuntime_manager.go` (`doBackOff`).

mod container;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use berth_model::execution::{ContainerExecution, Execution, Program, RunDuration, Span};
use berth_model::pod_manifest::RestartPolicy;

pub use status::{ContainerState, ContainerStatus, Phase, PodStatus, Terminated};

use crate::Millis;
use container::{Container, State};

/// How long things take if neither a command nor an annotation says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the binding to the start of the first container: volumes, sandbox, images.
    pub start: Span,
    /// From the start of a container until it is ready, beside the delay of its readiness probe.
    pub ready: Span,
    /// How long an init container runs.
    pub init_run: Span,
    /// How long a container of a Job runs.
    pub job_run: Span,
    /// How long a container runs on after it was asked to end.
    pub stop: Span,
}

impl Default for Timing {
    /// One to three seconds until a pod runs, a minute for the pods of Jobs, one second to end.
    fn default() -> Self {
        Self {
            start: Span { min_millis: 1_000, max_millis: 3_000 },
            ready: Span::fixed(0),
            init_run: Span::fixed(1_000),
            job_run: Span::fixed(60_000),
            stop: Span::fixed(1_000),
        }
    }
}

impl Timing {
    /// All that is not given takes no time.
    pub const INSTANT: Self = Self {
        start: Span::fixed(0),
        ready: Span::fixed(0),
        init_run: Span::fixed(0),
        job_run: Span::fixed(0),
        stop: Span::fixed(0),
    };
}

/// The exit code of a container that was killed (SIGKILL).
const KILLED: u8 = 137;
/// The exit code of a container that ends because it was asked to (SIGTERM). A program may handle the signal and exit
/// with 0; those that sleep or compute, as the pods of Jobs do, do not, and a Job counts such a pod as failed.
const ASKED_TO_END: u8 = 143;

/// What the agent does next with the pod as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The first container starts at this time.
    Creating(Millis),
    /// The init container of this index runs.
    Initializing(usize),
    /// The containers run.
    Initialized,
    /// All containers have ended and none is restarted.
    Ended,
}

/// The deletion of a pod.
#[derive(Clone, Copy, Debug)]
struct Deletion {
    /// When the containers have ended that were asked to end.
    ends: Millis,
    /// When the grace period is over.
    killed: Millis,
}

impl Deletion {
    fn done(self) -> Millis {
        self.ends.min(self.killed)
    }
}

/// A pod on its node.
#[derive(Clone, Debug)]
pub struct PodRun {
    execution: Arc<Execution>,
    timing: Timing,
    of_job: bool,
    seed: u64,
    /// How many numbers were drawn.
    drawn: u64,
    started: Millis,
    stage: Stage,
    /// The init containers, then the containers.
    containers: Vec<Container>,
    deadline: Option<Millis>,
    is_initialized: bool,
    deletion: Option<Deletion>,
    reason: Option<&'static str>,
}

impl PodRun {
    /// The agent has seen a pod that is bound to its node. `of_job` says whether a Job owns the pod. Runs of equal seeds
    /// are equal.
    pub fn start(execution: Arc<Execution>, timing: Timing, of_job: bool, seed: u64, now: Millis) -> Self {
        let count = execution.init_containers.len() + execution.containers.len();
        let deadline = execution.active_deadline_seconds.map(|seconds| now + u64::from(seconds) * 1_000);
        let mut run = Self {
            execution,
            timing,
            of_job,
            seed,
            drawn: 0,
            started: now,
            stage: Stage::Creating(now),
            containers: vec![Container::default(); count],
            deadline,
            is_initialized: false,
            deletion: None,
            reason: None,
        };
        let delay = run.execution.annotated.start_delay.unwrap_or(timing.start);
        run.stage = Stage::Creating(now + run.draw(delay));
        run.advance(now);
        run
    }

    /// When something happens next; `None` if nothing happens any more without a request.
    pub fn next_wake(&self) -> Option<Millis> {
        if self.stage == Stage::Ended {
            return None;
        }
        if let Some(deletion) = self.deletion {
            return Some(deletion.done());
        }
        let creating = match self.stage {
            Stage::Creating(at) => Some(at),
            _ => None,
        };
        let of_containers = self.containers.iter().filter_map(Container::next_wake);
        of_containers.chain(creating).chain(self.deadline).min()
    }

    /// Lets all happen that happens until `now`, each at its time. Whether the status may have changed.
    pub fn advance(&mut self, now: Millis) -> bool {
        let mut changed = false;
        while let Some(at) = self.next_wake().filter(|at| *at <= now) {
            changed = true;
            match self.deletion {
                Some(deletion) => self.stop(deletion),
                None => self.step(at),
            }
        }
        changed
    }

    /// The pod is deleted: its containers are asked to end, and are killed after the grace period. A second request can
    /// only make the time shorter.
    pub fn delete(&mut self, grace_seconds: u32, now: Millis) {
        self.advance(now);
        let killed = now + u64::from(grace_seconds) * 1_000;
        self.deletion = Some(match self.deletion {
            Some(before) => Deletion { killed: before.killed.min(killed), ..before },
            None => {
                let needed = if self.is_anything_running() { self.draw(self.timing.stop) } else { 0 };
                Deletion { ends: now + needed, killed }
            }
        });
        self.advance(now);
    }

    /// When the agent is done with the pod, if it was deleted: the object can be removed then.
    pub fn done(&self) -> Option<Millis> {
        self.deletion.map(Deletion::done)
    }

    /// Whether all containers have ended and none is restarted.
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// What the agent writes into the pod's status.
    pub fn status(&self) -> PodStatus {
        let (init, main) = self.containers.split_at(self.execution.init_containers.len());
        let waiting = if init.is_empty() { "ContainerCreating" } else { "PodInitializing" };
        PodStatus {
            phase: self.phase(),
            started: self.started,
            is_initialized: self.is_initialized,
            is_ready: self.is_ready(),
            init_containers: init.iter().map(|container| container.status(waiting)).collect(),
            containers: main.iter().map(|container| container.status(waiting)).collect(),
            reason: self.reason,
        }
    }

    /// The condition `Ready`: all containers and sidecars are ready.
    pub fn is_ready(&self) -> bool {
        let (init, main) = self.containers.split_at(self.execution.init_containers.len());
        let mut sidecars = init.iter().zip(&self.execution.init_containers);
        self.phase() == Phase::Running
            && sidecars.all(|(container, execution)| !execution.sidecar || container.is_ready())
            && main.iter().all(Container::is_ready)
    }

    /// The phase of the pod.
    ///
    /// Upstream: `getPhase`.
    pub fn phase(&self) -> Phase {
        match self.stage {
            Stage::Creating(_) | Stage::Initializing(_) => Phase::Pending,
            Stage::Initialized => Phase::Running,
            Stage::Ended => {
                let first = self.execution.init_containers.len();
                let main = &self.containers[first..];
                let succeeded =
                    self.reason.is_none() && main.iter().all(|container| container.exit_code() == Some(0));
                if succeeded { Phase::Succeeded } else { Phase::Failed }
            }
        }
    }

    /// The largest restart count of the containers.
    pub fn restarts(&self) -> u32 {
        self.containers.iter().map(|container| container.restarts).max().unwrap_or(0)
    }

    fn draw(&mut self, span: Span) -> u64 {
        if span.min_millis == span.max_millis {
            return span.min_millis;
        }
        self.drawn += 1;
        span.draw(scatter(self.seed ^ scatter(self.drawn)))
    }

    fn is_anything_running(&self) -> bool {
        self.containers.iter().any(|container| matches!(container.state, State::Running { .. }))
    }

    fn execution_of(&self, index: usize) -> ContainerExecution {
        let init = &self.execution.init_containers;
        init.get(index)
            .or_else(|| self.execution.containers.get(index - init.len()))
            .copied()
            .unwrap_or_default()
    }

    /// Lets happen what happens at one time.
    fn step(&mut self, at: Millis) {
        if self.deadline.is_some_and(|deadline| deadline <= at) {
            self.reason = Some("DeadlineExceeded");
            self.deadline = None;
            self.end(at);
            return;
        }
        if matches!(self.stage, Stage::Creating(_)) {
            self.initialize(0, at);
            return;
        }
        for index in 0..self.containers.len() {
            let state = self.containers[index].state;
            match state {
                State::Running { ends: Some((ends, code)), .. } if ends <= at => {
                    self.containers[index].terminate(code, at);
                    self.ended(index, at);
                }
                State::Running { ready_at: Some(ready), .. } if ready <= at => {
                    self.containers[index].set_ready()
                }
                State::BackingOff { until } if until <= at => {
                    self.containers[index].restarts += 1;
                    self.run(index, at);
                }
                _ => {}
            }
            if self.stage == Stage::Ended {
                return;
            }
        }
    }

    /// Starts the init container of this index, or the containers after the last one.
    fn initialize(&mut self, from: usize, at: Millis) {
        let count = self.execution.init_containers.len();
        for index in from..count {
            self.run(index, at);
            if !self.execution.init_containers[index].sidecar {
                self.stage = Stage::Initializing(index);
                return;
            }
        }
        self.stage = Stage::Initialized;
        self.is_initialized = true;
        for index in count..self.containers.len() {
            self.run(index, at);
        }
    }

    /// Starts a container.
    fn run(&mut self, index: usize, at: Millis) {
        let execution = self.execution_of(index);
        let is_init = index < self.execution.init_containers.len() && !execution.sidecar;
        let ends = self.run_time(execution, is_init).map(|(millis, code)| (at + millis, code));
        let ready = if is_init {
            None
        } else {
            let span = self.execution.annotated.ready_delay.unwrap_or(self.timing.ready);
            Some(self.draw(span) + u64::from(execution.ready_delay_seconds) * 1_000)
        };
        self.containers[index].start(at, ends, ready.map(|delay| at + delay));
    }

    /// How long a container runs, and with which code it exits; `None` if it runs until the pod is deleted.
    fn run_time(&mut self, execution: ContainerExecution, is_init: bool) -> Option<(u64, u8)> {
        let annotated = self.execution.annotated;
        if !is_init && !execution.sidecar {
            match annotated.run {
                Some(RunDuration::Forever) => return None,
                Some(RunDuration::Span(span)) => {
                    return Some((self.draw(span), annotated.exit_code.unwrap_or(0)));
                }
                None => {}
            }
        }
        match execution.program {
            Program::Exits { after_millis, code } => Some((after_millis, code)),
            Program::UntilDeleted => None,
            Program::Unknown if is_init => Some((self.draw(self.timing.init_run), 0)),
            Program::Unknown if execution.sidecar => None,
            Program::Unknown if self.of_job || annotated.exit_code.is_some() => {
                Some((self.draw(self.timing.job_run), annotated.exit_code.unwrap_or(0)))
            }
            Program::Unknown => None,
        }
    }

    /// A container has ended by itself.
    fn ended(&mut self, index: usize, at: Millis) {
        let failed = self.containers[index].exit_code() != Some(0);
        let is_init = index < self.execution.init_containers.len();
        let sidecar = self.execution_of(index).sidecar;
        let restarts = sidecar
            || match self.execution.restart_policy {
                // An init container that has succeeded is done.
                RestartPolicy::Always => !is_init || failed,
                RestartPolicy::OnFailure => failed,
                RestartPolicy::Never => false,
            };
        if restarts {
            let until = self.containers[index].back_off(at);
            if until == at {
                self.containers[index].restarts += 1;
                self.run(index, at);
            }
        } else if is_init && !failed {
            self.initialize(index + 1, at);
        } else if is_init {
            self.end(at);
        } else {
            let first = self.execution.init_containers.len();
            if self.containers[first..].iter().all(|container| matches!(container.state, State::Ended)) {
                self.end(at);
            }
        }
    }

    /// Ends the pod and what still runs of it.
    fn end(&mut self, at: Millis) {
        let code = if self.reason.is_some() { KILLED } else { 0 };
        for container in &mut self.containers {
            container.terminate(code, at);
        }
        self.stage = Stage::Ended;
    }

    /// Ends what runs of a deleted pod.
    fn stop(&mut self, deletion: Deletion) {
        let code = if deletion.killed < deletion.ends { KILLED } else { ASKED_TO_END };
        for container in &mut self.containers {
            container.terminate(code, deletion.done());
        }
        self.stage = Stage::Ended;
    }
}

/// The seed of a pod's run, from the seed of the simulation and the pod's uid.
pub fn seed_of(seed: u64, uid: &str) -> u64 {
    // FNV-1a, a specified hash.
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    uid.bytes().fold(scatter(seed) ^ 0xcbf2_9ce4_8422_2325, fold)
}

/// One round of SplitMix64: neighbouring numbers give numbers that have nothing to do with each other.
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
