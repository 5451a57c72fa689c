//! `cargo xtask reference`: docs/reference.md, made from the command line, the configuration and the JSON schemas.

mod command;
mod configuration;
mod schema;

use std::process::ExitCode;

use anyhow::Result;

use crate::generated::{self, Args};
use crate::tree::{self, Source};

const PAGE: &str = "docs/reference.md";

const HEAD: &str = "\
<!-- Made by `cargo xtask reference` from the command line, the configuration's reader and docs/*.schema.json. -->
# Reference

- [Commands](#commands): what `--help` says
- [Configuration](#configuration): the `KubeSchedulerConfiguration` that `--config` reads
- [Documents](#documents): what `-o json` and `-o yaml` print
";

/// Writes the page, or with `--check` says whether it is what would be written.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    generated::write_or_check(args, PAGE, &page(&tree::read(&tree::root())?)?)
}

fn page(sources: &[Source]) -> Result<String> {
    Ok([HEAD, &command::section()?, &configuration::section(sources)?, &schema::section(sources)?].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_code_says() -> Result<()> {
        generated::assert_current(PAGE, &page(&tree::read(&tree::root())?)?);
        Ok(())
    }
}
