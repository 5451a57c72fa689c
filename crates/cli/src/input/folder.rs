//! The manifests in a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::words;

/// How deep folders may be nested; a loop of links must come to an end.
const MAX_DEPTH: usize = 64;
/// The names under which kustomize looks for its file.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What was found below a folder.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    charts: Vec<PathBuf>,
    kustomizations: Vec<PathBuf>,
}

/// The files of a folder and of all folders below it that may hold manifests, in the order of their names. Charts and
/// kustomizations are not manifests: they are problems that name the command which renders them.
pub(super) fn files(folder: &Path, problems: &mut Vec<String>) -> Vec<PathBuf> {
    let mut found = Found::default();
    if let Err(problem) = walk(folder, 0, &mut found) {
        problems.push(problem);
        return Vec::new();
    }
    let Found { files, charts, kustomizations } = found;
    let before = problems.len();
    problems.extend(to_render(folder, "Helm chart", &charts, |chart| {
        format!("run: helm template {chart} | berth simulate -f -")
    }));
    problems.extend(to_render(folder, "kustomization", &kustomizations, |folder| format!("use -k {folder}")));
    if files.is_empty() && problems.len() == before {
        problems
            .push(format!("{}: no .yaml, .yml or .json file in this folder or below it", folder.display()));
    }
    files
}

/// Says how to render what is not a manifest.
fn to_render(folder: &Path, what: &str, found: &[PathBuf], how: impl Fn(&str) -> String) -> Option<String> {
    let first = found.first()?.display().to_string();
    let how = how(&first);
    Some(match found {
        [only] if only == folder => format!("{first} is a {what}; {how}"),
        [_] => format!("{first} is a {what}; {how}, and name the other files"),
        all => format!(
            "{} holds {} {what}s, of which the first is {first}; for each that you use, {how}",
            folder.display(),
            all.len()
        ),
    })
}

/// Collects the files below a folder. Hidden entries are skipped: mounted folders keep second copies in some.
fn walk(folder: &Path, depth: usize, found: &mut Found) -> Result<(), String> {
    let problem = |error: &io::Error| format!("{}: {}", folder.display(), words(error));
    if depth > MAX_DEPTH {
        return Err(format!("{}: more than {MAX_DEPTH} folders deep", folder.display()));
    }
    if folder.join("Chart.yaml").is_file() {
        found.charts.push(folder.to_path_buf());
        return Ok(());
    }
    if KUSTOMIZATIONS.iter().any(|name| folder.join(name).is_file()) {
        found.kustomizations.push(folder.to_path_buf());
        return Ok(());
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
            found.files.push(path);
        }
    }
    Ok(())
}
