//! One run in this process: the steps of a plan, carried out and timed.
//!
//! The clock starts with the first measured pod and runs while the engine works: decisions with all that follows from
//! them, and changes between them. It stands still while a step is read and while a pod is made known (that time is
//! reported apart), as in upstream's harness. Steps are read in batches, so that the reading does not disturb the
//! processor's caches before every decision.

use std::time::{Duration, Instant};

use berth_model::object::Object;
use berth_model::pod::Pod;
use berth_wire::{Decoder, Problems};

use crate::machine;
use crate::outcome::Outcome;
use crate::plan::{Plan, Step};
use crate::subject::{Method, Next, Subject};

/// How many steps are read at a time.
const BATCH: usize = 4096;

/// How a run is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How decisions are made.
    pub method: Method,
    /// Whether each decision is checked against the scan.
    pub verify: bool,
    /// Stop when the clock has run this long.
    pub budget: Option<Duration>,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan holds an object that is wrong.
    #[error("{0}")]
    Object(Problems),
    /// The plan asks about something that is no pod.
    #[error("step {0} schedules an object that is no pod")]
    NotAPod(usize),
    /// The plan takes away what is not there.
    #[error("step {0} deletes {1} {2}/{3}, which is not there")]
    NotThere(usize, String, String, String),
    /// The fast path and the scan disagree.
    #[error("step {step}: {difference}")]
    Disagree {
        /// The number of the step, from 1.
        step: usize,
        /// The pod, and what each says.
        difference: String,
    },
}

/// A step with its object read.
enum Action {
    Put(Object),
    Remove(String, String, String),
    Ask(Pod, bool),
}

/// Carries out a plan.
///
/// # Errors
/// When the plan is wrong, or a verified decision is.
pub fn run(plan: Plan, options: Options) -> Result<Outcome, RunError> {
    let mut runner = Runner {
        subject: Subject::new(options.method, plan.removes_pods()),
        options,
        outcome: Outcome { complete: true, ..Outcome::default() },
        started: Instant::now(),
        clock_runs: false,
        busy: Duration::ZERO,
        intake: Duration::ZERO,
        samples: Vec::with_capacity(usize::try_from(plan.measured_pods()).unwrap_or(0)),
    };
    let mut decoder = Decoder::new();
    let mut steps = plan.enumerate();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let mut read_all = true;
        for (at, step) in steps.by_ref().take(BATCH) {
            read_all = false;
            if let Some(action) = read(&mut decoder, at + 1, step)? {
                batch.push((at + 1, action));
            }
        }
        if read_all {
            return Ok(runner.finish());
        }
        for (at, action) in batch.drain(..) {
            if runner.take(at, action)? {
                return Ok(runner.finish());
            }
        }
    }
}

/// Reads a step; `None` where its object does not concern scheduling.
fn read(decoder: &mut Decoder, at: usize, step: Step) -> Result<Option<Action>, RunError> {
    Ok(match step {
        Step::Delete { kind, namespace, name } => Some(Action::Remove(kind, namespace, name)),
        Step::Add(object) | Step::Update(object) => {
            decoder.object(&object).map_err(RunError::Object)?.map(Action::Put)
        }
        Step::Schedule { pod, measured } => match decoder.object(&pod).map_err(RunError::Object)? {
            Some(Object::Pod(manifest)) => Some(Action::Ask(manifest.pod, measured)),
            _ => return Err(RunError::NotAPod(at)),
        },
    })
}

struct Runner {
    subject: Subject,
    options: Options,
    outcome: Outcome,
    started: Instant,
    clock_runs: bool,
    busy: Duration,
    intake: Duration,
    samples: Vec<u64>,
}

impl Runner {
    /// Carries out a step; `true` when the budget is used up.
    fn take(&mut self, at: usize, action: Action) -> Result<bool, RunError> {
        let (pod, measured) = match action {
            Action::Ask(pod, measured) => (pod, measured),
            Action::Put(object) => {
                let start = Instant::now();
                self.subject.put(object);
                self.count(start.elapsed());
                return Ok(false);
            }
            Action::Remove(kind, namespace, name) => {
                let start = Instant::now();
                let found = self.subject.remove(&kind, &namespace, &name);
                self.count(start.elapsed());
                return if found { Ok(false) } else { Err(RunError::NotThere(at, kind, namespace, name)) };
            }
        };
        if measured && !self.clock_runs {
            self.clock_runs = true;
            self.outcome.load_seconds = self.started.elapsed().as_secs_f64();
        }
        if self.clock_runs && self.options.budget.is_some_and(|budget| self.busy > budget) {
            self.outcome.complete = false;
            return Ok(true);
        }
        self.ask(at, pod)?;
        Ok(false)
    }

    fn ask(&mut self, at: usize, pod: Pod) -> Result<(), RunError> {
        let start = Instant::now();
        let row = self.subject.bring(pod);
        let brought = start.elapsed();
        let mut spent = Duration::ZERO;
        let mut evicted = 0;
        let mut next = Next::Again(0);
        // Who had others evicted is asked once more, and no third time.
        for may_evict in [true, false] {
            let start = Instant::now();
            let decision = self.subject.choose(row);
            spent += start.elapsed();
            if self.options.verify {
                let verified = self.subject.verify(row, &decision);
                verified.map_err(|difference| RunError::Disagree { step: at, difference })?;
            }
            let start = Instant::now();
            next = self.subject.carry_out(row, &decision, may_evict);
            spent += start.elapsed();
            match next {
                Next::Again(victims) => evicted += victims,
                Next::Placed | Next::Failed => break,
            }
        }
        if self.clock_runs {
            self.intake += brought;
            self.count(spent);
            self.samples.push(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX));
            self.outcome.evicted += evicted;
            match next {
                Next::Placed => self.outcome.placed += 1,
                Next::Failed | Next::Again(_) => self.outcome.failed += 1,
            }
        }
        Ok(())
    }

    fn count(&mut self, spent: Duration) {
        if self.clock_runs {
            self.busy += spent;
        }
    }

    fn finish(mut self) -> Outcome {
        self.outcome.time(&mut self.samples, self.busy);
        self.outcome.intake_seconds = self.intake.as_secs_f64();
        self.outcome.peak_bytes = machine::peak_bytes();
        self.outcome
    }
}
