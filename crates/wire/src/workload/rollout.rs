//! How a Deployment replaces its pods.
//!
//! Upstream: `pkg/apis/apps/v1/defaults.go` (`SetDefaults_Deployment`), apimachinery `util/intstr`.

use berth_model::Str;
use berth_model::workload::{Rollout, Share};

use crate::context::{Context, quoted};
use crate::decode::{Decode, Scalar, wire_object};
use crate::selector::one_of;

/// `IntOrString`; `None` if it is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ShareWire(Option<Share>);

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
    /// `apps/v1.RollingUpdateDeployment`.
    pub(crate) struct RollingWire {
        surge: ShareWire = "maxSurge",
    }
    skipped { "maxUnavailable" }
}

wire_object! {
    /// `apps/v1.DeploymentStrategy`.
    pub(crate) struct StrategyWire {
        kind: Str = "type",
        rolling: RollingWire = "rollingUpdate",
    }
    skipped {}
}

impl StrategyWire {
    pub(crate) fn into_model(self, cx: &mut Context) -> Rollout {
        let recreates = match &*self.kind {
            "" => false,
            name => one_of(cx, "type", name, &[("RollingUpdate", false), ("Recreate", true)]),
        };
        match self.rolling.surge.0 {
            _ if recreates => Rollout::Recreate,
            Some(surge) => Rollout::Rolling { surge },
            None => Rollout::default(),
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
