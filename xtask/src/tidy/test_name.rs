//! Tests that documents name exist.

use std::collections::BTreeSet;

use crate::tree::Source;

/// The pages that say which test holds what.
const PAGES: [&str; 2] = ["docs/reliability.md", "docs/invariants.md"];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let functions: BTreeSet<&str> =
        sources.iter().filter(|s| s.path.ends_with(".rs")).flat_map(|s| functions(&s.text)).collect();
    let mut problems = Vec::new();
    for page in sources.iter().filter(|source| PAGES.contains(&source.path.as_str())) {
        for (at, line) in (1..).zip(page.text.lines()) {
            let missing = names(line).filter(|name| !functions.contains(name));
            problems.extend(missing.map(|name| format!("{}:{at}: there is no test {name}", page.path)));
        }
    }
    problems
}

fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix("fn ")?.split('(').next())
}

/// What is written as code and reads like a sentence.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split('`').skip(1).step_by(2);
    code.filter(|code| {
        let is_name = code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        is_name && code.matches('_').count() > 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_not_there_is_found() {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let code = source("crates/x/src/tests.rs", "    fn all_is_as_it_was() {\n");
        let page = source("docs/invariants.md", "`all_is_as_it_was`, `x_y`,\n`all_is_as_it_was_not`");
        assert_eq!(check(&[code, page]), ["docs/invariants.md:2: there is no test all_is_as_it_was_not"]);
    }
}
