//! The regression gate: how many times faster than the naive scan the fast path decides, on the same input in one
//! process.
//!
//! An absolute time says more about the machine than about the change. The ratio hardly depends on the machine. The
//! floors are a third to a half of what was measured on an idle machine when they were set, because other work slows
//! the long scan more than the fast path.

use crate::builtin;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::run::{Options, run};
use crate::subject::Method;

/// Each workload of the smoke suite, with the least ratio that passes.
const FLOORS: [(&str, f64); 39] = [
    ("basic", 6.0),
    ("daemonset", 1.5),
    ("mixed-churn", 4.0),
    ("while-gated", 1.2), // a single node: there is nothing to save
    ("unschedulable", 4.0),
    ("preemption-async", 3.0),
    ("pod-anti-affinity", 17.0),
    ("pod-matching-anti-affinity", 8.0),
    ("pod-affinity", 9.0),
    ("preferred-pod-affinity", 5.0),
    ("preferred-pod-anti-affinity", 6.0),
    ("node-affinity", 8.0),
    ("mixed-base-pod", 5.5),
    ("ns-selector-anti-affinity", 17.0),
    ("ns-selector-preferred-anti-affinity", 11.0),
    ("ns-selector-affinity", 17.0),
    ("ns-selector-preferred-affinity", 10.0),
    ("topology-spreading", 7.0),
    ("preferred-topology-spreading", 6.0),
    ("default-topology-spreading", 5.0),
    ("node-inclusion-policy", 17.0),
    ("csi-volumes", 2.4),
    ("migrated-volumes", 2.4),
    ("intree-volumes", 1.9),
    ("volume-limits", 3.5),
    ("device-claims", 1.2),             // the scan asks only changed nodes, too
    ("prioritized-device-claims", 0.8), // alternatives are scored for each pod
    ("selected-device-claims", 0.8),
    ("matched-device-claims", 0.7),
    ("shared-device-claims", 0.6),
    ("partitioned-device-claims", 1.2),
    ("partitioned-device-claims-backtracking", 0.7),
    ("device-capacity-claims", 0.8),
    ("tainted-device-claims", 0.8),
    ("explicit-extended-resource-devices", 0.4), // each of 25 classes asks the changed nodes apart
    ("implicit-extended-resource-devices", 0.4),
    ("mix", 1.0),
    ("every-pod-different", 2.6),
    ("adversarial-churn", 2.2),
];

/// Noise makes a run slower, never faster, so the fastest of this many runs counts.
const RUNS: usize = 5;

fn fastest(runs: &[Outcome]) -> f64 {
    runs.iter().map(|outcome| outcome.pods_per_s).fold(0.0, f64::max)
}

/// Measures each workload of the smoke suite. Returns a sentence for each ratio that is below its floor.
///
/// # Errors
/// If a workload cannot be run, its runs differ in what they placed, or it has no floor.
pub fn check(say: &mut dyn FnMut(&str)) -> Result<Vec<String>, GateError> {
    let mut slow = Vec::new();
    for name in builtin::names() {
        let ratio = ratio(name)?;
        let floor = FLOORS.iter().find(|(known, _)| *known == name);
        let &(_, floor) =
            floor.ok_or_else(|| GateError(format!("workload {name} has no floor in gate.rs")))?;
        say(&format!("{name}: {ratio:.1} times the scan, floor {floor}"));
        if ratio < floor {
            slow.push(format!("{name}: {ratio:.1} times the scan; at least {floor} is expected"));
        }
    }
    Ok(slow)
}

/// Why the gate cannot be checked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct GateError(String);

/// How many times the scan's pods a second the fast path decides.
fn ratio(name: &str) -> Result<f64, GateError> {
    let failed = |error: &dyn std::fmt::Display| GateError(format!("workload {name}: {error}"));
    let workload = builtin::load(name).map_err(|e| failed(&e))?;
    let measure = |method| {
        let plan = Plan::new(&workload, "smoke", None).map_err(|e| failed(&e))?;
        run(plan, Options { method, ..Options::default() }).map_err(|e| failed(&e))
    };
    let (mut fast, mut scan) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        fast.push(measure(Method::Fast)?);
        scan.push(measure(Method::Scan)?);
    }
    let counts = |o: &Outcome| (o.pods, o.placed, o.failed, o.evicted);
    if fast.iter().chain(&scan).any(|o| counts(o) != counts(&fast[0])) {
        return Err(failed(&format!("runs differ in what they placed: {fast:?} {scan:?}")));
    }
    Ok(fastest(&fast) / fastest(&scan))
}

#[cfg(test)]
mod tests {
    use super::{FLOORS, ratio};
    use crate::builtin;

    #[test]
    fn every_workload_has_a_floor_and_decides_as_the_scan_does() {
        for name in builtin::names() {
            assert!(FLOORS.iter().any(|(known, _)| *known == name), "{name} has no floor");
            assert!(ratio(name).unwrap() > 0.0);
        }
    }
}
