//! What is simulated: files, folders and stdin, or a running cluster, become a cluster with pods that wait.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use berth_engine::algorithm::Algorithm;
use berth_live::Server;
use berth_model::manifests::Manifests;
use berth_sim::world::World;
use berth_wire::{Loader, Problems, Rules, Warnings};

use crate::changes::ChangeArgs;
use crate::failure::{Failure, words};
use crate::notice;

mod folder;

/// More than the objects of any cluster take; endless input must come to an end.
const MAX_BYTES: u64 = 4 << 30;
/// How many problems and warnings are printed before the rest is only counted.
const PRINTED: usize = 20;

/// Where objects are read from.
#[derive(Debug, clap::Args)]
pub(crate) struct InputArgs {
    /// Kubernetes objects in YAML or JSON: a file, a folder (with all folders below it), or - for stdin. Repeat it to
    /// read several: manifests are applied over the objects of a cluster, as kubectl apply does
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub changes: ChangeArgs,
}

/// How objects are read.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadingArgs {
    /// Do not print warnings
    #[arg(short, long)]
    pub quiet: bool,
    /// Treat warnings about the input as errors
    #[arg(long)]
    pub strict: bool,
    /// Rules for custom resources that make pods, added to the built-in ones (docs/workloads.md describes the format);
    /// may be repeated
    #[arg(long, value_name = "FILE")]
    pub workloads: Vec<PathBuf>,
}

impl ReadingArgs {
    /// A loader with the rules for custom resources.
    ///
    /// # Errors
    /// When a file with rules cannot be used.
    fn loader(&self) -> Result<Loader, Failure> {
        let mut rules = Rules::default();
        for path in &self.workloads {
            let name = path.display();
            let text = fs::read_to_string(path).map_err(|e| Failure::unreadable(&name.to_string(), &e))?;
            rules.add(&text).map_err(|error| Failure::input(format!("{name}: {error}")))?;
        }
        Ok(Loader::new().with_rules(rules))
    }
}

/// Reads all files and makes them a cluster, changed as asked for, with pods that wait.
///
/// # Errors
/// Everything that cannot be read or used, in the order of the input; with `--strict` also all warnings.
pub(crate) fn world(
    files: &[PathBuf],
    reading: &ReadingArgs,
    changes: &ChangeArgs,
) -> Result<World, Failure> {
    read(files, reading)?.world(reading, changes)
}

/// Lists a running cluster and makes it one with pods that wait.
///
/// # Errors
/// When it cannot be listed, and as [`world`].
pub(crate) fn live(server: &Server, reading: &ReadingArgs, changes: &ChangeArgs) -> Result<World, Failure> {
    list(server, reading)?.world(reading, changes)
}

/// The objects of the input.
#[derive(Clone)]
pub(crate) struct Objects {
    manifests: Manifests,
    warnings: Warnings,
    /// The warnings were printed already.
    quiet: bool,
}

/// Reads all files.
///
/// # Errors
/// Everything that cannot be read, in the order of the input.
pub(crate) fn read(files: &[PathBuf], reading: &ReadingArgs) -> Result<Objects, Failure> {
    let mut problems = Vec::new();
    let mut loader = reading.loader()?;
    let mut stdin_read = false;
    for path in files {
        if path.as_os_str() == "-" {
            if std::mem::replace(&mut stdin_read, true) {
                problems.push("stdin (-) is given twice, but can be read only once".to_string());
            } else if let Some(bytes) = bytes("stdin", io::stdin().lock(), &mut problems) {
                loader.read("stdin", &bytes);
            }
        } else if path.is_dir() {
            for file in folder::files(path, &mut problems) {
                if let Some(bytes) = open(&file, &mut problems) {
                    loader.read_from_folder(&file.display().to_string(), &bytes);
                }
            }
        } else if let Some(bytes) = open(path, &mut problems) {
            loader.read(&path.display().to_string(), &bytes);
        }
    }
    finish(loader, problems)
}

/// Lists a running cluster.
///
/// # Errors
/// When it cannot be listed, and what of it cannot be read.
pub(crate) fn list(server: &Server, reading: &ReadingArgs) -> Result<Objects, Failure> {
    let mut loader = reading.loader()?;
    let take = |json: &str| {
        loader.read_json_object("cluster", json);
        Ok(())
    };
    let tell = |text: &str| {
        if !reading.quiet {
            notice::warning(text);
        }
    };
    berth_live::snapshot(server, &[], take, tell).map_err(|error| Failure::input(error.to_string()))?;
    finish(loader, Vec::new())
}

fn finish(loader: Loader, mut problems: Vec<String>) -> Result<Objects, Failure> {
    match loader.finish() {
        Ok((manifests, warnings)) if problems.is_empty() => Ok(Objects { manifests, warnings, quiet: false }),
        Ok(_) => Err(Failure::inputs(problems)),
        Err(found) => {
            problems.extend(listed(&found));
            Err(Failure::inputs(problems))
        }
    }
}

impl Objects {
    /// The same objects, of which no warning is printed again.
    pub(crate) fn quietly(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Makes them a cluster, changed as asked for, with pods that wait, and prints what is odd about it.
    ///
    /// # Errors
    /// Everything that cannot be used; with `--strict` also all warnings.
    pub(crate) fn world(self, reading: &ReadingArgs, changes: &ChangeArgs) -> Result<World, Failure> {
        let Self { mut manifests, mut warnings, quiet } = self;
        let now = time_of(&manifests);
        let changes = changes.apply(&mut manifests)?;
        let world = World::admitted(manifests, now).map_err(|found| Failure::inputs(listed(&found)))?;
        let mut world = world.changed(changes);
        warnings.extend(std::mem::take(&mut world.warnings));
        if world.cluster.nodes().is_empty() {
            let message = "the input has no nodes, so that every pod stays pending: add those of a cluster \
                           (kubectl get nodes -o json, or berth snapshot)";
            warnings.add_general(message.to_owned());
        }
        world.warnings = warnings;
        if reading.strict && !world.warnings.is_empty() {
            let failure = Failure::inputs(world.warnings.iter().map(ToString::to_string).collect());
            return Err(failure.hint("--strict treats warnings as errors"));
        }
        if !reading.quiet && !quiet {
            tell(&world.warnings);
        }
        Ok(world)
    }
}

/// The time of the newest measurement, against which the others age: a file means the same tomorrow.
fn time_of(manifests: &Manifests) -> Option<i64> {
    manifests.node_metrics.iter().filter_map(|entry| entry.value.timestamp).max()
}

fn listed(found: &Problems) -> Vec<String> {
    let mut lines: Vec<_> = found.iter().take(PRINTED).map(ToString::to_string).collect();
    if found.len() > PRINTED {
        lines.push(format!("and {} more", found.len() - PRINTED));
    }
    lines
}

fn open(file: &Path, problems: &mut Vec<String>) -> Option<Vec<u8>> {
    match fs::File::open(file) {
        Ok(opened) => bytes(&file.display().to_string(), opened, problems),
        Err(error) => {
            let is_algorithm = file.to_str().is_some_and(|name| name.parse::<Algorithm>().is_ok());
            let hint = if is_algorithm { " (algorithms of --compare are separated by commas)" } else { "" };
            problems.push(format!("{}: {}{hint}", file.display(), words(&error)));
            None
        }
    }
}

fn bytes(name: &str, from: impl Read, problems: &mut Vec<String>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match from.take(MAX_BYTES + 1).read_to_end(&mut bytes) {
        Err(error) => problems.push(format!("{name}: {}", words(&error))),
        Ok(count) if count as u64 > MAX_BYTES => {
            problems.push(format!("{name}: larger than {} GiB", MAX_BYTES >> 30));
        }
        Ok(_) => return Some(bytes),
    }
    None
}

fn tell(warnings: &Warnings) {
    for warning in warnings.iter().take(PRINTED) {
        notice::warning(&warning.to_string());
    }
    if warnings.len() > PRINTED {
        notice::warning(&format!("and {} more", warnings.len() - PRINTED));
    }
}
