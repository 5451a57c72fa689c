//! `cargo xtask failure-modes`: docs/failure-modes.md, made from the scenarios that are named after upstream's issues.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::generated::{self, Args};
use crate::tree::{self, Source};

const PAGE: &str = "docs/failure-modes.md";
const FOLDER: &str = "crates/flow/src/tests/upstream/";

const HEAD: &str = "\
<!-- Made by `cargo xtask failure-modes` from the comments in crates/flow/src/tests/upstream. Edit those. -->
# What went wrong elsewhere

Failures of kube-scheduler that were reported, each a scenario by the number of its issue (kubernetes/kubernetes unless it
says otherwise). `cargo test -p berth-flow upstream` plays them. [What Berth promises](reliability.md) is held by random
histories too.
";

const ELSEWHERE: &str = "
## Held by other tests
| issue | what happened there | held here by |
| --- | --- | --- |
| #64908, #54164, #67738 | a pod takes seconds, a cluster more than an hour: every node is asked about every pod | caches by class that follow the change log; `berth-bench`, and its floors in the tests |
| #62567 | terms of inter-pod affinity mean something else than they say | the golden corpus, families `interpod` and `labelkeys` |

## Not ours
| issue | why |
| --- | --- |
| #141227 | which pods come back to the same node (DaemonSets) is not looked at when victims are chosen: upstream decides so, and Berth decides as upstream does |
";

/// One scenario.
struct Mode<'a> {
    issue: &'a str,
    there: String,
    here: String,
    test: &'a str,
}

/// Writes the page, or with `--check` says whether it is what would be written.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    generated::write_or_check(args, PAGE, &page(&tree::read(&tree::root())?)?)
}

fn page(sources: &[Source]) -> Result<String> {
    let mut out = HEAD.to_owned();
    let mut scenarios = sources.iter().filter(|s| s.path.starts_with(FOLDER) && !s.path.ends_with("/mod.rs"));
    let order = ["wakeup", "memory", "cache", "nomination", "crash"];
    let mut count = 0;
    for name in order {
        let Some(source) = scenarios.clone().find(|s| s.path.ends_with(&format!("/{name}.rs"))) else {
            bail!("{FOLDER}{name}.rs is missing");
        };
        let title =
            source.text.lines().next().unwrap_or_default().trim_start_matches("//! ").trim_end_matches('.');
        writeln!(
            out,
            "\n## {title}\n| issue | what happened there | what happens here | scenario |\n| --- | --- | --- | --- |"
        )?;
        for mode in modes(source)? {
            count += 1;
            writeln!(out, "| {} | {} | {} | `{}` |", mode.issue, mode.there, mode.here, mode.test)?;
        }
    }
    if let Some(other) =
        scenarios.find(|s| !order.iter().any(|name| s.path.ends_with(&format!("/{name}.rs"))))
    {
        bail!("{} is not in the order of the page", other.path);
    }
    out.push_str(ELSEWHERE);
    writeln!(out, "\n{count} scenarios.")?;
    Ok(out)
}

/// The scenarios of a file: a comment `/// #NUMBER: …` and `/// Here: …` before each test.
fn modes(source: &Source) -> Result<Vec<Mode<'_>>> {
    let mut found = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut is_test = false;
    for (at, line) in (1..).zip(source.text.lines()) {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text);
        } else if line == "#[test]" {
            is_test = true;
        } else if let Some(test) = line.strip_prefix("fn ").filter(|_| std::mem::take(&mut is_test)) {
            let text = comment.join(" ");
            let parts = text
                .split_once(": ")
                .and_then(|(issue, rest)| Some((issue.len(), rest.split_once(" Here: ")?)));
            let Some((end, (there, here))) = parts else {
                bail!(
                    "{}:{at}: a scenario says what happened there, and after \"Here:\" what happens here",
                    source.path
                );
            };
            let issue_text = comment.first().and_then(|first| first.get(..end)).unwrap_or_default();
            let test = test.split('(').next().unwrap_or_default();
            found.push(Mode { issue: issue_text, there: there.to_owned(), here: here.to_owned(), test });
            comment.clear();
        } else {
            comment.clear();
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_scenarios_say() {
        let sources = tree::read(&tree::root()).unwrap();
        generated::assert_current(PAGE, &page(&sources).unwrap());
    }
}
