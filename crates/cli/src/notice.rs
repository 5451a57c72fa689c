//! Messages on stderr: problems, warnings and hints, one line each.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::failure::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Prints why the command failed.
pub(crate) fn failure(failure: &Failure) {
    for problem in &failure.problems {
        say(ERROR, "error", problem);
    }
    if let Some(hint) = &failure.hint {
        self::hint(hint);
    }
}

/// Prints what may help.
pub(crate) fn hint(text: &str) {
    say(HINT, "hint", text);
}

/// Prints a warning.
pub(crate) fn warning(text: &str) {
    say(WARNING, "warning", text);
}

/// Prints what the user should know about where the answer comes from.
pub(crate) fn note(text: &str) {
    say(HINT, "note", text);
}

fn say(style: Style, word: &str, text: &str) {
    // A closed stderr does not stop the command.
    let _ = writeln!(anstream::stderr().lock(), "{style}{word}:{style:#} {text}");
}
