//! What is measured: a workload at a size; and suites, which are lists of that.

use std::path::PathBuf;
use std::str::FromStr;

use crate::builtin;
use crate::plan::Plan;
use crate::workload::{Workload, WorkloadError};

/// Where a workload comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It comes with the program.
    Builtin(String),
    /// A file.
    File(PathBuf),
}

impl Source {
    /// What a person names on the command line: a workload of the program, or else a file.
    pub fn named(text: &str) -> Source {
        if builtin::names().any(|name| name == text) {
            return Source::Builtin(text.to_string());
        }
        Source::File(PathBuf::from(text))
    }

    /// As it is named on the command line.
    pub fn argument(&self) -> String {
        match self {
            Source::Builtin(name) => name.clone(),
            Source::File(path) => path.display().to_string(),
        }
    }

    /// Reads the workload. Templates of a file are looked for beside it.
    ///
    /// # Errors
    /// When it cannot be read or is no workload.
    pub fn load(&self) -> Result<Workload, WorkloadError> {
        match self {
            Source::Builtin(name) => builtin::load(name),
            Source::File(path) => {
                let file = path.display().to_string();
                if path.components().count() == 1 && !path.exists() {
                    return builtin::load(&file);
                }
                let text = std::fs::read_to_string(path)
                    .map_err(|e| WorkloadError::Syntax { file: file.clone(), message: e.to_string() })?;
                let folder = path.parent().map(PathBuf::from).unwrap_or_default();
                Workload::parse(&file, &text, |template| {
                    std::fs::read_to_string(folder.join(template)).map_err(|e| e.to_string())
                })
            }
        }
    }
}

/// A workload at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The workload.
    pub source: Source,
    /// One of its sizes.
    pub size: String,
    /// The number of nodes, where the size leaves it open.
    pub nodes: Option<i64>,
}

impl Case {
    /// The name in tables: the workload's, and what follows `perf-` in the name of its size.
    pub fn label(&self, workload: &Workload) -> String {
        match self.size.split_once('-') {
            Some((_, variant)) => format!("{}/{variant}", workload.name),
            None => workload.name.clone(),
        }
    }

    /// The plan of this case.
    ///
    /// # Errors
    /// When the workload cannot be read or has no such size.
    pub fn plan(&self) -> Result<Plan, WorkloadError> {
        Plan::new(&self.source.load()?, &self.size, self.nodes)
    }
}

/// Which cases there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Suite {
    /// Every workload on 5,000 nodes.
    #[default]
    Perf,
    /// Growth from 1,000 nodes to 1,000,000.
    Scale,
    /// Every workload, small.
    Smoke,
}

/// The numbers of nodes of [`Suite::Scale`].
pub const SCALE: [i64; 4] = [1_000, 10_000, 100_000, 1_000_000];

impl Suite {
    /// The name on the command line, which is how the names of its sizes begin.
    pub fn name(self) -> &'static str {
        match self {
            Suite::Perf => "perf",
            Suite::Scale => "scale",
            Suite::Smoke => "smoke",
        }
    }

    /// Its cases, over the workloads that come with the program or over one. A size `perf-x` belongs to `perf`.
    ///
    /// # Errors
    /// When a workload cannot be read, or the one that is asked for has no size of the suite.
    pub fn cases(self, only: Option<&Source>) -> Result<Vec<Case>, WorkloadError> {
        let all = builtin::names().map(|name| Source::Builtin(name.to_string()));
        let sources: Vec<Source> = only.map_or_else(|| all.collect(), |source| vec![source.clone()]);
        let mut cases = Vec::new();
        for source in sources {
            let workload = source.load()?;
            let before = cases.len();
            for size in workload.sizes.keys().filter(|size| self.has(size)) {
                let nodes = if self == Suite::Scale { SCALE.map(Some).to_vec() } else { vec![None] };
                let case = |nodes| Case { source: source.clone(), size: size.clone(), nodes };
                cases.extend(nodes.into_iter().map(case));
            }
            if cases.len() == before && only.is_some() {
                workload.parameters(self.name(), None)?;
            }
        }
        Ok(cases)
    }

    fn has(self, size: &str) -> bool {
        size.split('-').next() == Some(self.name())
    }
}

impl FromStr for Suite {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Suite::Perf, Suite::Scale, Suite::Smoke];
        let found = all.into_iter().find(|suite| suite.name() == text);
        found.ok_or_else(|| format!("\"{text}\" is no suite; expected perf, scale or smoke"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_has_each_workload_at_each_of_its_sizes() {
        let labels = |suite: Suite| -> Vec<String> {
            let cases = suite.cases(None).unwrap();
            cases.iter().map(|case| case.label(&case.source.load().unwrap())).collect()
        };
        let perf = labels(Suite::Perf);
        for expected in ["basic", "unschedulable", "unschedulable/10k", "unschedulable/20k-init", "mix"] {
            assert!(perf.iter().any(|label| label == expected), "{expected}");
        }
        assert_eq!(labels(Suite::Scale).len(), 6 * SCALE.len());
        assert_eq!(labels(Suite::Smoke).len(), builtin::names().count());
    }

    #[test]
    fn an_unknown_workload_is_answered_with_those_that_there_are() {
        let error = Source::named("basics").load().unwrap_err().to_string();
        assert!(error.starts_with("no workload is named \"basics\"; there are basic, daemonset"), "{error}");
        let error = Source::named("./no/such.yaml").load().unwrap_err().to_string();
        assert!(error.starts_with("./no/such.yaml: "), "{error}");
        let error = Suite::Scale.cases(Some(&Source::named("daemonset"))).unwrap_err().to_string();
        assert!(error.contains("has no size \"scale\"; there are perf, smoke"), "{error}");
    }
}
