//! Every dependency that a crate declares is used in its sources.

use crate::tree::Source;

/// Dependencies that are declared for their features only: the crate, and what it declares.
const FOR_FEATURES: [(&str, &str); 3] =
    [("e2e", "k8s-openapi"), ("live", "k8s-openapi"), ("up", "k8s-openapi")]; // it chooses the version of the API for kube

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources.iter().filter(|s| s.path.ends_with("/Cargo.toml")).flat_map(|s| unused(s, sources)).collect()
}

fn unused(manifest: &Source, sources: &[Source]) -> Vec<String> {
    let Some(name) = manifest.crate_name() else { return Vec::new() };
    let code: Vec<&str> = sources
        .iter()
        .filter(|s| s.is("rs") && s.crate_name() == Some(name))
        .map(|s| s.text.as_str())
        .collect();
    let is_used = |dependency: &str| {
        let path = dependency.replace('-', "_");
        FOR_FEATURES.contains(&(name, dependency)) || code.iter().any(|text| has_path(text, &path))
    };
    let declared = dependencies(&manifest.text);
    let unused = declared.into_iter().filter(|(_, dependency)| !is_used(dependency));
    let path = &manifest.path;
    unused.map(|(at, dependency)| format!("{path}:{at}: {name} does not use {dependency}")).collect()
}

/// Lines and names of what a manifest declares, for the crate and for its tests.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut in_section = false;
    let mut found = Vec::new();
    for (at, line) in (1..).zip(manifest.lines()) {
        if line.starts_with('[') {
            in_section = line.trim_matches(['[', ']']).ends_with("dependencies");
        } else if in_section && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            found.push((at, line.split(['.', ' ', '=']).next().unwrap_or_default()));
        }
    }
    found
}

/// Whether the text names the crate: as the start of a path, in a `use`, or as a macro.
fn has_path(text: &str, name: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !is_word(before.chars().next_back()) && !is_word(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_no_source_names_is_found() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let manifest = "[dependencies]\nserde-json.workspace = true\nrand = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n";
        let sources = [
            source("crates/a/Cargo.toml", manifest),
            source("crates/a/src/lib.rs", "use serde_json::Value;\nfn f(random: u8) {}\n"),
            source("crates/b/src/lib.rs", "use rand::Rng;\n"),
        ];
        let expected =
            ["crates/a/Cargo.toml:3: a does not use rand", "crates/a/Cargo.toml:5: a does not use proptest"];
        assert_eq!(check(&sources), expected);
    }
}
