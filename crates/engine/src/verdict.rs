//! Verdicts: why a node does not take a pod, as data. The words are upstream's.

use berth_model::Str;
use smallvec::SmallVec;

use crate::ids::name::PluginName;

/// What a rejection means for preemption and for the queue (upstream `framework/interface.go`, `Code`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The pod does not fit now; evicting other pods may help.
    Unschedulable,
    /// The pod does not fit, and no eviction would help.
    UnschedulableAndUnresolvable,
    /// The question could not be answered: an object that the answer needs is missing or contradicts itself.
    Error,
}

impl Code {
    /// Upstream's spelling.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unschedulable => "Unschedulable",
            Self::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
            Self::Error => "Error",
        }
    }
}

/// One reason, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A fixed sentence.
    Fixed(&'static str),
    /// A sentence with an argument; made once for a pod, shared by all nodes.
    Made(Str),
}

impl Reason {
    /// The sentence.
    pub fn text(&self) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::Made(text.into())
    }
}

/// Why one plugin rejects a node, or a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rejection {
    /// What it means.
    pub code: Code,
    /// At least one reason.
    pub reasons: SmallVec<[Reason; 1]>,
}

impl Rejection {
    /// Evicting pods may help.
    pub fn unschedulable(reason: &'static str) -> Self {
        Self::new(Code::Unschedulable, Reason::Fixed(reason))
    }

    /// No eviction helps.
    pub fn unresolvable(reason: &'static str) -> Self {
        Self::new(Code::UnschedulableAndUnresolvable, Reason::Fixed(reason))
    }

    /// A rejection with one reason.
    pub fn new(code: Code, reason: Reason) -> Self {
        Self { code, reasons: smallvec::smallvec![reason] }
    }

    /// All reasons in one line, as upstream's `Status.Message`.
    pub fn message(&self) -> String {
        let texts: Vec<&str> = self.reasons.iter().map(Reason::text).collect();
        texts.join(", ")
    }

    /// Upstream's framework adds to errors what it was doing; other rejections stay as they are.
    fn framed(self, doing: impl FnOnce() -> String) -> Self {
        if self.code != Code::Error {
            return self;
        }
        Self::new(self.code, format!("{}: {}", doing(), self.message()).into())
    }
}

/// A rejection and the plugin that made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// The plugin; [`PluginName::FRAMEWORK`] if the framework itself rejects.
    pub plugin: PluginName,
    /// What it said.
    pub rejection: Rejection,
}

impl Verdict {
    /// What a plugin said of a pod before any node was looked at.
    pub fn before_filters(plugin: PluginName, rejection: Rejection) -> Self {
        let rejection = rejection.framed(|| format!("running PreFilter plugin {plugin:?}"));
        Self { plugin, rejection }
    }

    /// What a plugin said of a node.
    pub fn of_filter(plugin: PluginName, rejection: Rejection) -> Self {
        let rejection = rejection.framed(|| format!("running {plugin:?} filter plugin"));
        Self { plugin, rejection }
    }
}
