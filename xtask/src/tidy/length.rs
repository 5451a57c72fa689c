//! Files, functions and comments stay short enough to be seen whole.
//!
//! The width of code is the formatters' matter; they leave comments and long texts alone.

use crate::tree::Source;

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
/// Of a comment's text, without indentation and slashes.
const COMMENT_COLUMNS_MAX: usize = 120;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources.iter().filter(|s| s.is("rs") || s.is("go")).flat_map(in_source).collect()
}

fn in_source(source: &Source) -> Vec<String> {
    let path = &source.path;
    let mut problems = Vec::new();
    let lines: Vec<&str> = source.text.lines().collect();
    if lines.len() > FILE_LINES_MAX {
        problems.push(format!("{path}:1: {} lines, {FILE_LINES_MAX} are allowed", lines.len()));
    }
    for (at, line) in (1..).zip(&lines) {
        let columns = comment(line).chars().count();
        if columns > COMMENT_COLUMNS_MAX {
            problems.push(format!(
                "{path}:{at}: a comment of {columns} columns, {COMMENT_COLUMNS_MAX} are allowed"
            ));
        }
    }
    for (at, length) in functions(&lines, source.is("go")) {
        if length > FUNCTION_LINES_MAX {
            problems
                .push(format!("{path}:{at}: a function of {length} lines, {FUNCTION_LINES_MAX} are allowed"));
        }
    }
    problems
}

/// The text of a line that is a comment; empty for others.
fn comment(line: &str) -> &str {
    let text = line.trim_start().strip_prefix("//").unwrap_or_default();
    text.trim_start_matches(['/', '!']).trim_start()
}

/// Where functions start, and how many lines each has.
///
/// Formatted code closes a function with a brace at the indentation of the line that opened it, so no parser is needed.
fn functions(lines: &[&str], is_go: bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let opens = if is_go { line.starts_with("func ") } else { is_rust_function(code) };
        if !opens || line.ends_with(['}', ';']) {
            continue;
        }
        let close = format!("{}}}", &line[..line.len() - code.len()]);
        let end = lines[start..].iter().position(|l| *l == close).map_or(start, |end| start + end);
        found.push((start + 1, lines_of_code(&lines[start..=end])));
    }
    found
}

/// How many lines there are but for those of raw strings, which are snapshots and other data of tests.
fn lines_of_code(lines: &[&str]) -> usize {
    let mut in_text = false;
    let mut count = 0;
    for line in lines {
        count += usize::from(!in_text);
        in_text = if in_text { !line.contains("\"#") } else { line.ends_with("r#\"") };
    }
    count
}

fn is_rust_function(code: &str) -> bool {
    let visible = code.strip_prefix("pub").map_or(code, |rest| {
        rest.strip_prefix('(').and_then(|r| r.split_once(')')).map_or(rest, |(_, rest)| rest)
    });
    let mut words = visible.split_whitespace().skip_while(|w| matches!(*w, "const" | "async" | "extern"));
    words.next() == Some("fn")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: String) -> Source {
        Source { path: path.into(), text }
    }

    #[test]
    fn functions_of_both_languages_are_measured_from_head_to_brace() {
        let rust = "impl A {\n    pub(crate) const fn a(\n        b: u8,\n    ) {\n        c();\n    }\n}\nfn d() {}\n";
        let go = "func (a A) b() {\n\tc()\n}\n\nfunc d() {}\n";
        let snapshot = "fn e() {\n    f(r#\"\n        a\n        b\n    \"#);\n}\n";
        assert_eq!(functions(&snapshot.lines().collect::<Vec<_>>(), false), [(1, 3)]);
        assert_eq!(functions(&rust.lines().collect::<Vec<_>>(), false), [(2, 5)]);
        assert_eq!(functions(&go.lines().collect::<Vec<_>>(), true), [(1, 3)]);
    }

    #[test]
    fn what_is_too_long_is_named_with_its_line() {
        let long_file = source("a.rs", "// a\n".repeat(801));
        let long_line = source("b.go", format!("// a\n\t// {}\n", "b".repeat(121)));
        let long_function = source("c.rs", format!("fn c() {{\n{}}}\n", "    d();\n".repeat(69)));
        let fine = source("d.rs", format!("fn c() {{\n{}}}\n", "    d();\n".repeat(68)));
        assert_eq!(
            check(&[long_file, long_line, long_function, fine]),
            [
                "a.rs:1: 801 lines, 800 are allowed",
                "b.go:2: a comment of 121 columns, 120 are allowed",
                "c.rs:1: a function of 71 lines, 70 are allowed",
            ]
        );
    }
}
