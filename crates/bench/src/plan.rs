//! The plan: a workload at one size, expanded to single steps over Kubernetes objects.
//!
//! A plan is the same on every run, and the same for every scheduler that it is given to: as an iterator here, as lines
//! of JSON in a file for upstream's harness ([`write()`]). Objects are rendered only when their turn comes, so that a
//! plan for a million nodes takes no memory.

mod churn;
mod compile;
mod steps;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::Value;

use crate::workload::{Workload, WorkloadError};
use compile::{Compiled, Program};
use steps::PodSteps;

/// One step of a plan. Objects are JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The object appears.
    Add(String),
    /// The object takes the place of the one of its name.
    Update(String),
    /// The object goes away.
    Delete {
        /// Its kind.
        kind: String,
        /// Its namespace; empty where its kind has none.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The pod appears and is asked about.
    Schedule {
        /// The pod.
        pod: String,
        /// Whether it is one of the measured pods; the clock starts with the first.
        measured: bool,
    },
}

impl Step {
    /// The step as one line of JSON, without the line's end.
    pub fn line(&self) -> String {
        match self {
            Step::Add(object) => format!(r#"{{"op":"add","object":{object}}}"#),
            Step::Update(object) => format!(r#"{{"op":"update","object":{object}}}"#),
            Step::Delete { kind, namespace, name } => format!(
                r#"{{"op":"delete","kind":{},"namespace":{},"name":{}}}"#,
                Value::from(kind.as_str()),
                Value::from(namespace.as_str()),
                Value::from(name.as_str())
            ),
            Step::Schedule { pod, measured } => {
                format!(r#"{{"op":"schedule","measured":{measured},"object":{pod}}}"#)
            }
        }
    }
}

/// Writes a plan as lines of JSON.
///
/// # Errors
/// When the output fails.
pub fn write(plan: Plan, mut out: impl Write) -> io::Result<()> {
    for step in plan {
        out.write_all(step.line().as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Writes the objects that a plan creates as manifests, the pods that it asks about among them. What it changes or
/// takes away later is left out.
///
/// # Errors
/// When the output fails.
pub fn write_manifests(plan: Plan, mut out: impl Write) -> io::Result<()> {
    for step in plan {
        if let Step::Add(object) | Step::Schedule { pod: object, .. } = step {
            writeln!(out, "---\n{object}")?;
        }
    }
    out.flush()
}

/// A pod that is not rendered yet: its op, and its number there.
type Waiting = (Arc<PodSteps>, i64);

/// The steps of a workload at one size.
#[derive(Debug)]
pub struct Plan {
    program: Program,
    /// Which op is at work, and how many of its objects are done.
    op: usize,
    done: i64,
    churning: Vec<churn::State>,
    /// Pods that wait for the barrier, with their priority.
    waiting: Vec<(i64, Waiting)>,
    asked: VecDeque<Waiting>,
    ready: VecDeque<Step>,
    measured: i64,
}

impl Plan {
    /// Expands a workload. `n` is the number of nodes that was asked for, where the size leaves it open.
    ///
    /// # Errors
    /// When the workload has no such size, or a field of it has no sense.
    pub fn new(workload: &Workload, size: &str, n: Option<i64>) -> Result<Plan, WorkloadError> {
        Ok(Plan {
            program: Program::compile(workload, size, n)?,
            op: 0,
            done: 0,
            churning: Vec::new(),
            waiting: Vec::new(),
            asked: VecDeque::new(),
            ready: VecDeque::new(),
            measured: 0,
        })
    }

    /// How many nodes the plan creates before churn.
    pub fn nodes(&self) -> i64 {
        self.program.nodes.count()
    }

    /// How many pods are measured, churn left out.
    pub fn measured_pods(&self) -> i64 {
        self.program.measured
    }

    /// Whether churn takes pods away, which must then be found by name.
    pub fn removes_pods(&self) -> bool {
        self.program.ops.iter().any(|op| matches!(op, Compiled::Churn(churn) if churn.removes_pods()))
    }

    fn ask(&mut self, measured: bool, pod: String) {
        self.ready.push_back(Step::Schedule { pod, measured });
        if measured {
            self.measured += 1;
            for churn in &mut self.churning {
                churn.after(self.measured, &self.program.nodes, &mut self.ready);
            }
        }
    }

    /// Does the next piece of work; `false` when all is done.
    fn advance(&mut self) -> bool {
        if let Some((pods, i)) = self.asked.pop_front() {
            self.ask(pods.measured, pods.render(i, &self.program.nodes));
            return true;
        }
        let Some(op) = self.program.ops.get(self.op) else { return self.release() };
        let done = match op {
            Compiled::Create(create) => create.step(self.done, &mut self.ready),
            Compiled::Pods(pods) => {
                let pods = Arc::clone(pods);
                self.pod(pods)
            }
            Compiled::Churn(churn) => {
                self.churning.push(churn::State::new(churn.clone()));
                true
            }
            Compiled::Barrier => {
                self.release();
                true
            }
        };
        self.done += 1;
        if done {
            self.op += 1;
            self.done = 0;
        }
        true
    }

    /// Lets all waiting pods be asked about, in the queue's order; `false` when there is none.
    fn release(&mut self) -> bool {
        self.waiting.sort_by_key(|(priority, _)| Reverse(*priority));
        self.asked.extend(self.waiting.drain(..).map(|(_, waiting)| waiting));
        !self.asked.is_empty()
    }

    /// Companions of all pods come first, then the pods; `true` with the last.
    fn pod(&mut self, pods: Arc<PodSteps>) -> bool {
        let companions = pods.companions.len() as i64;
        if pods.count == 0 {
            return true;
        }
        if self.done < companions * pods.count {
            let filling = pods.filling(self.done / companions, &self.program.nodes);
            let companion = &pods.companions[turn(self.done, pods.companions.len())];
            self.ready.push_back(Step::Add(companion.render(&filling)));
            return false;
        }
        let i = self.done - companions * pods.count;
        let last = i + 1 >= pods.count;
        if pods.exists {
            self.ready.push_back(Step::Add(pods.render(i, &self.program.nodes)));
        } else if pods.at_once {
            self.ask(pods.measured, pods.render(i, &self.program.nodes));
        } else {
            self.waiting.push((pods.priority(i), (pods, i)));
        }
        last
    }
}

/// Which of `count` things has its turn.
fn turn(round: i64, count: usize) -> usize {
    usize::try_from(round).unwrap_or(0) % count
}

impl Iterator for Plan {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Some(step);
            }
            if !self.advance() {
                return None;
            }
        }
    }
}
