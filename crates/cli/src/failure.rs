//! Why a command failed.

use std::io;

/// One or more problems, each a line, and perhaps a hint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What is wrong, one line each, without `error:`.
    pub problems: Vec<String>,
    /// What may help.
    pub hint: Option<String>,
    /// The exit code of the process.
    pub exit_code: u8,
}

impl Failure {
    /// Input or a command line that cannot be used.
    pub(crate) fn input(problem: impl Into<String>) -> Self {
        Self::inputs(vec![problem.into()])
    }

    /// Several problems of that kind.
    pub(crate) fn inputs(problems: Vec<String>) -> Self {
        Self { problems, hint: None, exit_code: 2 }
    }

    /// A file that cannot be read or written.
    pub(crate) fn unreadable(name: &str, error: &io::Error) -> Self {
        Self::input(format!("{name}: {}", words(error)))
    }

    /// A decision that differs from the scan's.
    pub(crate) fn difference(problem: String) -> Self {
        Self { problems: vec![problem], hint: None, exit_code: 3 }
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// An IO error as part of a sentence, without the system's error number.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = words.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
