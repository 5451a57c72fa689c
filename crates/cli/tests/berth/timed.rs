//! `berth simulate --for`: virtual time.

use std::fs;
use std::path::Path;

use expect_test::expect;

use crate::documents::schema;
use crate::fixture::{Ended, berth_in, cluster, folder};
use crate::schema::problems;

/// Two nodes, a Deployment and a pod of its own.
fn objects() -> String {
    cluster(
        "node n1 4 8Gi
         node n2 4 8Gi
         pod alone 1 1Gi",
    ) + "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2, selector: {matchLabels: {app: \
       web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i, resources: {requests: {cpu: \
       1}}}]}}}\n"
}

fn run_in(folder: &Path, flags: &str) -> Ended {
    fs::write(folder.join("cluster.yaml"), objects()).unwrap();
    berth_in(folder, &format!("simulate -f cluster.yaml --for 6h {flags}"), b"")
}

fn run(test: &str, events: &str, flags: &str) -> Ended {
    let folder = folder(test);
    fs::write(folder.join("events.yaml"), events).unwrap();
    run_in(&folder, &format!("--events events.yaml {flags}"))
}

const EVENTS: &str = "events:
- at: 2h
  fail: n1
- at: 3h
  recover: n1
- at: 4h
  scale: deploy/web=3
- at: 5h
  drain: n2
";

#[test]
fn a_report_tells_what_happened_and_how_workloads_were_served() {
    let ended = run("timed-report", EVENTS, "--follow web -q");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    expect![[r#"
        STORY (7)
          TIME      WHAT
          00:00:00  web-qspq9-0 is created by ReplicaSet default/web-qspq9
          00:00:00  web-qspq9-0 is bound to n2
          00:00:02  web-qspq9-0 runs and is ready
          05:00:00  web-qspq9-0 is deleted (drain)
          05:00:00  web-qspq9-4 is created by ReplicaSet default/web-qspq9
          05:00:00  web-qspq9-4 is bound to n1
          05:00:01  web-qspq9-4 runs and is ready

        EVENTS (4)
          TIME      WHAT
          02:00:00  fail n1: 1 node
          03:00:00  recover n1: 1 node
          04:00:00  scale deploy/web=3: 2 to 3
          05:00:00  drain n2: 1 node

        WAIT FOR A NODE
          PRIORITY  PODS  P50  P90  P99  LONGEST
          all       7     0s   0s   0s   0s

        WORKLOADS (2)
          WORKLOAD            PODS  DONE  FAILED  EVICTED  FEWEST  BELOW  NONE
          deploy/default/web  6     0     0       3        1/3     5m56s  0s
          pods of default     1     0     0       1        -       -      -

        OVER TIME
          TIME      NODES  PENDING  RUNNING  cpu              memory
          00:00:00  2      0        3        ####------  38%  #---------   6%
          00:40:00  2      0        3        ####------  38%  #---------   6%
          01:20:00  2      0        3        ####------  38%  #---------   6%
          02:00:00  2      0        3        ####------  38%  #---------   6%
          02:40:00  1      0        4        ########## 100%  #---------  12%
          03:20:00  2      0        2        ###-------  25%  ----------   0%
          04:00:00  2      0        3        ####------  38%  ----------   0%
          04:40:00  2      0        3        ####------  38%  ----------   0%
          05:20:00  2      0        3        ####------  38%  ----------   0%
          06:00:00  2      0        3        ####------  38%  ----------   0%
          cpu requested on average: 40.6%
          memory requested on average: 3.4%

        2 nodes in 6h: 7 pods, 0 succeeded, 0 failed, 4 evicted, 3 running, 0 pending (greedy)
    "#]]
    .assert_eq(&ended.stdout);
}

#[test]
fn the_same_input_gives_the_same_bytes_and_documents_are_as_their_schemas_say() {
    let commands = [
        ("", None),
        ("-o wide", None),
        ("-o yaml", None),
        ("-o json", Some("timed-simulation-result")),
        ("-o json --follow alone", Some("timed-simulation-result")),
        ("-o json --algorithm random --seed 3", Some("timed-simulation-result")),
        ("-o json --compare greedy,best-fit", Some("timed-comparison")),
        ("--compare greedy,random,least-load", None),
    ];
    for (flags, document) in commands {
        let once = run("timed-same", EVENTS, flags);
        assert_eq!(once, run("timed-same", EVENTS, flags), "{flags}");
        if let Some(name) = document {
            assert_eq!(problems(&schema(name), &once.json()), Vec::<String>::new(), "{flags}");
        }
    }
}

#[test]
fn algorithms_are_compared_over_time() {
    let ended = run("timed-compare", EVENTS, "--compare greedy,best-fit -q");
    expect![[r#"
                                   greedy  best-fit
          pods                     7       9
          succeeded                0       0
          pending at the end       0       0
          evicted                  4       6
          wait p50                 0s      0s
          wait p90                 0s      0s
          wait p99                 0s      0s
          longest wait             0s      0s
          lacking pods, over time  5m57s   11m50s
          cpu requested            40.6%   42.6%
          memory requested         3.4%    3.4%
    "#]]
    .assert_eq(&without_margin(&ended.stdout));
}

/// `expect!` cuts the margin that all lines of its text have.
fn without_margin(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect()
}

#[test]
fn events_that_cannot_be_used_are_named_with_their_line_and_field() {
    let cases = [
        ("- fail: n1", "1: at: missing; expected the time of the event, as in at: 2h"),
        ("- {at: soon, fail: n1}", "1: at: found \"soon\", expected a duration such as 90s, 2h or 1h30m"),
        ("- {every: 0s, fail: n1}", "1: every: expected a duration that is not 0"),
        ("- {at: 1h, fail: n9}", "1: fail: n9: no node has this name; there is n1, n2"),
        ("- {at: 1h, drain: zone=c}", "1: drain: zone=c: no node matches; zone is a, b"),
        (
            "- {at: 1h}",
            "1: names nothing that happens; expected one of fail, recover, cordon, uncordon, drain, remove, apply, delete, \
             scale",
        ),
        (
            "- {at: 1h, fail: n1, cordon: n1}",
            "1: names several things that happen; each needs an event of its own",
        ),
        ("- {at: 1h, fail: n1, force: true}", "1: force: belongs to drain"),
        (
            "- {at: 1h, delete: web}",
            "1: delete: found \"web\", expected KIND/NAME or KIND/NAMESPACE/NAME, as in deploy/web",
        ),
        (
            "- {at: 1h, scale: deploy/web}",
            "1: scale: expected KIND/NAME=N or KIND/NAMESPACE/NAME=N, as in deploy/web=20",
        ),
        ("- {at: 1h, apply: none.yaml}", "1: apply: none.yaml: no such file or directory"),
    ];
    for (event, expected) in cases {
        let ended = run("timed-events", &format!("events: [{}]\n", event.trim_start_matches("- ")), "");
        let expected = format!("error: events.yaml:{expected}\n");
        assert_eq!((ended.code, ended.stderr), (2, expected), "{event}");
    }
    let unknown = run("timed-events", "events:\n- {at: 1h, explode: n1}\n", "");
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("explode"), "{}", unknown.stderr);
}

#[test]
fn pods_arrive_run_and_wait_for_room() {
    let folder = folder("timed-arrivals");
    let mut arrivals = "name,arrival,duration,cpu,priority,group\n".to_owned();
    for at in 0..30 {
        arrivals += &format!("batch-{at},{}m,1h,1,{},batch\n", at * 2, at % 2);
    }
    fs::write(folder.join("arrivals.csv"), arrivals).unwrap();
    let ended = run_in(&folder, "--arrivals arrivals.csv -q --csv series.csv --plot series.svg");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    expect![[r#"
        WAIT FOR A NODE
          PRIORITY  PODS  P50    P90    P99    LONGEST
          all       35    28m3s  2h22m  2h30m  2h30m
          1         15    1s     28m3s  28m3s  28m3s
          0         20    1h46m  2h22m  2h30m  2h30m

        WORKLOADS (3)
          WORKLOAD            PODS  DONE  FAILED  EVICTED  FEWEST  BELOW  NONE
          deploy/default/web  4     0     0       2        0/2     1h56m  1h44m
          pods of default     1     0     0       1        -       -      -
          default/batch       30    27    0       3        -       -      -

        OVER TIME
          TIME      NODES  PENDING  RUNNING  cpu              memory
          00:00:00  2      0        4        #####-----  50%  #---------   6%
          00:40:00  2      12       8        ########## 100%  ----------   0%
          01:20:00  2      16       8        ########## 100%  ----------   0%
          02:00:00  2      13       8        ########## 100%  ----------   0%
          02:40:00  2      5        8        ########## 100%  ----------   0%
          03:20:00  2      1        8        ########## 100%  ----------   0%
          04:00:00  2      0        7        #########-  88%  ----------   0%
          04:40:00  2      0        2        ###-------  25%  ----------   0%
          05:20:00  2      0        2        ###-------  25%  ----------   0%
          06:00:00  2      0        2        ###-------  25%  ----------   0%
          cpu requested on average: 75.4%
          memory requested on average: 0.3%

        2 nodes in 6h: 35 pods, 27 succeeded, 0 failed, 6 evicted, 2 running, 0 pending (greedy)
    "#]]
    .assert_eq(&ended.stdout);
    let series = fs::read_to_string(folder.join("series.csv")).unwrap();
    let mut lines = series.lines();
    assert_eq!(
        lines.next(),
        Some(
            "seconds,pending,running,ready_nodes,requested.cpu,allocatable.cpu,requested.memory,allocatable.memory,\
             requested.pods,allocatable.pods"
        )
    );
    assert_eq!(lines.count(), 37, "a point every ten minutes");
    let plot = fs::read_to_string(folder.join("series.svg")).unwrap();
    assert!(
        plot.starts_with("<svg ") && plot.ends_with("</svg>\n") && plot.matches("<polyline").count() == 8
    );
    fs::write(folder.join("arrivals.csv"), "name,arrival\na,later\n").unwrap();
    let refused = run_in(&folder, "--arrivals arrivals.csv");
    let expected =
        "error: arrivals.csv:2: arrival: found \"later\", expected seconds or a duration such as 90s or 2h\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (2, expected));
}

#[test]
fn flags_that_have_no_meaning_in_time_are_refused() {
    let cases = [
        ("--drain n1", "--drain cannot be used with --for: a drain at a time is an event (--events)"),
        ("--verify", "--verify cannot be used with --for: it compares the decisions of a run without time"),
        ("--timing", "--timing cannot be used with --for: time is virtual here"),
        ("--follow nobody", "--follow nobody: no pod and no workload with pods has this name"),
    ];
    for (flag, expected) in cases {
        let ended = run("timed-flags", "events: []\n", flag);
        assert_eq!(ended.code, 2, "{flag}");
        assert!(ended.stderr.starts_with(&format!("error: {expected}\n")), "{flag}: {}", ended.stderr);
    }
    let without =
        berth_in(&folder("timed-without"), "simulate -f - --events events.yaml", objects().as_bytes());
    assert!(without.stderr.contains("--for"), "{}", without.stderr);
}
