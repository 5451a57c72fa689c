//! The regression gate: how many times faster than the scan the program decides, on the same input in the same process.
//!
//! An absolute time says more about the machine than about the change; this ratio hardly depends on the machine. The
//! floors are a third to a half of what was measured when they were set, on a machine with nothing else to do: other work
//! slows the long scan more than the fast path. A fast path that is lost shows, noise does not.

use berth_bench::builtin;
use berth_bench::outcome::Outcome;
use berth_bench::plan::Plan;
use berth_bench::run::{Options, run};
use berth_bench::subject::Method;

/// Each workload of the smoke suite, with the least ratio that passes.
const FLOORS: [(&str, f64); 28] = [
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
    ("mix", 1.0),
    ("every-pod-different", 2.6),
    ("adversarial-churn", 2.2),
];

/// Noise makes a run slower, never faster: the fastest of so many counts.
const RUNS: usize = 5;

fn fastest(runs: &[Outcome]) -> f64 {
    runs.iter().map(|outcome| outcome.pods_per_s).fold(0.0, f64::max)
}

#[test]
fn the_fast_path_beats_the_scan_by_the_ratio_of_each_workload() {
    let mut slow = Vec::new();
    for name in builtin::names() {
        let workload = builtin::load(name).unwrap();
        let measure = |method| {
            let plan = Plan::new(&workload, "smoke", None).unwrap();
            run(plan, Options { method, ..Options::default() }).unwrap()
        };
        let (mut fast, mut scan) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            fast.push(measure(Method::Fast));
            scan.push(measure(Method::Scan));
        }
        let counts = |o: &Outcome| (o.pods, o.placed, o.failed, o.evicted);
        assert!(fast.iter().chain(&scan).all(|o| counts(o) == counts(&fast[0])), "{name}: {fast:?} {scan:?}");
        let ratio = fastest(&fast) / fastest(&scan);
        let floor = FLOORS.iter().find(|(known, _)| *known == name);
        let &(_, floor) = floor.unwrap_or_else(|| panic!("{name} has no floor"));
        println!("{name}: {ratio:.1} times the scan, floor {floor}");
        if ratio < floor {
            slow.push(format!("{name}: {ratio:.1} times the scan; at least {floor} is expected"));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}
