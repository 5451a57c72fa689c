//! What is said on stderr: problems, warnings and hints, a line each.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::failure::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Says why nothing was done.
pub(crate) fn failure(failure: &Failure) {
    for problem in &failure.problems {
        say(ERROR, "error", problem);
    }
    if let Some(hint) = &failure.hint {
        say(HINT, "hint", hint);
    }
}

/// Says what is odd but harmless.
pub(crate) fn warning(text: &str) {
    say(WARNING, "warning", text);
}

fn say(style: Style, word: &str, text: &str) {
    // A closed stderr is no reason to stop.
    let _ = writeln!(anstream::stderr().lock(), "{style}{word}:{style:#} {text}");
}
