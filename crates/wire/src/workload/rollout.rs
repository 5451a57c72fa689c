//! How a Deployment replaces its pods.
//!
//! Upstream: `pkg/apis/apps/v1/defaults.go` (`SetDefaults_Deployment`), apimachinery `util/intstr`.

use berth_model::Str;

use crate::context::{Context, quoted};
use crate::decode::{Decode, Scalar, wire_object};
use crate::selector::one_of;

/// `apps/v1.DeploymentStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// `Recreate`: the old pods end before the new ones are made.
    Recreate,
    /// `RollingUpdate`: new pods come while old ones run.
    Rolling {
        /// `maxSurge`: how many pods there may be beyond `spec.replicas`.
        surge: Share,
    },
}

impl Default for Rollout {
    fn default() -> Self {
        Self::Rolling { surge: Share::Percent(25) }
    }
}

/// A number of pods, or a part of those that are wanted (`IntOrString`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Pods(i32),
    /// So many of a hundred.
    Percent(i32),
}

impl Share {
    /// How many pods of `wanted` it is, rounded up.
    pub fn of(self, wanted: i32) -> i32 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => {
                let hundredths = i64::from(percent) * i64::from(wanted);
                i32::try_from((hundredths + 99) / 100).unwrap_or(i32::MAX)
            }
        }
    }
}

/// `IntOrString`, where it is written.
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
    pub(crate) fn finish(self, cx: &mut Context) -> Rollout {
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
    fn a_share_is_rounded_up() {
        let cases = [
            (Share::Pods(2), 10, 2),
            (Share::Percent(25), 10, 3),
            (Share::Percent(25), 4, 1),
            (Share::Percent(25), 0, 0),
            (Share::Percent(0), 10, 0),
            (Share::Percent(i32::MAX), i32::MAX, i32::MAX),
        ];
        for (share, wanted, expected) in cases {
            assert_eq!(share.of(wanted), expected, "{share:?} of {wanted}");
        }
    }

    #[test]
    fn a_percentage_has_digits_and_a_sign() {
        let cases =
            [("25%", Some(25)), ("0%", Some(0)), ("25", None), ("-1%", None), ("%", None), ("a%", None)];
        for (text, expected) in cases {
            assert_eq!(percent(text), expected, "{text}");
        }
    }
}
