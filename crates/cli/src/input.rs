//! What is simulated: files, folders and stdin become manifests.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use berth_live::Server;
use berth_model::manifests::Manifests;
use berth_sim::world::World;
use berth_wire::{Loader, Problems, Warnings};

use crate::failure::{Failure, words};
use crate::notice;

/// More than any cluster's objects take; endless input must come to an end.
const MAX_BYTES: u64 = 4 << 30;
/// Folders in folders; a loop of them must come to an end.
const MAX_DEPTH: usize = 64;
/// Of many problems and warnings so many are printed.
const PRINTED: usize = 20;

/// Where objects are read from.
#[derive(Debug, clap::Args)]
pub(crate) struct InputArgs {
    /// Kubernetes objects, YAML or JSON: a file, a folder (with all below it), or - for stdin; may be repeated
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    pub files: Vec<PathBuf>,
    /// Print no warnings
    #[arg(short, long)]
    pub quiet: bool,
}

/// Reads all of it and makes it a cluster with pods that wait.
///
/// # Errors
/// As [`load`], and what [`World::admitted`] refuses.
pub(crate) fn world(files: &[PathBuf], quiet: bool) -> Result<World, Failure> {
    admit(load(files, quiet)?, quiet)
}

/// Lists a running cluster and makes it one with pods that wait.
///
/// # Errors
/// Where it cannot be listed, and as [`world`].
pub(crate) fn live(server: &Server, quiet: bool) -> Result<World, Failure> {
    let mut loader = Loader::new();
    let take = |json: &str| {
        loader.read_json_object("cluster", json);
        Ok(())
    };
    let tell = |text: &str| {
        if !quiet {
            notice::warning(text);
        }
    };
    berth_live::snapshot(server, &[], take, tell).map_err(|error| Failure::input(error.to_string()))?;
    admit(finish(loader, Vec::new(), quiet)?, quiet)
}

fn admit(manifests: Manifests, quiet: bool) -> Result<World, Failure> {
    // The input tells the time, so that a file means the same tomorrow: measurements age against the newest one.
    let now = manifests.node_metrics.iter().filter_map(|entry| entry.value.timestamp).max();
    let world = World::admitted(manifests, now).map_err(|found| Failure::inputs(listed(&found)))?;
    if !quiet {
        tell(&world.warnings);
    }
    Ok(world)
}

/// Reads all of it, and says on stderr what is odd.
///
/// # Errors
/// Everything that cannot be read or used, in the order of the input.
fn load(files: &[PathBuf], quiet: bool) -> Result<Manifests, Failure> {
    let mut problems = Vec::new();
    let mut loader = Loader::new();
    let mut stdin_read = false;
    for path in files {
        if path.as_os_str() == "-" {
            if std::mem::replace(&mut stdin_read, true) {
                problems.push("stdin is named twice: it can be read once".to_string());
                continue;
            }
            read("stdin", io::stdin().lock(), &mut loader, &mut problems);
            continue;
        }
        match expand(path) {
            Ok(found) => found.iter().for_each(|file| open(file, &mut loader, &mut problems)),
            Err(problem) => problems.push(problem),
        }
    }
    finish(loader, problems, quiet)
}

/// Tells what was loaded, or everything that is wrong with it.
fn finish(loader: Loader, mut problems: Vec<String>, quiet: bool) -> Result<Manifests, Failure> {
    match loader.finish() {
        Ok((manifests, warnings)) if problems.is_empty() => {
            if !quiet {
                tell(&warnings);
            }
            Ok(manifests)
        }
        Ok(_) => Err(Failure::inputs(problems)),
        Err(found) => {
            problems.extend(listed(&found));
            Err(Failure::inputs(problems))
        }
    }
}

fn listed(found: &Problems) -> Vec<String> {
    let mut lines: Vec<_> = found.iter().take(PRINTED).map(ToString::to_string).collect();
    if found.len() > PRINTED {
        lines.push(format!("and {} more", found.len() - PRINTED));
    }
    lines
}

fn open(file: &Path, loader: &mut Loader, problems: &mut Vec<String>) {
    match fs::File::open(file) {
        Ok(opened) => read(&file.display().to_string(), opened, loader, problems),
        Err(error) => problems.push(format!("{}: {}", file.display(), words(&error))),
    }
}

fn read(name: &str, from: impl Read, loader: &mut Loader, problems: &mut Vec<String>) {
    let mut bytes = Vec::new();
    match from.take(MAX_BYTES + 1).read_to_end(&mut bytes) {
        Err(error) => problems.push(format!("{name}: {}", words(&error))),
        Ok(count) if count as u64 > MAX_BYTES => {
            problems.push(format!("{name}: has more than {} GiB; no more is read", MAX_BYTES >> 30));
        }
        Ok(_) => loader.read(name, &bytes),
    }
}

/// The files that a path stands for: itself, or the manifests in a folder, sorted.
fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    let problem = |error: &io::Error| format!("{}: {}", path.display(), words(error));
    if !fs::metadata(path).map_err(|e| problem(&e))?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    walk(path, 0, &mut found)?;
    if found.is_empty() {
        return Err(format!("{}: no .yaml, .yml or .json file in this folder or below", path.display()));
    }
    Ok(found)
}

/// Collects the manifests of a folder. Hidden entries are skipped: mounted folders keep second copies in some.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let problem = |error: &io::Error| format!("{}: {}", folder.display(), words(error));
    if depth > MAX_DEPTH {
        return Err(format!("{}: more than {MAX_DEPTH} folders deep", folder.display()));
    }
    let entries = fs::read_dir(folder).map_err(|e| problem(&e))?;
    let mut paths =
        entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(|e| problem(&e))?;
    paths.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
            found.push(path);
        }
    }
    Ok(())
}

fn tell(warnings: &Warnings) {
    for warning in warnings.iter().take(PRINTED) {
        notice::warning(&warning.to_string());
    }
    if warnings.len() > PRINTED {
        notice::warning(&format!("and {} more", warnings.len() - PRINTED));
    }
    if !warnings.unknown_kinds().is_empty() {
        let kinds: Vec<_> =
            warnings.unknown_kinds().iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
        notice::warning(&format!("left out, of no concern to scheduling: {}", kinds.join(", ")));
    }
}
