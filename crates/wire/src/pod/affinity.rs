//! Node affinity, pod affinity and pod anti-affinity.
//!
//! Upstream: core `validation.go` (`validateAffinity`), `registry/core/pod/strategy.go`
//! (`applyMatchLabelKeysAndMismatchLabelKeys`).

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::affinity::{
    NodeAffinity, PodAffinity, PodAffinityTerm, PreferredNode, WeightedPodAffinityTerm,
};
use berth_model::labels::Labels;
use berth_model::selector::{LabelSelector, Operator, Requirement};

use crate::context::{Context, Step};
use crate::decode::{Finish, List, Obj, wire_object};
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

impl Finish for PreferredNodeWire {
    type Out = PreferredNode;

    fn finish(self, cx: &mut Context) -> PreferredNode {
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

impl Finish for NodeAffinityWire {
    type Out = NodeAffinity;

    fn finish(self, cx: &mut Context) -> NodeAffinity {
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

/// A term whose selector still lacks what the pod's own labels add to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    term: PodAffinityTerm,
    match_keys: Vec<Str>,
    mismatch_keys: Vec<Str>,
}

impl Finish for PodTermWire {
    type Out = Term;

    fn finish(self, cx: &mut Context) -> Term {
        check_label_key(cx, "topologyKey", &self.topology_key);
        check_keys(cx, "matchLabelKeys", &self.match_keys, self.selector.0.is_some());
        check_keys(cx, "mismatchLabelKeys", &self.mismatch_keys, self.selector.0.is_some());
        let term = PodAffinityTerm {
            selector: self.selector.0,
            namespaces: self.namespaces,
            namespace_selector: self.namespace_selector.0,
            topology_key: self.topology_key,
        };
        Term { term, match_keys: self.match_keys, mismatch_keys: self.mismatch_keys }
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

impl Term {
    fn merged(mut self, labels: &Labels) -> PodAffinityTerm {
        if let Some(selector) = &mut self.term.selector {
            merge(selector, &self.match_keys, Operator::In, labels);
            merge(selector, &self.mismatch_keys, Operator::NotIn, labels);
        }
        self.term
    }
}

/// Adds the pod's own values of the keys, unless the API server has done so already.
fn merge(selector: &mut LabelSelector, keys: &[Str], operator: Operator, labels: &Labels) {
    if keys.is_empty() {
        return;
    }
    let mut known: BTreeSet<Requirement> = selector.requirements.iter().cloned().collect();
    for key in keys {
        let Some(value) = labels.get(key) else { continue };
        let added = Requirement { key: key.clone(), operator, values: vec![value.clone()] };
        if known.insert(added.clone()) {
            selector.requirements.push(added);
        }
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

impl Finish for WeightedTermWire {
    type Out = (i64, Term);

    fn finish(self, cx: &mut Context) -> (i64, Term) {
        check_weight(cx, self.weight);
        let term = self.term.unwrap_or_default();
        (self.weight, cx.within(Step::Field("podAffinityTerm"), |cx| term.finish(cx)))
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

/// Pod affinity before the pod's own labels are merged into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodAffinityParts {
    required: Vec<Term>,
    preferred: Vec<(i64, Term)>,
}

impl Finish for PodAffinityWire {
    type Out = PodAffinityParts;

    fn finish(self, _: &mut Context) -> PodAffinityParts {
        PodAffinityParts { required: self.required.0, preferred: self.preferred.0 }
    }
}

impl PodAffinityParts {
    /// The affinity of a pod with these labels.
    pub(crate) fn merged(self, labels: &Labels) -> PodAffinity {
        PodAffinity {
            required: self.required.into_iter().map(|term| term.merged(labels)).collect(),
            preferred: self
                .preferred
                .into_iter()
                .map(|(weight, term)| WeightedPodAffinityTerm { weight, term: term.merged(labels) })
                .collect(),
        }
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
