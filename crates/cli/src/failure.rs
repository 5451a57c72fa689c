//! Why a command could not do its work.

/// One or more problems, each a line for people, and perhaps what to try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What is wrong, a line each, without `error:`.
    pub problems: Vec<String>,
    /// What may help.
    pub hint: Option<String>,
    /// The process ends with this.
    pub exit_code: u8,
}

impl Failure {
    /// Input or usage that cannot be worked with.
    pub(crate) fn input(problem: impl Into<String>) -> Self {
        Self::inputs(vec![problem.into()])
    }

    /// Several of those.
    pub(crate) fn inputs(problems: Vec<String>) -> Self {
        Self { problems, hint: None, exit_code: 2 }
    }

    /// A decision that the scan does not share.
    pub(crate) fn difference(problem: String) -> Self {
        Self { problems: vec![problem], hint: None, exit_code: 3 }
    }
}
