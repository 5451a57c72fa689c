//! Where else a pod could have gone: for those who read of a decision, not for any decision.

use berth_engine::ids::{NodeRow, PodRow};
use berth_model::Str;

use crate::flow::Flow;

/// What a decision was taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternatives {
    /// How many nodes the pod fits on, its own included.
    pub feasible: usize,
    /// The best of the others with their total scores, the best one first.
    pub next: Vec<(Str, i64)>,
}

impl Flow {
    /// Judges all nodes for a pod that was decided to go to `node` and is not there yet.
    pub(crate) fn alternatives(
        &self,
        profile: usize,
        pod: PodRow,
        node: NodeRow,
        count: usize,
    ) -> Alternatives {
        let diagnosis = self.scheduler.diagnose(profile, pod);
        let scored = diagnosis.feasible.iter().zip(&diagnosis.totals);
        let mut others: Vec<_> = scored.filter(|(row, _)| **row != node).collect();
        // Sorting is stable, and nodes come by name, as they do where a tie is to be broken.
        others.sort_by_key(|(_, total)| std::cmp::Reverse(**total));
        let nodes = self.scheduler.cluster().nodes();
        let next = others.into_iter().take(count).map(|(row, total)| (nodes.name(*row).clone(), *total));
        Alternatives { feasible: diagnosis.feasible.len(), next: next.collect() }
    }
}
