//! The engine's modules are layers: each uses only those below it.

use crate::tree::Source;

const FOLDER: &str = "crates/engine/src/";

/// The engine's top-level modules, the lowest first.
pub(super) const LAYERS: [&str; 12] = [
    "ids",
    "verdict",
    "effect",
    "pod_class",
    "cluster",
    "plugin",
    "scoring",
    "plugins",
    "scan",
    "preemption",
    "fast",
    "scheduler",
];

/// What belongs to no layer: the facade, and what only tests use.
const OUTSIDE: [&str; 3] = ["lib", "fixture", "storage_fixture"];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let files = sources.iter().filter_map(|source| Some((source, source.path.strip_prefix(FOLDER)?)));
    files.flat_map(|(source, file)| in_file(source, file)).collect()
}

fn in_file(source: &Source, file: &str) -> Vec<String> {
    let module = file.split(['/', '.']).next().unwrap_or_default();
    let is_test = file.ends_with("tests.rs") || file.contains("/tests/") || file.ends_with("/fixture.rs");
    if OUTSIDE.contains(&module) || is_test {
        return Vec::new();
    }
    let Some(own) = layer(module) else {
        return vec![format!(
            "{}:1: xtask does not know the layer of the engine's module {module}",
            source.path
        )];
    };
    let code = source.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code = code.split("#[cfg(test)]\npub(super) mod tests").next().unwrap_or_default();
    let mut problems = Vec::new();
    for (at, line) in (1..).zip(code.lines()) {
        let code = line.split("//").next().unwrap_or_default();
        for used in code.split("crate::").skip(1) {
            let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            if layer(used).is_none_or(|layer| layer > own) {
                problems
                    .push(format!("{}:{at}: {module} may not use {used}: layers go one way", source.path));
            }
        }
    }
    problems
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_uses_lower_layers_only_but_for_its_tests() {
        let cases = [
            ("cluster/nodes.rs", "use crate::ids::NodeRow;\nuse crate::cluster::Images;", 0),
            ("cluster/tally.rs", "use crate::fast::NodeGroups;", 1),
            ("plugin.rs", "    let x: crate::scan::Diagnosis = y(crate::fast::z);", 2),
            (
                "plugins/a.rs",
                "//! See [`crate::scan`].\n#[cfg(test)]\nmod tests {\n    use crate::scan::x;\n}",
                0,
            ),
            ("cluster/a/tests.rs", "use crate::scheduler::Scheduler;", 0),
            ("novel.rs", "", 1),
            ("lib.rs", "pub use crate::fast::x;", 0),
        ];
        for (file, text, problems) in cases {
            let source = Source { path: format!("{FOLDER}{file}"), text: text.into() };
            assert_eq!(check(&[source]).len(), problems, "{file}: {text}");
        }
    }
}
