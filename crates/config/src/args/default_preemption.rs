//! Arguments of DefaultPreemption: on how many nodes preemption is tried before one is chosen.

use crate::fields::Fields;

/// How many candidate nodes preemption looks for at least: the larger of the two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultPreemptionArgs {
    /// Percent of the nodes, 0 to 100.
    pub min_candidate_nodes_percentage: i32,
    /// A number of nodes; not below 0, and not 0 when the percentage is.
    pub min_candidate_nodes_absolute: i32,
}

impl Default for DefaultPreemptionArgs {
    fn default() -> Self {
        Self { min_candidate_nodes_percentage: 10, min_candidate_nodes_absolute: 100 }
    }
}

impl DefaultPreemptionArgs {
    pub(crate) const FIELDS: &[&str] = &["minCandidateNodesPercentage", "minCandidateNodesAbsolute"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let mut args = Self::default();
        if let Some(percentage) = fields.int32("minCandidateNodesPercentage") {
            args.min_candidate_nodes_percentage = percentage;
        }
        if let Some(absolute) = fields.int32("minCandidateNodesAbsolute") {
            args.min_candidate_nodes_absolute = absolute;
        }
        args.validate(fields);
        args
    }

    fn validate(&self, fields: &Fields<'_>) {
        let (sink, percentage, absolute) =
            (fields.sink(), self.min_candidate_nodes_percentage, self.min_candidate_nodes_absolute);
        let percentage_path = fields.at("minCandidateNodesPercentage");
        let absolute_path = fields.at("minCandidateNodesAbsolute");
        if !(0..=100).contains(&percentage) {
            sink.invalid(&percentage_path, percentage, "not in valid range [0, 100]");
        }
        if absolute < 0 {
            sink.invalid(&absolute_path, absolute, "not in valid range [0, inf)");
        }
        if percentage == 0 && absolute == 0 {
            let words = |other| format!("cannot be zero at the same time as {other}");
            sink.invalid(&percentage_path, percentage, &words("minCandidateNodesAbsolute"));
            sink.invalid(&absolute_path, absolute, &words("minCandidateNodesPercentage"));
        }
    }
}
