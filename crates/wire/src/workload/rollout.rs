//! How a Deployment, StatefulSet or DaemonSet replaces its pods.
//!
//! Upstream: `pkg/apis/apps/v1/defaults.go` (`SetDefaults_Deployment`, `SetDefaults_DaemonSet`,
//! `SetDefaults_StatefulSet`), apimachinery `util/intstr`.

use berth_model::Str;
use berth_model::workload::{Rollout, Share, WorkloadKind};

use crate::context::{Context, Step, quoted};
use crate::decode::{Decode, Scalar, wire_object};
use crate::selector::one_of;

/// `IntOrString`; `None` if it is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ShareWire(pub(crate) Option<Share>);

impl Decode<'_> for ShareWire {
    const EXPECTED: &'static str = "a number of pods or a percentage such as 25%";

    fn scalar(found: &Scalar<'_>, cx: &mut Context) -> Option<Self> {
        let share = match *found {
            Scalar::Int(_) | Scalar::Unsigned(_) => {
                let pods = i64::scalar(found, cx).and_then(|pods| i32::try_from(pods).ok());
                pods.filter(|pods| *pods >= 0).map(Share::Pods)
            }
            Scalar::Text(text) => percent(text).map(Share::Percent),
            _ => return None,
        };
        if share.is_none() {
            let found = match found {
                Scalar::Text(text) => quoted(text),
                other => other.to_string(),
            };
            cx.problem(format!("found {found}, expected {}", Self::EXPECTED));
        }
        Some(Self(share))
    }
}

fn percent(text: &str) -> Option<i32> {
    let digits = text.strip_suffix('%')?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

wire_object! {
    /// `apps/v1.RollingUpdateDeployment`, `RollingUpdateDaemonSet`, `RollingUpdateStatefulSetStrategy`.
    pub(crate) struct RollingWire {
        surge: ShareWire = "maxSurge",
        unavailable: ShareWire = "maxUnavailable",
        partition: i32 = "partition",
    }
    skipped {}
}

wire_object! {
    /// `apps/v1.DeploymentStrategy`, `DaemonSetUpdateStrategy`, `StatefulSetUpdateStrategy`.
    pub(crate) struct StrategyWire {
        kind: Str = "type",
        rolling: RollingWire = "rollingUpdate",
    }
    skipped {}
}

impl StrategyWire {
    /// The strategy of an object of this kind.
    pub(crate) fn into_model(self, cx: &mut Context, kind: WorkloadKind) -> Rollout {
        let other = match kind {
            WorkloadKind::Deployment => ("Recreate", Some(Rollout::Recreate)),
            _ => ("OnDelete", Some(Rollout::OnDelete)),
        };
        let named = match &*self.kind {
            "" => None,
            name => one_of(cx, "type", name, &[("RollingUpdate", None), other]),
        };
        if self.rolling.partition < 0 {
            let message =
                format!("found {}, expected an integer that is not negative", self.rolling.partition);
            cx.within(Step::Field("rollingUpdate"), |cx| cx.problem_at("partition", message));
        }
        match (named, Rollout::default_of(kind)) {
            (Some(named), _) => named,
            (None, Rollout::Rolling { surge, unavailable, .. }) => Rollout::Rolling {
                surge: self.rolling.surge.0.unwrap_or(surge),
                unavailable: self.rolling.unavailable.0.unwrap_or(unavailable),
                partition: self.rolling.partition,
            },
            (None, default) => default,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_has_digits_and_a_sign() {
        let cases =
            [("25%", Some(25)), ("0%", Some(0)), ("25", None), ("-1%", None), ("%", None), ("a%", None)];
        for (text, expected) in cases {
            assert_eq!(percent(text), expected, "{text}");
        }
    }
}
