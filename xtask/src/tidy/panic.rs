//! A shell may panic only where it says why that cannot happen.

use crate::tree::Source;

/// What panics without a word. Split, so that this file passes. The text of an `expect` is its reason.
const PANICS: [&str; 3] = [concat!(".un", "wrap()"), concat!("pan", "ic!("), concat!("unreach", "able!()")];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let shells = sources.iter().filter(|s| {
        s.is("rs") && s.crate_name().is_some_and(|name| name != "model" && name != "engine") && !s.is_test()
    });
    shells.flat_map(in_source).collect()
}

fn in_source(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    let mut above = "";
    for (at, line) in source.code_lines() {
        let code = line.split("//").next().unwrap_or_default();
        let panics = PANICS.iter().find(|p| code.contains(*p));
        let explained = line.contains(" // ") || above.trim_start().starts_with("// ");
        if let Some(panics) = panics.filter(|_| !explained) {
            let path = &source.path;
            problems.push(format!("{path}:{at}: {panics}: say why it cannot happen, or return an error"));
        }
        above = line;
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_needs_a_comment_and_tests_and_pure_crates_are_free() {
        let cases = [
            ("crates/cli/src/a.rs", "a.unwrap();", 1),
            ("crates/cli/src/a.rs", "a.unwrap(); // a is never empty", 0),
            ("crates/cli/src/a.rs", "// a is never empty\na.unwrap();", 0),
            ("crates/cli/src/a.rs", "a.expect(\"a is never empty\");", 0),
            ("crates/cli/src/a.rs", "#[cfg(test)]\nmod tests {\n    a.unwrap();\n}", 0),
            ("crates/cli/tests/a.rs", "a.unwrap();", 0),
            ("crates/engine/src/a.rs", "unreachable!()", 0),
        ];
        for (path, text, problems) in cases {
            let source = Source { path: path.into(), text: text.into() };
            assert_eq!(check(&[source]).len(), problems, "{path}: {text}");
        }
    }
}
