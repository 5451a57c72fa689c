//! What the pages about running Berth name is there: commands can be read, metrics are counted, messages are said.

use std::path::Path;

use anyhow::{Context, Result};

use super::{metric, text};
use crate::tree;

const PAGES: [&str; 3] = ["README.md", "docs/operations.md", "docs/extenders.md"];
const OPERATIONS: &str = "docs/operations.md";
/// Under this heading of the page stand messages.
const MESSAGES: &str = "## Messages, and what to do";

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for page in PAGES {
        for command in commands(&text(root, page)?) {
            if let Err(error) = berth_cli::command().try_get_matches_from(command.split_whitespace()) {
                problems.push(format!("{page}: {command}: {error}"));
            }
        }
    }
    let page = text(root, OPERATIONS)?;
    let code = |name: &str| page.contains(&format!("`{name}`")) || page.contains(&format!("`{name}{{"));
    for name in metric::names(&page).filter(|name| code(name)) {
        if !metric::is_counted(name, root)? {
            problems.push(format!("{OPERATIONS}: {name} is not counted"));
        }
    }
    let sources = tree::read(root)?;
    let shipped = |source: &&tree::Source| {
        let folders = ["crates/live/src/", "crates/flow/src/", "crates/cli/src/"];
        source.is("rs") && folders.iter().any(|folder| source.path.starts_with(folder))
    };
    let shipped: Vec<&str> = sources.iter().filter(shipped).map(|source| source.text.as_str()).collect();
    for message in messages(&page).context("there are no messages")? {
        if !shipped.iter().any(|text| text.contains(message)) {
            problems.push(format!("{OPERATIONS}: nothing says {message:?}"));
        }
    }
    Ok(problems)
}

/// Commands of `berth` in a page's blocks for shells, without what comes before and after.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_shell = false;
    for line in page.replace("\\\n", " ").lines().map(str::trim) {
        match line.strip_prefix("```") {
            Some(language) => in_shell = language == "sh",
            None if in_shell => {
                let line = line.split(" #").next().unwrap_or_default();
                let parts = line.split('|').map(str::trim);
                found.extend(parts.filter(|part| part.starts_with("berth ")).map(ToOwned::to_owned));
            }
            None => {}
        }
    }
    found
}

/// The fixed words of the messages in the first column of the page's table.
fn messages(page: &str) -> Option<Vec<&str>> {
    let (_, section) = page.split_once(MESSAGES)?;
    let section = section.split("\n## ").next()?;
    let columns =
        section.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let codes = columns.flat_map(|column| column.split('`').skip(1).step_by(2));
    let words = codes.flat_map(|code| code.split('…')).map(|words| words.trim_matches([' ', ':']));
    Some(words.filter(|words| words.contains(' ')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_pages() {
        let page = "```sh\nberth snapshot | berth simulate -f -   # all\nberth explain \\\n  a\nls\n```\nberth not\n";
        assert_eq!(commands(page), ["berth snapshot", "berth simulate -f -", "berth explain    a"]);
    }

    #[test]
    fn messages_are_found_in_a_table() {
        let page = format!(
            "{MESSAGES}\n| message | means |\n| `no answer to … of …`, `leads now` | `a b` |\n\n## End\n"
        );
        assert_eq!(messages(&page), Some(vec!["no answer to", "leads now"]));
    }
}
