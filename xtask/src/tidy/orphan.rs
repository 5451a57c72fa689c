//! Every Rust file belongs to a module tree: the compiler says nothing about a file that nobody names.

use std::collections::BTreeMap;

use crate::tree::Source;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let texts: BTreeMap<&str, &str> = sources.iter().map(|s| (s.path.as_str(), s.text.as_str())).collect();
    let modules = sources.iter().filter(|s| s.is("rs") && is_module(&s.path));
    let orphans = modules.filter(|s| {
        let declares =
            |parent: &String| texts.get(parent.as_str()).is_some_and(|t| declares(t, stem(&s.path)));
        !parents(&s.path).iter().any(declares)
    });
    orphans.map(|s| format!("{}:1: no file declares this module", s.path)).collect()
}

/// Whether another file must declare it; what lies beside `src` and in `bin` Cargo finds by itself.
fn is_module(path: &str) -> bool {
    path.contains("/src/") && !path.contains("/src/bin/") && !matches!(stem(path), "lib" | "main")
}

fn stem(path: &str) -> &str {
    path.trim_end_matches("/mod.rs").trim_end_matches(".rs").rsplit('/').next().unwrap_or_default()
}

/// The files that may declare the module.
fn parents(path: &str) -> Vec<String> {
    let module = path.trim_end_matches("/mod.rs");
    let folder = module.rsplit_once('/').map_or("", |(folder, _)| folder);
    let inside = ["lib.rs", "main.rs", "mod.rs"].iter().map(|name| format!("{folder}/{name}"));
    inside.chain([format!("{folder}.rs")]).collect()
}

fn declares(text: &str, module: &str) -> bool {
    let declaration = format!("mod {module};");
    text.lines().any(|line| line == declaration || line.ends_with(&format!(" {declaration}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_module_declares_is_found() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let sources = [
            source("crates/a/src/lib.rs", "mod b;\npub mod d;\n"),
            source("crates/a/src/b.rs", "mod c;\n"),
            source("crates/a/src/b/c.rs", ""),
            source("crates/a/src/d/mod.rs", ""),
            source("crates/a/src/lost.rs", ""),
            source("crates/a/tests/e.rs", ""),
        ];
        assert_eq!(check(&sources), ["crates/a/src/lost.rs:1: no file declares this module"]);
    }
}
