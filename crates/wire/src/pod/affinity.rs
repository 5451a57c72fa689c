//! Node affinity, pod affinity and pod anti-affinity.
//!
//! Upstream: core `validation.go` (`validateAffinity`).

use berth_model::Str;
use berth_model::affinity::{NodeAffinity, PodAffinityTerm, PreferredNode};
use berth_model::pod_manifest::{AffinityTemplate, AffinityTermTemplate};
use berth_model::selector::Requirement;

use crate::context::{Context, Step};
use crate::decode::{IntoModel, List, Obj, wire_object};
use crate::selector::{LabelSelectorWire, NodeSelectorWire, NodeTermWire};
use crate::syntax::{check_label_key, check_label_values};

wire_object! {
    /// `v1.PreferredSchedulingTerm`.
    pub(crate) struct PreferredNodeWire {
        weight: i64 = "weight",
        term: Obj<NodeTermWire> = "preference",
    }
    skipped {}
}

impl IntoModel for PreferredNodeWire {
    type Out = PreferredNode;

    fn into_model(self, cx: &mut Context) -> PreferredNode {
        check_weight(cx, self.weight);
        PreferredNode { weight: self.weight, term: self.term.0.unwrap_or_default() }
    }
}

fn check_weight(cx: &mut Context, weight: i64) {
    if !(1..=100).contains(&weight) {
        cx.problem_at("weight", format!("found {weight}, expected an integer from 1 to 100"));
    }
}

wire_object! {
    /// `v1.NodeAffinity`.
    pub(crate) struct NodeAffinityWire {
        required: Obj<NodeSelectorWire> = "requiredDuringSchedulingIgnoredDuringExecution",
        preferred: List<PreferredNodeWire> = "preferredDuringSchedulingIgnoredDuringExecution",
    }
    skipped {}
}

impl IntoModel for NodeAffinityWire {
    type Out = NodeAffinity;

    fn into_model(self, cx: &mut Context) -> NodeAffinity {
        let Self { required: Obj(required), preferred: List(preferred) } = self;
        // Preferences may name values that no label can have; hard requirements may not.
        cx.within(Step::Field("requiredDuringSchedulingIgnoredDuringExecution"), |cx| {
            cx.within(Step::Field("nodeSelectorTerms"), |cx| {
                for (at, term) in required.iter().flat_map(|selector| &selector.terms).enumerate() {
                    cx.within(Step::Index(at), |cx| check_values(cx, &term.expressions));
                }
            });
        });
        NodeAffinity { required, preferred }
    }
}

fn check_values(cx: &mut Context, expressions: &[Requirement]) {
    cx.within(Step::Field("matchExpressions"), |cx| {
        for (at, expression) in expressions.iter().enumerate() {
            let values = expression.values.iter().map(|v| &**v);
            cx.within(Step::Index(at), |cx| check_label_values(cx, "values", values));
        }
    });
}

wire_object! {
    /// `v1.PodAffinityTerm`.
    pub(crate) struct PodTermWire {
        selector: Obj<LabelSelectorWire> = "labelSelector",
        namespaces: Vec<Str> = "namespaces",
        topology_key: Str = "topologyKey",
        namespace_selector: Obj<LabelSelectorWire> = "namespaceSelector",
        match_keys: Vec<Str> = "matchLabelKeys",
        mismatch_keys: Vec<Str> = "mismatchLabelKeys",
    }
    skipped {}
}

impl IntoModel for PodTermWire {
    type Out = AffinityTermTemplate;

    fn into_model(self, cx: &mut Context) -> AffinityTermTemplate {
        check_label_key(cx, "topologyKey", &self.topology_key);
        check_keys(cx, "matchLabelKeys", &self.match_keys, self.selector.0.is_some());
        check_keys(cx, "mismatchLabelKeys", &self.mismatch_keys, self.selector.0.is_some());
        let term = PodAffinityTerm {
            selector: self.selector.0,
            namespaces: self.namespaces,
            namespace_selector: self.namespace_selector.0,
            topology_key: self.topology_key,
        };
        AffinityTermTemplate {
            term,
            match_label_keys: self.match_keys,
            mismatch_label_keys: self.mismatch_keys,
        }
    }
}

/// Keys whose values the pod's labels supply are useless without a selector to add them to.
pub(crate) fn check_keys(cx: &mut Context, field: &'static str, keys: &[Str], has_selector: bool) {
    if !keys.is_empty() && !has_selector {
        cx.problem_at(field, "must not be set without a labelSelector");
    }
    for key in keys {
        check_label_key(cx, field, key);
    }
}

wire_object! {
    /// `v1.WeightedPodAffinityTerm`.
    pub(crate) struct WeightedTermWire {
        weight: i64 = "weight",
        term: Option<PodTermWire> = "podAffinityTerm",
    }
    skipped {}
}

impl IntoModel for WeightedTermWire {
    type Out = (i64, AffinityTermTemplate);

    fn into_model(self, cx: &mut Context) -> (i64, AffinityTermTemplate) {
        check_weight(cx, self.weight);
        let term = self.term.unwrap_or_default();
        (self.weight, cx.within(Step::Field("podAffinityTerm"), |cx| term.into_model(cx)))
    }
}

wire_object! {
    /// `v1.PodAffinity` and `v1.PodAntiAffinity`.
    pub(crate) struct PodAffinityWire {
        required: List<PodTermWire> = "requiredDuringSchedulingIgnoredDuringExecution",
        preferred: List<WeightedTermWire> = "preferredDuringSchedulingIgnoredDuringExecution",
    }
    skipped {}
}

impl IntoModel for PodAffinityWire {
    type Out = AffinityTemplate;

    fn into_model(self, _: &mut Context) -> AffinityTemplate {
        AffinityTemplate { required: self.required.0, preferred: self.preferred.0 }
    }
}

wire_object! {
    /// `v1.Affinity`.
    pub(crate) struct AffinityWire {
        node: Obj<NodeAffinityWire> = "nodeAffinity",
        pod: Obj<PodAffinityWire> = "podAffinity",
        anti: Obj<PodAffinityWire> = "podAntiAffinity",
    }
    skipped {}
}
