//! Arguments of InterPodAffinity: what the pods that run already count for.

use crate::fields::Fields;

/// How the affinity of running pods counts for the score of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterPodAffinityArgs {
    /// What a required term of a running pod that matches the new one adds, 0 to 100.
    pub hard_pod_affinity_weight: i32,
    /// Whether preferred terms of running pods count only for pods that have terms of their own.
    pub ignore_preferred_terms_of_existing_pods: bool,
}

impl Default for InterPodAffinityArgs {
    fn default() -> Self {
        Self { hard_pod_affinity_weight: 1, ignore_preferred_terms_of_existing_pods: false }
    }
}

impl InterPodAffinityArgs {
    pub(crate) const FIELDS: &[&str] = &["hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let mut args = Self::default();
        if let Some(weight) = fields.int32("hardPodAffinityWeight") {
            args.hard_pod_affinity_weight = weight;
        }
        if let Some(ignore) = fields.boolean("ignorePreferredTermsOfExistingPods") {
            args.ignore_preferred_terms_of_existing_pods = ignore;
        }
        if !(0..=100).contains(&args.hard_pod_affinity_weight) {
            let path = fields.at("hardPodAffinityWeight");
            fields.sink().invalid(&path, args.hard_pod_affinity_weight, "not in valid range [0, 100]");
        }
        args
    }
}
