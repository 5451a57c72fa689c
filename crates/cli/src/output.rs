//! Results on stdout, in the format that was asked for.

use std::io::{ErrorKind, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::{Failure, words};

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading, in 80 columns
    Table,
    /// For reading, with all lines and columns
    Wide,
    /// One JSON document, the same for the same input
    Json,
    /// The same document as YAML
    Yaml,
}

/// Prints a document, or what `table` makes of it.
///
/// # Errors
/// When stdout cannot be written. A reader that stops early, such as `head`, is not an error.
pub(crate) fn print<T: Serialize>(
    document: &T,
    format: Format,
    table: impl FnOnce(bool) -> String,
) -> Result<(), Failure> {
    let text = match format {
        Format::Table => table(false),
        Format::Wide => table(true),
        Format::Json => {
            serde_json::to_string_pretty(document).map(|text| text + "\n").map_err(unprintable)?
        }
        Format::Yaml => serde_saphyr::to_string(document).map_err(unprintable)?,
    };
    text_out(&text)
}

/// Prints text, without colours if stdout has none.
///
/// # Errors
/// As [`print`].
pub(crate) fn text_out(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::input(format!("cannot write to stdout: {}", words(&error))))
        }
        _ => Ok(()),
    }
}

fn unprintable(error: impl std::fmt::Display) -> Failure {
    Failure::input(format!("cannot print the result: {error}"))
}
