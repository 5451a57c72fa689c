//! What a comparison looks like when it is told.

use std::collections::BTreeMap;

use berth_bench::arm::Arm;
use berth_bench::compare::Row;
use berth_bench::machine::Machine;
use berth_bench::outcome::Outcome;
use berth_bench::{report, scale};
use expect_test::expect;

fn outcome(pods_per_s: f64, placed: u64, peak_mib: u64) -> Outcome {
    Outcome {
        pods: 1000,
        placed,
        failed: 1000 - placed,
        seconds: 1000.0 / pods_per_s,
        pods_per_s,
        p50_us: 1e6 / pods_per_s,
        p99_us: 2e6 / pods_per_s,
        max_us: 3e6 / pods_per_s,
        peak_bytes: peak_mib << 20,
        complete: true,
        ..Outcome::default()
    }
}

fn row(label: &str, nodes: i64, outcomes: &[(Arm, Outcome)]) -> Row {
    Row {
        label: label.into(),
        nodes,
        pods: 1000,
        outcomes: outcomes.iter().cloned().collect::<BTreeMap<_, _>>(),
    }
}

fn rows() -> Vec<Row> {
    let all = Outcome { complete: false, ..outcome(100.0, 900, 240) };
    vec![
        row(
            "basic",
            5000,
            &[
                (Arm::Upstream, outcome(1140.0, 1000, 250)),
                (Arm::UpstreamAll, all),
                (Arm::Berth, outcome(342_000.0, 1000, 15)),
            ],
        ),
        row(
            "unschedulable",
            5000,
            &[(Arm::Upstream, outcome(500.0, 990, 250)), (Arm::Berth, outcome(1e5, 980, 15))],
        ),
    ]
}

fn machine() -> Machine {
    Machine {
        processor: "A processor".into(),
        cores: 2,
        memory_bytes: 8 << 30,
        read_bytes_per_s: 12_000_000_000,
        kernel: "linux 6".into(),
    }
}

#[test]
fn the_table_has_a_column_an_arm_and_says_what_is_not_comparable() {
    expect![[r#"
        workload        up/s  all/s  berth/s   x up   x all  up p50  up p99  all p50  all p99  berth p50  berth p99  up MiB  all MiB  berth MiB
        basic          1,140   100*  342,000  300.0  3420.0     877   1,754   10,000   20,000       2.92       5.85     250      240         15
        unschedulable    500         100,000  200.0           2,000   4,000                           10         20     250                  15
    "#]]
    .assert_eq(&report::grid(&rows()).to_string());
    expect![[r#"
        /s: pods a second; p50, p99: microseconds a pod; MiB: peak memory; x: how many times faster berth is
        up: kube-scheduler's own code, scoring its default sample of the nodes
        all: kube-scheduler's own code, scoring every node
        * the run was ended early: the figure is that of the pods until then
        unschedulable: upstream placed 990 pods and failed 10, berth placed 980 and failed 20
    "#]]
    .assert_eq(&report::notes(&rows()));
}

#[test]
fn json_and_the_page_name_the_machine() {
    let value = report::json(&rows(), &machine());
    assert_eq!(value["machine"]["cores"], 2);
    assert_eq!(value["rows"][0]["ratio"], 300.0);
    assert_eq!(value["rows"][0]["berth"]["podsPerS"], 342_000.0);
    assert_eq!(value["rows"][0]["upstreamAll"]["complete"], false);
    let page = report::markdown(&rows(), &machine(), 3);
    for part in [
        "# Performance",
        "A processor, 2 cores, 8 GiB that one of them reads at 12 GB/s, linux 6",
        "| basic | 1,140 | 100* | 342,000 |",
        "- \\* the run",
    ] {
        assert!(page.contains(part), "{part} is missing in:\n{page}");
    }
}

#[test]
fn growth_has_a_line_a_size_and_a_plot() {
    let of = |label: &str, nodes| row(label, nodes, &[(Arm::Berth, outcome(1e6, 1000, 100))]);
    let rows = [of("basic", 1000), of("basic", 10_000), of("mix", 1000), of("mix", 10_000)];
    let page = scale::markdown(&rows, &machine(), "scale.svg");
    assert!(page.contains("| basic | 10,000 | 1,000 | 1.00 |") && page.contains("(scale.svg)"), "{page}");
    let svg = scale::svg(&rows);
    assert_eq!(svg.matches("<polyline").count(), 4, "two lines in two panels");
}
