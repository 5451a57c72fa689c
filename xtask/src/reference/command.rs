//! The commands, in the words of their `--help`.

use std::fmt::Write;

use anyhow::Result;
use clap::Command;

/// The width of a terminal that nobody has made wider.
const COLUMNS: usize = 80;

pub(super) fn section() -> Result<String> {
    let mut root = berth_cli::command().term_width(COLUMNS);
    root.build();
    let mut out = String::from("## Commands\n");
    describe(&mut root, &mut out)?;
    for command in root.get_subcommands_mut().filter(|c| c.get_name() != "help") {
        describe(command, &mut out)?;
    }
    Ok(out)
}

fn describe(command: &mut Command, out: &mut String) -> Result<()> {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_string();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    writeln!(out, "\n### {name}\n```text\n{}\n```", lines.join("\n").trim_end())?;
    Ok(())
}
