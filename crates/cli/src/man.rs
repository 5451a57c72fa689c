//! `berth man`: manual pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  Read the page of berth itself:
    berth man | man -l -
  Install all pages:
    berth man ~/.local/share/man/man1";

/// Print the manual page, or write the pages of all commands to a folder
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// Write berth.1 and a page for each command to this folder, which is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When a page cannot be written.
pub(crate) fn run(args: &ManArgs) -> Result<ExitCode, Failure> {
    // No page is written for the command help, so that no page refers to it.
    let mut command = crate::command().disable_help_subcommand(true);
    command.build();
    match &args.folder {
        None => output::text_out(&String::from_utf8_lossy(&page(command)?))?,
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|e| Failure::unreadable(&folder.display().to_string(), &e))?;
            let commands: Vec<clap::Command> = command.get_subcommands().cloned().collect();
            write(folder, "berth", command)?;
            for sub in commands {
                let name = sub.get_display_name().unwrap_or_default().to_string();
                write(folder, &name, sub)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path, name: &str, command: clap::Command) -> Result<(), Failure> {
    let file = folder.join(format!("{name}.1"));
    fs::write(&file, page(command)?).map_err(|e| Failure::unreadable(&file.display().to_string(), &e))
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let man = clap_mangen::Man::new(command);
    let mut text = Vec::new();
    let made = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text))
        .and_then(|()| if has_commands { man.render_subcommands_section(&mut text) } else { Ok(()) });
    made.map_err(|e| Failure::input(format!("cannot make the manual page: {e}")))?;
    text.extend(sections(&after).into_bytes());
    Ok(text)
}

/// What help says after the options, with its lines as they are: paragraphs under a title become sections.
fn sections(after: &str) -> String {
    let mut out = String::new();
    for line in after.lines() {
        match line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
            Some(title) => out += &format!(".SH {}\n.nf\n", title.to_uppercase()),
            None => out += &format!("{}\n", escaped(line)),
        }
    }
    out
}

/// A line that means nothing to the formatter.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}
