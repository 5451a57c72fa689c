//! `berth explain`: the answers.

use expect_test::{Expect, expect};

use crate::fixture::{berth, cluster};

/// Explains a pod of a cluster.
fn check(pod: &str, lines: &str, expected: Expect) {
    let ended = berth(&format!("explain -q {pod} -f -"), &cluster(lines));
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ended.stdout);
    expected.assert_eq(&ended.stdout);
}

#[test]
fn a_pod_that_is_placed_shows_the_margin_by_plugin() {
    check(
        "a-0",
        "node n1 4 8Gi\nnode n2 8 16Gi\npod a-0 1 1Gi",
        expect![[r#"
        POD default/a-0
          priority 0, requests cpu 1, memory 1Gi (greedy)

          It goes to n2 with a score of 463, 11 ahead of n1
          By plugin, n2 against n1: NodeResourcesFit +9,
            NodeResourcesBalancedAllocation +2

        FITS (2)
          NODE  SCORE  BALANCE  FIT
          n2    463    73       90
          n1    452    71       81
          the same on all: TaintToleration 300
    "#]],
    );
}

/// A cluster where little is left.
const FULL: &str = "
        node n1 4 8Gi
        node n2 4 8Gi taints: [{key: dedicated, value: ml, effect: NoSchedule}]
        node n3 4 8Gi unschedulable: true
        node n4 4 8Gi
        pod other-0 3 1Gi nodeName: n1
        pod other-1 3500m 1Gi nodeName: n4
        pod a-0 1300m 9Gi
        pod b-0 1300m 1Gi";

#[test]
fn a_pod_that_waits_shows_how_far_each_node_is_and_what_would_help() {
    check(
        "b-0",
        FULL,
        expect![[r#"
            POD default/b-0
              priority 0, requests cpu 1300m, memory 1Gi (greedy)

              Pending: it fits on none of the 4 nodes
              Nearest is n2: taint dedicated=ml:NoSchedule not tolerated
              It would fit with 300m CPU less requested, or more free on n1
              It would fit with a toleration of dedicated=ml:NoSchedule, on n2
              It would fit with n3 uncordoned
              It would fit with one more node like n1

            DOES NOT FIT (4)
              n2
                TaintToleration    taint dedicated=ml:NoSchedule not tolerated
              n3
                NodeUnschedulable  cordoned (spec.unschedulable)
              n1
                NodeResourcesFit   300m CPU short (requested: 1.3, free: 1 of 4)
              n4
                NodeResourcesFit   800m CPU short (requested: 1.3, free: 500m of 4)

            MESSAGE
              0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were
              unschedulable, 2 Insufficient cpu. preemption: 0/4 nodes are available: 2 No
              preemption victims found for incoming pod, 2 Preemption is not helpful for
              scheduling.
        "#]],
    );
}

#[test]
fn what_no_node_offers_is_said_first() {
    check(
        "a-0",
        FULL,
        expect![[r#"
            POD default/a-0
              priority 0, requests cpu 1300m, memory 9Gi (greedy)

              Pending: it fits on none of the 4 nodes
              No node offers more than 8Gi memory (requested: 9Gi)
              Nearest is n1: 300m CPU short (requested: 1.3, free: 1 of 4), 2Gi memory
                short (requested: 9Gi, free: 7Gi of 8Gi)
              It would fit with at most 1 CPU and 7Gi memory requested, on n1

            DOES NOT FIT (4)
              n1
                NodeResourcesFit   300m CPU short (requested: 1.3, free: 1 of 4)
                                   2Gi memory short (requested: 9Gi, free: 7Gi of 8Gi)
              n4
                NodeResourcesFit   800m CPU short (requested: 1.3, free: 500m of 4)
                                   2Gi memory short (requested: 9Gi, free: 7Gi of 8Gi)
              n2
                TaintToleration    taint dedicated=ml:NoSchedule not tolerated
                NodeResourcesFit   1Gi memory short (requested: 9Gi, free: 8Gi of 8Gi)
              n3
                NodeUnschedulable  cordoned (spec.unschedulable)
                NodeResourcesFit   1Gi memory short (requested: 9Gi, free: 8Gi of 8Gi)

            MESSAGE
              0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were
              unschedulable, 2 Insufficient cpu, 2 Insufficient memory. preemption: 0/4
              nodes are available: 4 Preemption is not helpful for scheduling.
        "#]],
    );
}

#[test]
fn pods_earlier_in_the_queue_are_placed_first() {
    let lines = "
        node n1 4 8Gi
        pod a-0 3 1Gi
        pod b-0 3 1Gi
        pod c-0 3 1Gi priority: 7";
    check(
        "c-0",
        lines,
        expect![[r#"
            POD default/c-0
              priority 7, requests cpu 3, memory 1Gi (greedy)

              It goes to n1, the only node that it fits on (score 415)

            FITS (1)
              NODE  SCORE
              n1    415
        "#]],
    );
    check(
        "b-0",
        lines,
        expect![[r#"
            POD default/b-0
              priority 0, requests cpu 3, memory 1Gi (greedy)

              Pending: it does not fit on n1, the only node
              Nearest is n1: 2 CPU short (requested: 3, free: 1 of 4)
              It would fit with 2 CPU less requested, or more free on n1
              It would fit with one more node like n1

            DOES NOT FIT (1)
              n1
                NodeResourcesFit  2 CPU short (requested: 3, free: 1 of 4)

            MESSAGE
              0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are
              available: 1 No preemption victims found for incoming pod.
        "#]],
    );
}

#[test]
fn a_pod_that_evicts_others_names_them() {
    let lines = "
        node n1 4 8Gi
        pod low-0 3 1Gi nodeName: n1, priority: -5
        pod vip-0 4 1Gi priority: 10";
    check(
        "vip-0",
        lines,
        expect![[r#"
            POD default/vip-0
              priority 10, requests cpu 4, memory 1Gi (greedy)

              It fits on no node now; it preempts default/low-0 and goes to n1
              Nearest is n1: 3 CPU short (requested: 4, free: 1 of 4)
              Without preemption it would fit with 3 CPU less requested, or more free on
                n1
              Without preemption it would fit with one more node like n1

            DOES NOT FIT (1)
              n1
                NodeResourcesFit  3 CPU short (requested: 4, free: 1 of 4)

            MESSAGE
              0/1 nodes are available: 1 Insufficient cpu.
        "#]],
    );
}

#[test]
fn a_running_pod_is_judged_as_if_it_came_now() {
    let lines = "
        node n1 4 8Gi
        node n2 4 8Gi
        pod a-0 1 1Gi nodeName: n1
        pod a-1 2 1Gi nodeName: n1";
    check(
        "a-0",
        lines,
        expect![[r#"
            POD default/a-0
              priority 0, requests cpu 1, memory 1Gi (greedy)

              It runs on n1; if it were placed now, it would go to n2, 30 ahead of 422
              By plugin, n2 against n1: NodeResourcesFit +31,
                NodeResourcesBalancedAllocation -1

            FITS (2)
              NODE  SCORE  BALANCE  FIT
              n2    452    71       81
              n1    422    72       50
              the same on all: TaintToleration 300
        "#]],
    );
}

#[test]
fn what_is_outside_the_queue_is_told_in_a_sentence() {
    let lines = "
        node n1 4 8Gi
        pod gated-0 1 1Gi schedulingGates: [{name: one}, {name: two}]
        pod other-0 1 1Gi schedulerName: volcano";
    check(
        "gated-0",
        lines,
        expect![[r#"
            POD default/gated-0
              priority 0, requests cpu 1, memory 1Gi (greedy)

              Gated: it does not enter the scheduling queue until its scheduling gates are
                removed: one, two

            MESSAGE
              waiting for scheduling gates: [one two]
        "#]],
    );
    check(
        "other-0",
        lines,
        expect![[r#"
            POD default/other-0
              priority 0, requests cpu 1, memory 1Gi (greedy)

              Pending for another scheduler: no profile is named "volcano" (there is:
                default-scheduler)
              With --all-schedulers the first profile places it
        "#]],
    );
}

#[test]
fn a_pod_is_named_alone_or_with_its_namespace() {
    let input = cluster("node n1 4 8Gi\npod a-0 1 1Gi\npod ab-0 1 1Gi")
        + &cluster("pod a-0 1 1Gi").replace("name: a-0", "namespace: shop, name: a-0");
    let cases = [
        ("shop/a-0", 0, ""),
        ("default/a-0", 0, ""),
        ("ab-0", 0, ""),
        ("a-0", 2, "error: 2 pods are named \"a-0\": default/a-0, shop/a-0\nhint: name one as default/a-0\n"),
        ("b-0", 2, "error: no pod is named \"b-0\" among 3\nhint: there is default/ab-0\n"),
        (
            "shop/zzz",
            2,
            "error: no pod is named \"shop/zzz\" among 3\nhint: berth simulate -o wide lists the pods\n",
        ),
    ];
    for (pod, code, stderr) in cases {
        let ended = berth(&format!("explain {pod} -f -"), &input);
        assert_eq!((ended.code, ended.stderr.as_str()), (code, stderr), "{pod}");
    }
}

#[test]
fn a_pod_on_a_node_that_is_not_there_is_explained_as_if_it_came_now() {
    let lines = "
        node n1 4 8Gi
        pod a-0 1 1Gi nodeName: gone";
    check(
        "a-0",
        lines,
        expect![[r#"
            POD default/a-0
              priority 0, requests cpu 1, memory 1Gi (greedy)

              It is bound to gone, which is not in the input
              If it were placed now, it would go to n1 (score 452)

            FITS (1)
              NODE  SCORE
              n1    452
        "#]],
    );
}

#[test]
fn a_running_pod_whose_node_would_refuse_it_now_says_why() {
    let lines = "
        node n1 4 8Gi taints: [{key: k, effect: NoSchedule}]
        node n2 4 8Gi
        pod a-0 1 1Gi nodeName: n1";
    check(
        "a-0",
        lines,
        expect![[r#"
            POD default/a-0
              priority 0, requests cpu 1, memory 1Gi (greedy)

              It runs on n1, where it would not fit now
              n1: taint k:NoSchedule not tolerated
              If it were placed now, it would go to n2 (score 452)
              1 of 2 nodes fit; rejected: 1 by TaintToleration

            FITS (1)
              NODE  SCORE
              n2    452

            DOES NOT FIT (1)
              n1
                TaintToleration  taint k:NoSchedule not tolerated
        "#]],
    );
}

#[test]
fn another_algorithm_has_other_reasons() {
    let lines = "
        node n1 4 8Gi
        node n2 8 16Gi
        pod a-0 1 1Gi";
    let ended = berth("explain a-0 -f - --algorithm best-fit", &cluster(lines));
    expect![[r#"
        POD default/a-0
          priority 0, requests cpu 1, memory 1Gi (best-fit)

          It goes to n1 with a score of 100, 100 ahead of n2
          By plugin, n1 against n2: BestFit +100

        FITS (2)
          NODE  SCORE  BestFit
          n1    100    100
          n2    0      0
    "#]]
    .assert_eq(&ended.stdout);
}

/// What `berth explain` prints first about workloads in two namespaces.
fn explain_workloads(commands: &[&str]) -> String {
    let workload = |kind: &str, name: &str, namespace: &str, replicas: usize| {
        format!(
            "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{replicas: {replicas}, \
             selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: \
             [{{name: c, image: i, resources: {{requests: {{cpu: 1}}}}}}]}}}}}}\n"
        )
    };
    let input = cluster("node n1 4 8Gi")
        + &workload("StatefulSet", "db", "shop", 2)
        + &workload("Deployment", "web", "shop", 3)
        + &workload("Deployment", "web", "test", 1);
    let shown = |arguments: &&str| {
        let ended = berth(&format!("explain {arguments} -f -"), &input);
        let lines: Vec<&str> = ended.stdout.lines().take(9).collect();
        let error = ended.stderr.lines().next().unwrap_or("");
        format!("$ explain {arguments}: {}\n{}\n{error}\n", ended.code, lines.join("\n"))
    };
    commands.iter().map(shown).collect()
}

#[test]
fn a_workload_is_explained_by_its_first_pod_that_stays_pending() {
    let commands = ["sts/db", "statefulsets.apps/db -o json", "deploy/web -n shop", "-l app=db"];
    expect![[r#"
        $ explain sts/db: 0
        STATEFULSET shop/db
          It fits: 2 of 2 pods would go to these nodes

          POD        NODE  STATE
          shop/db-0  n1    would be placed
          shop/db-1  n1    would be placed

        $ explain statefulsets.apps/db -o json: 0
        {
          "apiVersion": "berth.dev/v1alpha1",
          "kind": "GroupPlacement",
          "subject": "StatefulSet shop/db",
          "pods": [
            {
              "namespace": "shop",
              "name": "db-0",
              "node": "n1",

        $ explain deploy/web -n shop: 0
        POD shop/web-fd6wl-2
          priority 0, requests cpu 1 (greedy)

          Pending: it does not fit on n1, the only node
          Nearest is n1: 1 CPU short (requested: 1, free: 0 of 4)
          It would fit with 1 CPU more free on n1
          It would fit with one more node like n1

        DOES NOT FIT (1)

        $ explain -l app=db: 0
        PODS app=db
          It fits: 2 of 2 pods would go to these nodes

          POD        NODE  STATE
          shop/db-0  n1    would be placed
          shop/db-1  n1    would be placed

    "#]]
    .assert_eq(&explain_workloads(&commands));
}

#[test]
fn workloads_and_selections_without_pods_are_named() {
    let commands = ["deploy/web", "deploy/wbe", "ds/agent", "po/db-0 -n test", "-l app=none", "-l app==", ""];
    expect![[r#"
        $ explain deploy/web: 2

        error: Deployment web has pods in 2 namespaces: shop, test
        $ explain deploy/wbe: 2

        error: no pod belongs to Deployment wbe
        $ explain ds/agent: 2

        error: no pod belongs to DaemonSet agent
        $ explain po/db-0 -n test: 2

        error: no pod is named "po/db-0" among 1 (namespace test)
        $ explain -l app=none: 2

        error: no pod is selected by: app=none
        $ explain -l app==: 2

        error: no pod is selected by: app=
        $ explain : 2

        error: the following required arguments were not provided:
    "#]]
    .assert_eq(&explain_workloads(&commands));
}
