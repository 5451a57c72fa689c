//! `berth completions`: completions for shells.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  bash:  berth completions bash > ~/.local/share/bash-completion/completions/berth
  zsh:   berth completions zsh > ~/.zfunc/_berth
  fish:  berth completions fish > ~/.config/fish/completions/berth.fish";

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When stdout cannot be written.
pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut crate::command(), "berth", &mut text);
    output::text_out(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
