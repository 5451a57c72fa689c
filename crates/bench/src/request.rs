//! What `berth-bench` does with what was asked of it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::arm::{self, Arm, ArmError, Programs};
use crate::case::{Case, Source, Suite};
use crate::compare::{Row, compare};
use crate::machine::Machine;
use crate::run::{self, Options, RunError};
use crate::subject::Method;
use crate::workload::WorkloadError;
use crate::{plan, report, scale};

/// How the result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// An aligned table.
    #[default]
    Table,
    /// One JSON object.
    Json,
    /// A page of Markdown.
    Markdown,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "table" => Ok(Output::Table),
            "json" => Ok(Output::Json),
            "markdown" => Ok(Output::Markdown),
            other => Err(format!("\"{other}\" is no output; expected table, json or markdown")),
        }
    }
}

/// What is to be measured, and how it is told.
#[derive(Clone, Debug)]
pub struct Request {
    /// `--suite`.
    pub suite: Suite,
    /// `--workload`: a name or a file; all workloads without it.
    pub workload: Option<String>,
    /// `--size`: this size of the workload instead of the suite's.
    pub size: Option<String>,
    /// `--nodes`: the number of nodes, for sizes that leave it open; in the scale suite the largest.
    pub nodes: Option<i64>,
    /// `--against upstream`.
    pub upstream: bool,
    /// `--against scan`.
    pub scan: bool,
    /// `--runs`: how often each arm runs.
    pub runs: usize,
    /// `--budget`: seconds after which a run is ended.
    pub budget: Option<Duration>,
    /// `--output`.
    pub output: Output,
    /// `--plot`: where the scale suite writes its plot.
    pub plot: Option<PathBuf>,
    /// `--once`: one run in this process, told as JSON. The arms of a comparison are such runs.
    pub once: bool,
    /// `--method`, with `--once`.
    pub method: Method,
    /// `--verify`: check each decision against the scan, with `--once`.
    pub verify: bool,
    /// `--write-plan`: write the plan to this file and run nothing.
    pub write_plan: Option<PathBuf>,
    /// `--write-manifests`: write the plan's objects to this file and run nothing.
    pub write_manifests: Option<PathBuf>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The workload is wrong.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// A run in this process went wrong.
    #[error(transparent)]
    Run(#[from] RunError),
    /// An arm went wrong.
    #[error(transparent)]
    Arm(#[from] ArmError),
    /// The output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// One run needs one workload.
    #[error("--once, --verify, --write-plan and --write-manifests need --workload")]
    NeedsWorkload,
}

impl Request {
    /// Measures, and writes the result to `out`; `progress` is told what is being done.
    ///
    /// # Errors
    /// When a workload is wrong, a run fails or a decision does not verify.
    pub fn carry_out(&self, out: &mut dyn Write, progress: &mut dyn FnMut(&str)) -> Result<(), BenchError> {
        if self.once || self.verify || self.write_plan.is_some() || self.write_manifests.is_some() {
            return self.once(out);
        }
        let programs = self.programs(progress)?;
        let rows = self.measure(&programs, progress);
        std::fs::remove_dir_all(&programs.scratch)?;
        self.write(&rows?, out)
    }

    fn measure(&self, programs: &Programs, progress: &mut dyn FnMut(&str)) -> Result<Vec<Row>, BenchError> {
        let arms = self.arms();
        let mut rows = Vec::new();
        for case in self.cases()? {
            rows.push(compare(&case, &arms, self.runs, programs, progress)?);
        }
        Ok(rows)
    }

    /// The cases that were asked for.
    ///
    /// # Errors
    /// When the workload is wrong or has no such size.
    pub fn cases(&self) -> Result<Vec<Case>, WorkloadError> {
        let source = self.workload.as_deref().map(Source::named);
        if let (Some(source), Some(size)) = (&source, &self.size) {
            return Ok(vec![Case { source: source.clone(), size: size.clone(), nodes: self.nodes }]);
        }
        let mut cases = self.suite.cases(source.as_ref())?;
        if let Some(most) = self.nodes {
            cases.retain(|case| case.nodes.is_none_or(|nodes| nodes <= most));
        }
        Ok(cases)
    }

    fn arms(&self) -> Vec<Arm> {
        let mut arms = vec![Arm::Berth];
        if self.upstream {
            arms.extend([Arm::Upstream, Arm::UpstreamAll]);
        }
        if self.scan {
            arms.push(Arm::Scan);
        }
        arms
    }

    fn programs(&self, progress: &mut dyn FnMut(&str)) -> Result<Programs, BenchError> {
        let scratch = std::env::temp_dir().join(format!("berth-bench-{}", std::process::id()));
        std::fs::create_dir_all(&scratch)?;
        let upstream = if self.upstream {
            progress("building bench/upstream with go");
            Some(arm::build_upstream(&std::env::current_dir()?)?)
        } else {
            None
        };
        Ok(Programs { berth: std::env::current_exe()?, upstream, scratch, budget: self.budget })
    }

    fn once(&self, out: &mut dyn Write) -> Result<(), BenchError> {
        if self.workload.is_none() {
            return Err(BenchError::NeedsWorkload);
        }
        for case in self.cases()? {
            if let Some(path) = &self.write_plan {
                plan::write(case.plan()?, BufWriter::new(File::create(path)?))?;
                continue;
            }
            if let Some(path) = &self.write_manifests {
                plan::write_manifests(case.plan()?, BufWriter::new(File::create(path)?))?;
                continue;
            }
            let options = Options { method: self.method, verify: self.verify, budget: self.budget };
            let outcome = run::run(case.plan()?, options)?;
            serde_json::to_writer(&mut *out, &outcome).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Ok(())
    }

    fn write(&self, rows: &[Row], out: &mut dyn Write) -> Result<(), BenchError> {
        let machine = Machine::here();
        let grows = self.suite == Suite::Scale;
        if let (true, Some(path)) = (grows, &self.plot) {
            std::fs::write(path, scale::svg(rows))?;
        }
        match self.output {
            Output::Json => writeln!(out, "{:#}", report::json(rows, &machine))?,
            Output::Table if grows => write!(out, "{}", scale::grid(rows))?,
            Output::Table => write!(out, "{}{}", report::grid(rows), report::notes(rows))?,
            Output::Markdown if grows => {
                let name = self.plot.as_ref().and_then(|path| path.file_name());
                let name = name.map_or_else(|| "scale.svg".into(), |name| name.to_string_lossy());
                write!(out, "{}", scale::markdown(rows, &machine, &name))?;
            }
            Output::Markdown => write!(out, "{}", report::markdown(rows, &machine, self.runs))?,
        }
        Ok(())
    }
}
