//! Every link of a Markdown file to another file, or to a heading in one, leads somewhere.

use std::collections::BTreeMap;

use crate::tree::{Source, root};

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let texts: BTreeMap<&str, &str> = sources.iter().map(|s| (s.path.as_str(), s.text.as_str())).collect();
    let pages = sources.iter().filter(|s| s.is("md"));
    let mut problems = Vec::new();
    for page in pages {
        for (at, target) in links(&page.text) {
            if let Some(reason) = broken(&page.path, target, &texts) {
                problems.push(format!("{}:{at}: {target}: {reason}", page.path));
            }
        }
    }
    problems
}

/// The targets of links with their lines, outside blocks of code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (at, line) in (1..).zip(text.lines()) {
        in_code ^= line.trim_start().starts_with("```");
        if !in_code {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            found.extend(targets.map(|(target, _)| (at, target)));
        }
    }
    found
}

/// Why the link leads nowhere.
fn broken(page: &str, target: &str, texts: &BTreeMap<&str, &str>) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.to_string() } else { resolve(page, file) };
    let exists = texts.contains_key(path.as_str()) || root().join(&path).exists();
    if !exists {
        return Some("there is no such file");
    }
    let headed = |text: &&str| text.lines().any(|line| line.starts_with('#') && anchor_of(line) == anchor);
    let missing =
        !anchor.is_empty() && path.ends_with(".md") && !texts.get(path.as_str()).is_some_and(headed);
    missing.then_some("there is no such heading")
}

/// The path of a link, seen from the page's folder.
fn resolve(page: &str, file: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchor that a heading gets where the page is shown.
fn anchor_of(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_missing_files_and_headings_are_found() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let there = source("docs/there.md", "# There `it` is\n[up](../page.md) [self](#there-it-is)\n");
        let page = "[a](docs/there.md#there-it-is)\n[b](docs/gone.md)\n[c](docs/there.md#no)\n\
                    [d](https://example.com/)\n```\n[e](gone)\n```\n";
        assert_eq!(
            check(&[there, source("page.md", page)]),
            [
                "page.md:2: docs/gone.md: there is no such file",
                "page.md:3: docs/there.md#no: there is no such heading"
            ]
        );
    }
}
