//! The arms of a comparison: programs that carry out the same plan and print what it came to.
//!
//! Each run is a process of its own, so that memory is counted from nothing and no run warms the next.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::case::Case;
use crate::outcome::Outcome;
use crate::plan;
use crate::workload::WorkloadError;

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arm {
    /// Upstream's scheduler with its default node sampling.
    Upstream,
    /// Upstream's scheduler, scoring every node.
    UpstreamAll,
    /// Berth's scan: every plugin asked about every node.
    Scan,
    /// Berth.
    Berth,
}

impl Arm {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Arm::Upstream => "upstream",
            Arm::UpstreamAll => "upstream, all nodes",
            Arm::Scan => "scan",
            Arm::Berth => "berth",
        }
    }

    /// The name at the head of narrow columns.
    pub fn short(self) -> &'static str {
        match self {
            Arm::Upstream => "up",
            Arm::UpstreamAll => "all",
            Arm::Scan => "scan",
            Arm::Berth => "berth",
        }
    }

    /// What it is.
    pub fn meaning(self) -> &'static str {
        match self {
            Arm::Upstream => "kube-scheduler's own code, scoring its default sample of the nodes",
            Arm::UpstreamAll => "kube-scheduler's own code, scoring every node",
            Arm::Scan => "berth without its fast path",
            Arm::Berth => "berth, scoring every node",
        }
    }

    /// The name of its field in JSON.
    pub fn field(self) -> &'static str {
        match self {
            Arm::Upstream => "upstream",
            Arm::UpstreamAll => "upstreamAll",
            Arm::Scan => "scan",
            Arm::Berth => "berth",
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an arm gave no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    /// The case has no plan.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// A file or program could not be used.
    #[error("{path}: {source}")]
    Io {
        /// The file or program.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program failed.
    #[error("{program} failed ({status}): {text}")]
    Failed {
        /// The program.
        program: PathBuf,
        /// Its exit status.
        status: String,
        /// The end of what it wrote to stderr.
        text: String,
    },
    /// The program printed something else.
    #[error("{program} printed no outcome: {source}")]
    Output {
        /// The program.
        program: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The sources of upstream's harness are not here.
    #[error("bench/upstream is not in {0} or above; --against upstream needs a checkout of Berth and Go")]
    NoHarness(PathBuf),
}

/// Where the arms' programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// This program.
    pub berth: PathBuf,
    /// Upstream's harness, built.
    pub upstream: Option<PathBuf>,
    /// A folder for plans.
    pub scratch: PathBuf,
    /// How long the clock may run in one run.
    pub budget: Option<Duration>,
}

impl Programs {
    /// Writes the plan of a case to a file, for the arms that read one.
    ///
    /// # Errors
    /// When the case has no plan or the file cannot be written.
    pub fn write_plan(&self, case: &Case) -> Result<PathBuf, ArmError> {
        let path = self.scratch.join("plan.jsonl");
        let io = |source| ArmError::Io { path: path.clone(), source };
        let file = File::create(&path).map_err(io)?;
        plan::write(case.plan()?, BufWriter::new(file)).map_err(io)?;
        Ok(path)
    }

    /// Runs an arm on a case; `plan` is the case's plan as a file.
    ///
    /// # Errors
    /// When the arm's program cannot be run, or fails.
    pub fn run(&self, arm: Arm, case: &Case, plan: Option<&Path>) -> Result<Outcome, ArmError> {
        let (program, arguments) = match arm {
            Arm::Berth | Arm::Scan => (&self.berth, self.berth_arguments(arm, case)),
            Arm::Upstream | Arm::UpstreamAll => {
                let here = || std::env::current_dir().unwrap_or_default();
                let program = self.upstream.as_ref().ok_or_else(|| ArmError::NoHarness(here()))?;
                (program, self.upstream_arguments(arm, plan))
            }
        };
        execute(program, &arguments)
    }

    fn berth_arguments(&self, arm: Arm, case: &Case) -> Vec<OsString> {
        let mut out: Vec<OsString> = ["--once", "--workload"].map(OsString::from).into();
        out.push(case.source.argument().into());
        out.extend(["--size".into(), OsString::from(&case.size)]);
        if let Some(nodes) = case.nodes {
            out.extend(["--nodes".into(), nodes.to_string().into()]);
        }
        if let Some(budget) = self.budget {
            out.extend(["--budget".into(), budget.as_secs().to_string().into()]);
        }
        if arm == Arm::Scan {
            out.extend(["--method".into(), "scan".into()]);
        }
        out
    }

    fn upstream_arguments(&self, arm: Arm, plan: Option<&Path>) -> Vec<OsString> {
        let mut out: Vec<OsString> = Vec::new();
        if let Some(plan) = plan {
            out.extend(["-plan".into(), plan.into()]);
        }
        if let Some(budget) = self.budget {
            out.extend(["-budget".into(), format!("{}s", budget.as_secs()).into()]);
        }
        if arm == Arm::UpstreamAll {
            out.push("-all".into());
        }
        out
    }
}

fn execute(program: &Path, arguments: &[OsString]) -> Result<Outcome, ArmError> {
    let io = |source| ArmError::Io { path: program.to_path_buf(), source };
    let output = Command::new(program).args(arguments).output().map_err(io)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let start = text.char_indices().rev().nth(999).map_or(0, |(at, _)| at);
        return Err(ArmError::Failed {
            program: program.to_path_buf(),
            status: output.status.to_string(),
            text: text[start..].trim().to_string(),
        });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|source| ArmError::Output { program: program.to_path_buf(), source })
}

/// Builds upstream's harness with Go, from the checkout that `from` is in; the result is kept in `target/`.
///
/// # Errors
/// When this is no checkout, or Go fails.
pub fn build_upstream(from: &Path) -> Result<PathBuf, ArmError> {
    let root = from.ancestors().find(|folder| folder.join("bench/upstream/go.mod").exists());
    let root = root.ok_or_else(|| ArmError::NoHarness(from.to_path_buf()))?;
    let built = root.join("target/bench-upstream");
    let go = PathBuf::from("go");
    let io = |source| ArmError::Io { path: go.clone(), source };
    let mut command = Command::new(&go);
    command.current_dir(root.join("bench/upstream")).args(["build", "-o"]).arg(&built).arg(".");
    let output = command.output().map_err(io)?;
    if output.status.success() {
        return Ok(built);
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(ArmError::Failed { program: go, status: output.status.to_string(), text })
}
