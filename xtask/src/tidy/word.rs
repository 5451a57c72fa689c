//! Words that mean unfinished work, paths of one machine, names that say nothing.

use crate::tree::Source;

/// Unfinished work, in any kind of file. Split, so that this file passes.
const UNFINISHED: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("#[", "ignore"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
];

/// The folders under which machines keep what is theirs alone.
const OWN_FOLDERS: [&str; 8] = ["home", "root", "tmp", "Users", "work", "workspace", "builds", "go"];

/// Names of files that say nothing about what is in them.
const EMPTY_NAMES: [&str; 7] = ["utils", "util", "common", "helpers", "helper", "manager", "misc"];

/// What the pure crates may not switch off.
const PURITY: [&str; 3] = ["disallowed_methods", "disallowed_types", "iter_over_hash_type"];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(in_source).collect()
}

fn in_source(source: &Source) -> Vec<String> {
    let path = &source.path;
    let mut problems = Vec::new();
    let stem = path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) {
        problems.push(format!("{path}:1: the name says nothing about what is in it"));
    }
    let pure = matches!(source.crate_name(), Some("model" | "controllers" | "engine")) && source.is("rs");
    for (at, line) in (1..).zip(source.text.lines()) {
        if let Some(word) = UNFINISHED.iter().find(|w| has_word(line, w)) {
            problems.push(format!("{path}:{at}: {word}: finish it, or leave it out"));
        }
        if let Some(folder) = OWN_FOLDERS.iter().find(|folder| has_path(line, folder)) {
            problems.push(format!("{path}:{at}: a path below /{folder} is of one machine"));
        }
        let switches = line.contains("allow(") || line.contains("expect(clippy");
        if pure && switches && PURITY.iter().any(|lint| line.contains(lint)) {
            problems.push(format!("{path}:{at}: the pure crates do not switch purity off"));
        }
    }
    problems
}

/// Whether the word stands alone in the line.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let ends_in_letter = word.ends_with(|c: char| c.is_alphanumeric());
        let after = line[at + word.len()..].chars().next().filter(|_| ends_in_letter);
        !part_of_word(line[..at].chars().next_back()) && !part_of_word(after)
    })
}

/// Whether an absolute path below the folder starts somewhere in the line.
fn has_path(line: &str, folder: &str) -> bool {
    let path = format!("/{folder}/");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| c.is_whitespace() || "\"'`(=,:[<".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, line: &str) -> usize {
        check(&[Source { path: path.into(), text: line.into() }]).len()
    }

    #[test]
    fn unfinished_work_and_paths_of_one_machine_are_found_as_whole_words() {
        let cases = [
            (concat!("// TO", "DO: more"), 1),
            (concat!("    #[", "ignore = \"slow\"]"), 1),
            (concat!("todo", "!()"), 1),
            (concat!("AX", "XX is part of a word"), 0),
            (concat!("cp x /ho", "me/a/b"), 1),
            (concat!("let path = \"/t", "mp/x\";"), 1),
            ("a/home/b and crates/go/x", 0),
            ("hostPath: /var/lib/data", 0),
        ];
        for (line, problems) in cases {
            assert_eq!(found("docs/a.md", line), problems, "{line}");
        }
    }

    #[test]
    fn purity_cannot_be_switched_off_where_it_counts() {
        let line = "#![allow(clippy::disallowed_methods)]";
        assert_eq!(found("crates/engine/src/a.rs", line), 1);
        assert_eq!(found("crates/cli/src/a.rs", line), 0);
        assert_eq!(found("crates/cli/src/utils.rs", ""), 1);
    }
}
