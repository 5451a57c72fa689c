//! Where problems and warnings gather while a configuration is read, so that all are reported at once.

use crate::error::{Problem, ProblemKind};
use crate::path::Path;
use crate::quote::quoted;
use std::cell::RefCell;
use std::fmt::Display;

/// Gathers problems and warnings. Shared by all readers of one document.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<String>>,
    /// Plugins that do not exist are left out, with a warning.
    pub(crate) ignores_unknown_plugins: bool,
}

impl Sink {
    /// Takes plugins that do not exist as a warning.
    pub(crate) fn without_unknown_plugins() -> Self {
        Self { ignores_unknown_plugins: true, ..Self::default() }
    }

    pub(crate) fn unknown_field(&self, path: &Path) {
        self.add(path, ProblemKind::UnknownField, None, String::new());
    }

    pub(crate) fn duplicate_field(&self, path: &Path) {
        self.add(path, ProblemKind::DuplicateField, None, String::new());
    }

    pub(crate) fn wrong_type(&self, path: &Path, found: String, detail: &str) {
        self.add(path, ProblemKind::WrongType, Some(found), detail.to_owned());
    }

    pub(crate) fn required(&self, path: &Path, detail: &str) {
        self.add(path, ProblemKind::Required, None, detail.to_owned());
    }

    /// `found` is shown as it is: a number, or JSON.
    pub(crate) fn invalid(&self, path: &Path, found: impl Display, detail: &str) {
        self.add(path, ProblemKind::Invalid, Some(found.to_string()), detail.to_owned());
    }

    pub(crate) fn invalid_text(&self, path: &Path, found: &str, detail: &str) {
        self.invalid(path, quoted(found), detail);
    }

    pub(crate) fn unsupported(&self, path: &Path, found: &str, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|s| quoted(s)).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        self.add(path, ProblemKind::Unsupported, Some(quoted(found)), detail);
    }

    pub(crate) fn duplicate(&self, path: &Path, found: &str) {
        self.add(path, ProblemKind::Duplicate, Some(quoted(found)), String::new());
    }

    pub(crate) fn forbidden(&self, path: &Path, detail: &str) {
        self.add(path, ProblemKind::Forbidden, None, detail.to_owned());
    }

    /// A problem with the plugins of a profile. Where the path already has a problem, that one said it better.
    pub(crate) fn plugins(&self, path: &Path, detail: String) {
        if !self.problems.borrow().iter().any(|p| p.path == path.as_str()) {
            self.add(path, ProblemKind::Plugins, None, detail);
        }
    }

    pub(crate) fn warn(&self, path: &Path, text: impl Display) {
        let warning = format!("{path}: {text}");
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// Takes back what validation found inside of `path`; a field that is unknown or of a wrong type stays a problem.
    pub(crate) fn pardon(&self, path: &Path) {
        let of_validation = |p: &Problem| {
            !matches!(
                p.kind,
                ProblemKind::UnknownField | ProblemKind::DuplicateField | ProblemKind::WrongType
            )
        };
        self.problems.borrow_mut().retain(|p| !(path.contains(&p.path) && of_validation(p)));
    }

    pub(crate) fn into_parts(self) -> (Vec<Problem>, Vec<String>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }

    fn add(&self, path: &Path, kind: ProblemKind, found: Option<String>, detail: String) {
        let path = path.as_str().to_owned();
        self.problems.borrow_mut().push(Problem { path, kind, found, detail, at: None });
    }
}
