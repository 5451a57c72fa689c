//! DefaultTolerationSeconds: each pod tolerates for five minutes that its node is not ready or is unreachable.
//!
//! Upstream: `plugin/pkg/admission/defaulttolerationseconds/admission.go`.

use berth_model::affinity::Toleration;
use berth_model::node::TaintEffect;
use berth_model::pod::PodSpec;

/// The taint of nodes whose condition `Ready` is false.
pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// The taint of nodes whose condition `Ready` is unknown.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// How long a pod tolerates these taints if it has no toleration for them.
const DEFAULT_SECONDS: i64 = 300;

/// A toleration of any value of a taint.
pub fn tolerate(key: &str, effect: TaintEffect) -> Toleration {
    Toleration { key: key.into(), exists: true, value: "".into(), effect: Some(effect), seconds: None }
}

/// Adds the tolerations that the pod lacks.
pub(super) fn apply_defaults(spec: &mut PodSpec) {
    for key in [NOT_READY, UNREACHABLE] {
        let speaks_of = |t: &Toleration| {
            (t.key.is_empty() || &*t.key == key)
                && t.effect.is_none_or(|effect| effect == TaintEffect::NoExecute)
        };
        if !spec.tolerations.iter().any(speaks_of) {
            let seconds = Some(DEFAULT_SECONDS);
            spec.tolerations.push(Toleration { seconds, ..tolerate(key, TaintEffect::NoExecute) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_gets_the_tolerations_it_does_not_speak_of() {
        use TaintEffect::*;
        let everything =
            Toleration { key: "".into(), exists: true, value: "".into(), effect: None, seconds: None };
        let cases: &[(&[Toleration], usize)] = &[
            (&[], 2),
            (&[tolerate(NOT_READY, NoExecute)], 2),
            (&[tolerate(NOT_READY, NoSchedule)], 3),
            (&[everything], 1),
            (&[Toleration { value: "x".into(), exists: false, ..tolerate(UNREACHABLE, NoExecute) }], 2),
        ];
        for (given, expected) in cases {
            let mut spec = PodSpec { tolerations: given.to_vec(), ..PodSpec::default() };
            apply_defaults(&mut spec);
            assert_eq!(spec.tolerations.len(), *expected, "{given:?}");
            assert_eq!(spec.tolerations[..given.len()], **given);
        }
    }
}
