//! What can be wrong with a configuration, in upstream's words where upstream has some.

use crate::document::Position;
use crate::quote::quoted;
use std::fmt;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Bigger than any real configuration.
    #[error("the configuration has {bytes} bytes: at most {limit} are read")]
    TooLarge {
        /// Size found.
        bytes: usize,
        /// Size allowed.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("the configuration is not UTF-8 text (byte {byte})")]
    NotText {
        /// Offset of the first byte that is no text, from 0.
        byte: usize,
    },
    /// Neither YAML nor JSON, or over the limits on nesting, aliases and number of values.
    #[error("cannot read the configuration as YAML: {message}")]
    Syntax {
        /// Where reading stopped, if known.
        at: Option<Position>,
        /// The reader's words.
        message: String,
    },
    /// Upstream reads the first document and drops the others in silence; that is never what was meant.
    #[error("found {count} documents: a configuration is one document")]
    ManyDocuments {
        /// How many documents hold something.
        count: usize,
    },
    /// The document is a list or a scalar.
    #[error("found {found}: a configuration is a map with apiVersion and kind")]
    NotAMap {
        /// What the document is, as in `a list`.
        found: &'static str,
    },
    /// No `kind`.
    #[error("Object 'Kind' is missing: it must be KubeSchedulerConfiguration")]
    MissingKind,
    /// No `apiVersion`.
    #[error("Object 'apiVersion' is missing: it must be kubescheduler.config.k8s.io/v1")]
    MissingVersion,
    /// Another kind, or another version of this one.
    #[error(
        "no kind {kind:?} is registered for version {version:?}: \
         only kind \"KubeSchedulerConfiguration\" of \"kubescheduler.config.k8s.io/v1\" is read"
    )]
    NotRegistered {
        /// The `kind` found.
        kind: String,
        /// The `apiVersion` found.
        version: String,
    },
    /// Everything that is wrong with the fields, in the order of the document.
    #[error("{0}")]
    Invalid(Problems),
}

impl ConfigError {
    /// The problems of single fields; none where the document as a whole cannot be read.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => &problems.0,
            _ => &[],
        }
    }
}

/// Problems of single fields, at least one. Shown as upstream shows several errors: `[one, two]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "{only}"),
            all => {
                let all: Vec<String> = all.iter().map(Problem::to_string).collect();
                write!(f, "[{}]", all.join(", "))
            }
        }
    }
}

/// One thing that is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, as in `profiles[0].plugins.filter.enabled[2]`.
    pub path: String,
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// What was found, as JSON; nothing where the words of `detail` name it.
    pub found: Option<String>,
    /// What is allowed or what is wrong, in upstream's words.
    pub detail: String,
    /// Where the field, or the nearest field around it, stands in the document.
    pub at: Option<Position>,
}

/// Kinds of problems; those of validation are upstream's `field.ErrorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The configuration has no such field.
    UnknownField,
    /// The field is set twice.
    DuplicateField,
    /// A text where a number belongs, and the like.
    WrongType,
    /// A value that must be set is not.
    Required,
    /// The value is out of range or malformed.
    Invalid,
    /// The value is none of the supported ones.
    Unsupported,
    /// The value occurs twice.
    Duplicate,
    /// The value may not be set here.
    Forbidden,
    /// The plugins named cannot be put together.
    Plugins,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = match self.kind {
            ProblemKind::UnknownField => return write!(f, "unknown field {}", quoted(&self.path)),
            ProblemKind::DuplicateField => return write!(f, "duplicate field {}", quoted(&self.path)),
            ProblemKind::Plugins => return write!(f, "{}: {}", self.path, self.detail),
            ProblemKind::Required => "Required value",
            ProblemKind::Invalid | ProblemKind::WrongType => "Invalid value",
            ProblemKind::Unsupported => "Unsupported value",
            ProblemKind::Duplicate => "Duplicate value",
            ProblemKind::Forbidden => "Forbidden",
        };
        write!(f, "{}: {heading}", self.path)?;
        if let Some(found) = &self.found {
            write!(f, ": {found}")?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}
