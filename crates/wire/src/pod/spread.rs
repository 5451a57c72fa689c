//! Topology spread constraints.
//!
//! Upstream: core `validation.go` (`validateTopologySpreadConstraints`).

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::affinity::SpreadConstraint;

use crate::context::{Context, Step, quoted};
use crate::decode::{IntoModel, Obj, wire_object};
use crate::pod::affinity::check_keys;
use crate::selector::{LabelSelectorWire, one_of};

wire_object! {
    /// `v1.TopologySpreadConstraint`.
    pub(crate) struct SpreadWire {
        max_skew: i64 = "maxSkew",
        topology_key: Str = "topologyKey",
        when_unsatisfiable: Str = "whenUnsatisfiable",
        selector: Obj<LabelSelectorWire> = "labelSelector",
        min_domains: Option<i64> = "minDomains",
        affinity_policy: Str = "nodeAffinityPolicy",
        taints_policy: Str = "nodeTaintsPolicy",
        match_keys: Vec<Str> = "matchLabelKeys",
    }
    skipped {}
}

impl IntoModel for SpreadWire {
    type Out = SpreadConstraint;

    fn into_model(self, cx: &mut Context) -> SpreadConstraint {
        if self.max_skew < 1 {
            cx.problem_at("maxSkew", format!("found {}, expected an integer above 0", self.max_skew));
        }
        if self.topology_key.is_empty() {
            cx.problem_at("topologyKey", "missing; expected the name of a node label");
        }
        let all = &[("DoNotSchedule", true), ("ScheduleAnyway", false)];
        let required = one_of(cx, "whenUnsatisfiable", &self.when_unsatisfiable, all);
        if let Some(domains) = self.min_domains {
            if domains < 1 {
                cx.problem_at("minDomains", format!("found {domains}, expected an integer above 0"));
            }
            if !required {
                cx.problem_at("minDomains", "can only be set with whenUnsatisfiable: DoNotSchedule");
            }
        }
        check_keys(cx, "matchLabelKeys", &self.match_keys, self.selector.0.is_some());
        SpreadConstraint {
            max_skew: self.max_skew,
            topology_key: self.topology_key,
            required,
            selector: self.selector.0,
            min_domains: self.min_domains,
            honor_node_affinity: policy(cx, "nodeAffinityPolicy", &self.affinity_policy, true),
            honor_node_taints: policy(cx, "nodeTaintsPolicy", &self.taints_policy, false),
            match_label_keys: self.match_keys,
        }
    }
}

fn policy(cx: &mut Context, field: &'static str, found: &str, default: bool) -> bool {
    match found {
        "" => default,
        _ => one_of(cx, field, found, &[("Honor", true), ("Ignore", false)]),
    }
}

/// Two constraints on one topology key must differ in what happens when they cannot be met.
pub(crate) fn check_distinct(cx: &mut Context, constraints: &[SpreadConstraint]) {
    let mut seen = BTreeSet::new();
    for (at, constraint) in constraints.iter().enumerate() {
        if !seen.insert((&constraint.topology_key, constraint.required)) {
            let key = quoted(&constraint.topology_key);
            cx.within(Step::Field("topologySpreadConstraints"), |cx| {
                cx.within(Step::Index(at), |cx| {
                    cx.problem(format!(
                        "another constraint has the topologyKey {key} and the same whenUnsatisfiable"
                    ));
                });
            });
        }
    }
}
