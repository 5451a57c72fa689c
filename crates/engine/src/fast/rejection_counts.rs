//! How many nodes are rejected for which reason.

use crate::verdict::{Code, Verdict};

/// Which verdict a row has, an index into [`RejectionCounts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct VerdictId(pub(super) u32);

/// Distinct verdicts of one class, each with the number of nodes that it holds for.
#[derive(Debug, Default)]
pub(super) struct RejectionCounts {
    verdicts: Vec<(Verdict, usize)>,
}

impl RejectionCounts {
    /// The id of a verdict. There are a handful of different ones, so they are searched one by one.
    pub(super) fn intern(&mut self, verdict: &Verdict) -> VerdictId {
        let at = self.verdicts.iter().position(|(v, _)| v == verdict).unwrap_or_else(|| {
            self.verdicts.push((verdict.clone(), 0));
            self.verdicts.len() - 1
        });
        VerdictId(u32::try_from(at).expect("fewer verdicts than nodes"))
    }

    /// One node more has the verdict.
    pub(super) fn count(&mut self, id: VerdictId) {
        self.verdicts[id.0 as usize].1 += 1;
    }

    /// One node less has the verdict.
    pub(super) fn discount(&mut self, id: VerdictId) {
        self.verdicts[id.0 as usize].1 -= 1;
    }

    /// The verdict of an id.
    pub(super) fn verdict(&self, id: VerdictId) -> &Verdict {
        &self.verdicts[id.0 as usize].0
    }

    /// All verdicts that hold for a node, with the number of nodes.
    pub(super) fn counted(&self) -> impl Iterator<Item = (&Verdict, usize)> {
        self.verdicts.iter().filter(|(_, count)| *count > 0).map(|(verdict, count)| (verdict, *count))
    }

    /// Whether a filter could not answer about any of the counted nodes.
    pub(super) fn any_unanswered(&self) -> bool {
        self.counted().any(|(verdict, _)| verdict.rejection.code == Code::Error)
    }

    /// Whether evictions may help on any of the counted nodes.
    pub(super) fn any_resolvable(&self) -> bool {
        self.counted().any(|(verdict, _)| verdict.rejection.code == Code::Unschedulable)
    }
}
