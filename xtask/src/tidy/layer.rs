//! Crates depend on lower layers only, the pure crates on next to nothing, and all have the workspace's lints.

use crate::tree::Source;

/// The layer of each crate; a crate may depend on crates of lower layers.
const LAYERS: [(&str, usize); 20] = [
    ("model", 0),
    ("cluster", 5),
    ("controllers", 1),
    ("devices", 1),
    ("engine", 2),
    ("wire", 3),
    ("config", 3),
    ("sim", 4),
    ("flow", 4),
    ("watch", 4),
    ("journal", 5),
    ("view", 5),
    ("bench", 5),
    ("conformance", 5),
    ("live", 6),
    ("up", 6),
    ("faults", 6),
    ("cli", 7),
    ("e2e", 7),
    ("xtask", 8),
];

/// All that a pure crate may depend on.
const PURE: [(&str, &[&str]); 4] = [
    ("model", &[]),
    ("controllers", &["berth-model", "rustc-hash"]),
    ("devices", &["berth-model", "cel", "regex", "rustc-hash", "smallvec"]),
    ("engine", &["berth-devices", "berth-model", "rustc-hash", "smallvec"]),
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources.iter().filter(|s| s.path.ends_with("/Cargo.toml")).flat_map(in_manifest).collect()
}

fn in_manifest(source: &Source) -> Vec<String> {
    let path = &source.path;
    let Some(name) = source.crate_name() else { return Vec::new() };
    let Some(own) = layer(name) else {
        return vec![format!("{path}:1: xtask does not know the layer of {name}")];
    };
    let mut problems = Vec::new();
    if !source.text.contains("[lints]\nworkspace = true") {
        problems.push(format!("{path}:1: {name} does not have the workspace's lints"));
    }
    for (at, dependency, for_tests) in dependencies(&source.text) {
        let below = dependency.strip_prefix("berth-").map(layer);
        if below.is_some_and(|layer| layer.is_none_or(|layer| layer >= own)) {
            problems.push(format!("{path}:{at}: {name} may not depend on {dependency}: layers go one way"));
        }
        let pure = PURE.iter().find(|(pure, _)| *pure == name);
        if !for_tests && pure.is_some_and(|(_, allowed)| !allowed.contains(&dependency)) {
            problems.push(format!("{path}:{at}: {name} is pure and may not depend on {dependency}"));
        }
    }
    problems
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

/// Line, name, and whether only tests need it.
fn dependencies(manifest: &str) -> Vec<(usize, &str, bool)> {
    let mut section = "";
    let mut found = Vec::new();
    for (at, line) in (1..).zip(manifest.lines()) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        } else if section.ends_with("dependencies") && !line.trim().is_empty() && !line.starts_with('#') {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            found.push((at, name, section == "dev-dependencies"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_upwards_sideways_or_of_a_pure_crate_is_found() {
        let cases = [
            ("engine", "[dependencies]\nberth-model.workspace = true\nsmallvec = \"1\"", 0),
            ("engine", "[dependencies]\nberth-sim.workspace = true", 2),
            ("engine", "[dependencies]\nserde.workspace = true", 1),
            ("engine", "[dev-dependencies]\nproptest.workspace = true", 0),
            ("wire", "[dependencies]\nberth-config.workspace = true", 1),
            ("wire", "", 0),
            ("cli", "[dependencies]\nberth-sim.workspace = true\nclap.workspace = true", 0),
            ("novel", "", 1),
        ];
        for (name, text, problems) in cases {
            let text = format!("[lints]\nworkspace = true\n{text}");
            let source = Source { path: format!("crates/{name}/Cargo.toml"), text: text.clone() };
            assert_eq!(check(&[source]).len(), problems, "{name}: {text}");
        }
    }
}
