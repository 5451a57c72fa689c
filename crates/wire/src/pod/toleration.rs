//! Tolerations.
//!
//! Upstream: core `validation.go` (`ValidateTolerations`). The operators `Gt` and `Lt` are gated off.

use berth_model::Str;
use berth_model::affinity::Toleration;
use berth_model::node::TaintEffect;

use crate::context::{Context, quoted};
use crate::decode::{IntoModel, wire_object};
use crate::selector::one_of;
use crate::syntax::{check_label_key, check_label_value};

/// The effects of taints by name.
pub(crate) const EFFECTS: &[(&str, TaintEffect)] = &[
    ("NoSchedule", TaintEffect::NoSchedule),
    ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
    ("NoExecute", TaintEffect::NoExecute),
];

wire_object! {
    /// `v1.Toleration`.
    pub(crate) struct TolerationWire {
        key: Str = "key",
        operator: Str = "operator",
        value: Str = "value",
        effect: Str = "effect",
        seconds: Option<i64> = "tolerationSeconds",
    }
    skipped {}
}

impl IntoModel for TolerationWire {
    type Out = Toleration;

    fn into_model(self, cx: &mut Context) -> Toleration {
        let exists = match &*self.operator {
            "" => false,
            name @ ("Gt" | "Lt") => {
                let message = format!(
                    "found {}, which needs the feature gate TaintTolerationComparisonOperators (off by default); \
                     expected one of Equal, Exists",
                    quoted(name)
                );
                cx.problem_at("operator", message);
                false
            }
            name => one_of(cx, "operator", name, &[("Equal", false), ("Exists", true)]),
        };
        if !self.key.is_empty() {
            check_label_key(cx, "key", &self.key);
        } else if !exists {
            cx.problem_at("operator", "must be Exists if the key is empty, which tolerates every taint");
        }
        if !exists {
            check_label_value(cx, "value", &self.value);
        } else if !self.value.is_empty() {
            cx.problem_at("value", format!("found {}, but Exists takes no value", quoted(&self.value)));
        }
        let effect = match &*self.effect {
            "" => None,
            name => Some(one_of(cx, "effect", name, EFFECTS)),
        };
        if self.seconds.is_some() && effect != Some(TaintEffect::NoExecute) {
            cx.problem_at("effect", "must be NoExecute if tolerationSeconds is set");
        }
        Toleration { key: self.key, exists, value: self.value, effect, seconds: self.seconds }
    }
}
