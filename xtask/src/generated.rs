//! Pages that are made, not written: one way to write them, and to notice that they are out of date.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::tree::root;

/// What to do with a page.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; the exit code is 1 where the page is out of date
    #[arg(long)]
    check: bool,
}

/// Writes the page if it changed, or only says that it did.
pub(crate) fn write_or_check(args: &Args, page: &str, text: &str) -> Result<ExitCode> {
    if current(page) == text {
        println!("{page}: up to date");
        return Ok(ExitCode::SUCCESS);
    }
    if args.check {
        println!("{page}: out of date");
        return Ok(ExitCode::FAILURE);
    }
    std::fs::write(root().join(page), text).with_context(|| format!("cannot write {page}"))?;
    println!("{page}: written");
    Ok(ExitCode::SUCCESS)
}

/// What the page holds now; nothing where there is none.
fn current(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_default()
}

/// Fails with the first line that differs.
#[cfg(test)]
pub(crate) fn assert_current(page: &str, text: &str) {
    let now = current(page);
    let differs = (1..).zip(now.lines().zip(text.lines())).find(|(_, (now, made))| now != made);
    assert!(now == text, "{page} is out of date, write it with cargo xtask; first difference: {differs:#?}");
}
