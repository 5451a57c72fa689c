//! What a pod says about where it wants to be: node affinity, pod affinity, topology spread, tolerations.

use crate::Str;
use crate::node::{Taint, TaintEffect};
use crate::selector::{LabelSelector, NodeSelector, NodeSelectorTerm};

/// `v1.NodeAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeAffinity {
    /// `requiredDuringSchedulingIgnoredDuringExecution`.
    pub required: Option<NodeSelector>,
    /// `preferredDuringSchedulingIgnoredDuringExecution`.
    pub preferred: Vec<PreferredNode>,
}

/// `v1.PreferredSchedulingTerm`: a node that matches `term` gains `weight`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreferredNode {
    /// 1 to 100.
    pub weight: i64,
    /// Which nodes.
    pub term: NodeSelectorTerm,
}

/// `v1.PodAffinity` or `v1.PodAntiAffinity`: the shape is the same, the sign is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodAffinity {
    /// `requiredDuringSchedulingIgnoredDuringExecution`.
    pub required: Vec<PodAffinityTerm>,
    /// `preferredDuringSchedulingIgnoredDuringExecution`.
    pub preferred: Vec<WeightedPodAffinityTerm>,
}

/// `v1.PodAffinityTerm`: pods of these namespaces and labels, seen within one topology domain.
///
/// `matchLabelKeys` and `mismatchLabelKeys` are not here: the API server merges them into the selector when the pod is
/// created, and the border does the same for manifests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodAffinityTerm {
    /// Which pods; `None` selects no pod.
    pub selector: Option<LabelSelector>,
    /// Namespaces by name. Empty together with no `namespace_selector` means the pod's own namespace.
    pub namespaces: Vec<Str>,
    /// Namespaces by label, in addition to `namespaces`; an empty selector means all namespaces.
    pub namespace_selector: Option<LabelSelector>,
    /// The node label whose value names the domain.
    pub topology_key: Str,
}

/// `v1.WeightedPodAffinityTerm`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WeightedPodAffinityTerm {
    /// 1 to 100.
    pub weight: i64,
    /// Which pods, in which domain.
    pub term: PodAffinityTerm,
}

/// `v1.TopologySpreadConstraint`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpreadConstraint {
    /// How far a domain's count may be above the smallest.
    pub max_skew: i64,
    /// The node label whose value names the domain.
    pub topology_key: Str,
    /// `DoNotSchedule` (true) or `ScheduleAnyway` (false).
    pub required: bool,
    /// Which pods are counted; `None` counts none.
    pub selector: Option<LabelSelector>,
    /// With fewer domains than this, the smallest count is taken as zero.
    pub min_domains: Option<i64>,
    /// Whether nodes that the pod's node affinity excludes are left out of the count (`Honor`, the default).
    pub honor_node_affinity: bool,
    /// Whether nodes with taints that the pod does not tolerate are left out of the count (`Honor`; default `Ignore`).
    pub honor_node_taints: bool,
    /// Labels of the pod whose values are added to the selector.
    pub match_label_keys: Vec<Str>,
}

/// `v1.Toleration`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Toleration {
    /// The taint's key; empty with `exists` means every taint.
    pub key: Str,
    /// `Exists` (true: any value) or `Equal` (false).
    pub exists: bool,
    /// The value for `Equal`.
    pub value: Str,
    /// The taint's effect; `None` means every effect.
    pub effect: Option<TaintEffect>,
    /// `tolerationSeconds`: how long a running pod tolerates a taint of the effect `NoExecute`; `None`: always. No placement
    /// depends on it.
    pub seconds: Option<i64>,
}

impl Toleration {
    /// Whether a pod with this toleration tolerates the taint.
    ///
    /// Upstream: api `core/v1/toleration.go`, without the comparison operators `Gt` and `Lt`, which are gated off.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && (self.key.is_empty() || self.key == taint.key)
            && (self.exists || self.value == taint.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toleration(key: &str, exists: bool, value: &str, effect: Option<TaintEffect>) -> Toleration {
        Toleration { key: key.into(), exists, value: value.into(), effect, seconds: None }
    }

    #[test]
    fn a_toleration_bears_a_taint_of_its_key_value_and_effect() {
        use TaintEffect::*;
        let taint = Taint { key: "gpu".into(), value: "a100".into(), effect: NoSchedule };
        let cases = [
            (toleration("gpu", false, "a100", Some(NoSchedule)), true),
            (toleration("gpu", false, "a100", None), true),
            (toleration("gpu", false, "h100", None), false),
            (toleration("gpu", true, "", None), true),
            (toleration("", true, "", None), true),
            (toleration("disk", true, "", None), false),
            (toleration("gpu", true, "", Some(NoExecute)), false),
        ];
        for (toleration, expected) in cases {
            assert_eq!(toleration.tolerates(&taint), expected, "{toleration:?}");
        }
    }
}
