//! The manifests in a folder, and what is found there that must be rendered first: Helm charts and kustomizations.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::words;

/// How deep folders may be nested; a loop of links must come to an end.
const MAX_DEPTH: usize = 64;
/// The names under which kustomize looks for its file.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The file that makes a folder a chart.
const CHART: &str = "Chart.yaml";
/// The folder of a chart that holds its templates.
const TEMPLATES: &str = "templates";

/// What was found below a folder.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    charts: Vec<PathBuf>,
    kustomizations: Vec<PathBuf>,
    /// Parts of other kustomizations (`kind: Component`).
    components: Vec<PathBuf>,
}

/// Says how to render a file or a folder that belongs to a chart or is a kustomization; `None` if it is neither.
pub(super) fn to_render_first(path: &Path) -> Option<String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parent = path.parent().map_or(Path::new("."), or_here);
    if KUSTOMIZATIONS.contains(&name) && path.is_file() {
        return Some(format!("{} is a kustomization; use -k {}", path.display(), parent.display()));
    }
    let is_templates = |folder: &&Path| folder.file_name().is_some_and(|name| name == TEMPLATES);
    let of_chart = name == CHART || (name.starts_with("values") && !path.is_dir());
    let chart = match path.ancestors().find(is_templates).and_then(Path::parent) {
        Some(chart) => or_here(chart),
        None if of_chart => parent,
        None => return None,
    };
    let (path, name) = (path.display(), chart.display().to_string());
    let sentence = || format!("{path} belongs to the Helm chart {name}; run: {}", helm_template(&name));
    chart.join(CHART).is_file().then(sentence)
}

/// A folder, also if its name is empty.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// Says how to render a folder that is a chart; `None` if it is none.
pub(super) fn chart(folder: &Path) -> Option<String> {
    let name = folder.display().to_string();
    folder.join(CHART).is_file().then(|| format!("{name} is a Helm chart; run: {}", helm_template(&name)))
}

fn helm_template(chart: &str) -> String {
    format!("helm template {chart} | berth simulate -f -")
}

/// The files of a folder and of all folders below it that may hold manifests, in the order of their names. Charts and
/// kustomizations are not manifests: they are problems that name the command which renders them.
pub(super) fn files(folder: &Path, problems: &mut Vec<String>) -> Vec<PathBuf> {
    let mut found = Found::default();
    if let Err(problem) = walk(folder, 0, &mut found) {
        problems.push(problem);
        return Vec::new();
    }
    let Found { files, charts, kustomizations, components } = found;
    let before = problems.len();
    let run = |chart: &str| format!("run: {}", helm_template(chart));
    problems.extend(to_render(folder, "Helm chart", &charts, run));
    problems.extend(to_render(folder, "kustomization", &kustomizations, |folder| format!("use -k {folder}")));
    if kustomizations.is_empty() {
        let use_other = |_: &str| "use -k with a kustomization that includes it".to_owned();
        problems.extend(to_render(folder, "kustomize component", &components, use_other));
    }
    if problems.len() > before {
        return Vec::new(); // how to render comes first; what else is wrong would hide it
    }
    if files.is_empty() {
        problems
            .push(format!("{}: no .yaml, .yml or .json file in this folder or below it", folder.display()));
    }
    files
}

/// The file that makes a folder a kustomization.
pub(super) fn kustomization_of(folder: &Path) -> Option<PathBuf> {
    KUSTOMIZATIONS.iter().map(|name| folder.join(name)).find(|file| file.is_file())
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
    if folder.join(CHART).is_file() {
        found.charts.push(folder.to_path_buf());
        return Ok(());
    }
    if let Some(file) = kustomization_of(folder) {
        let text = fs::read_to_string(file).unwrap_or_default();
        let is_component = text.lines().any(|line| line.split_whitespace().eq(["kind:", "Component"]));
        let list = if is_component { &mut found.components } else { &mut found.kustomizations };
        list.push(folder.to_path_buf());
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
