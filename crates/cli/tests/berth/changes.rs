//! Changes of the cluster as flags: what is printed, and how it ends.

use expect_test::expect;

use crate::fixture::{berth, berth_in, cluster, folder};
use crate::schema;

/// Three nodes with pods of a ReplicaSet, of the kubelet and without a controller, and a budget of the first.
fn input() -> String {
    let owned = |name: &str, node: &str, cpu: &str, kind: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, uid: u-{name}, creationTimestamp: \
             '2026-01-01T00:00:00Z', labels: {{app: web}}, ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: \
             web-5f, controller: true}}]}}, spec: {{nodeName: {node}, priority: 0, containers: [{{name: c, image: i, \
             resources: {{requests: {{cpu: '{cpu}'}}}}}}]}}}}\n"
        )
    };
    let pods = [
        owned("web-5f-1", "n1", "2", "ReplicaSet"),
        owned("web-5f-2", "n1", "2", "ReplicaSet"),
        owned("web-5f-3", "n2", "2", "ReplicaSet"),
        owned("etcd-1", "n1", "100m", "Node").replace("app: web", "app: etcd"),
    ];
    let budget = "---\n{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 2, \
                  selector: {matchLabels: {app: web}}}, status: {disruptionsAllowed: 1}}\n";
    let nodes = "node n1 5 8Gi\nnode n2 4 8Gi\nnode n3 3 8Gi\npod bare-0 100m 1Gi nodeName: n3";
    format!("{}{}{budget}", cluster(nodes), pods.concat())
}

#[test]
fn the_pods_that_had_to_move_come_first() {
    let ended = berth("simulate -f - --without n1 --without node/n3", &input());
    expect![[r#"
        CHANGES (2)
          --without n1
            1 node gone; 1 of 2 pods fit elsewhere, 1 pending; 1 daemon or static pod
            gone with the nodes
          --without node/n3
            1 node gone; no pod has to move, 1 pod without a controller lost

        MOVED (2)
          POD               FROM  TO
          default/web-5f-2  n1    pending
          default/web-5f-1  n1    n2
          pending: default/web-5f-2
            0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are
            available: 1 No preemption victims found for incoming pod.

        LOST (1)
          POD             NODE
          default/bare-0  n3

        NODES (1)
          NODE  PODS  CPU                  MEMORY
          n2    2/9   ########## 100% 4/4  ----------   0% 0/8Gi

        1 node, 3 pods: 1 placed, 1 pending (greedy)
    "#]]
    .assert_eq(&ended.stdout);
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
}

#[test]
fn a_drain_that_a_budget_blocks_is_an_exit_code() {
    let cases = [
        ("--drain n2", 0, None),
        (
            "--cordon n2 --cordon n3 --drain n1",
            1,
            Some("PodDisruptionBudget default/web allows no disruption"),
        ),
        (
            "--cordon n2 --cordon n3 --drain n1 --allow-pending",
            0,
            Some("PodDisruptionBudget default/web allows no disruption"),
        ),
        ("--drain n3", 1, Some("n3: pods without a controller need --force: default/bare-0")),
        ("--drain n3 --force", 0, None),
        ("--without zone=b --drain n1", 1, Some("allows no disruption")),
    ];
    for (flags, code, blocked) in cases {
        let ended = berth(&format!("simulate -f - -o json {flags}"), &input());
        assert_eq!((ended.code, ended.stderr.as_str()), (code, ""), "{flags}");
        let document = ended.json();
        let changes = document["changes"].as_array().cloned().unwrap_or_default();
        let found: Vec<&str> = changes.iter().filter_map(|change| change["blocked"][0].as_str()).collect();
        match blocked {
            None => assert_eq!(found, Vec::<&str>::new(), "{flags}"),
            Some(text) => assert!(found.len() == 1 && found[0].contains(text), "{flags}: {found:?}"),
        }
        let problems = schema::problems(&crate::documents::schema("simulation-result"), &document);
        assert_eq!(problems, Vec::<String>::new(), "{flags}");
    }
}

#[test]
fn explain_answers_for_the_changed_cluster() {
    for (flags, outcome) in [
        ("--without n1 --cordon n3", "Pending"),
        ("--drain n1 --cordon n3", "Pending"),
        ("--drain n1", "Running"),
        ("--cordon n1", "Running"),
    ] {
        let document = berth(&format!("explain web-5f-2 -f - -o json {flags}"), &input()).json();
        assert_eq!(document["outcome"], outcome, "{flags}");
    }
}

#[test]
fn what_cannot_be_changed_is_refused_with_what_exists() {
    let folder = folder("changes");
    let node =
        "{apiVersion: v1, kind: Node, metadata: {name: big}, status: {allocatable: {cpu: 9, pods: 9}}}";
    std::fs::write(folder.join("node.yaml"), node).unwrap();
    std::fs::write(folder.join("two.yaml"), format!("{node}\n---\n{}", node.replace("big", "b2"))).unwrap();
    let cases = [
        ("--add 2=node.yaml", 0, ""),
        ("--without n9", 2, "error: --without n9: no node has this name; there is n1, n2, n3\n"),
        ("--without zone=c", 2, "error: --without zone=c: no node matches; zone is a, b\n"),
        (
            "--scale deploy/web=2",
            2,
            "error: --scale deploy/web=2: no Deployment has this name; the input has its pods, but not the Deployment itself; add it\n",
        ),
        ("--add 1=none.yaml", 2, "error: none.yaml: no such file or directory\n"),
        (
            "--add 1=two.yaml",
            2,
            "error: two.yaml: holds 2 nodes, but --add takes exactly one as a template\nhint: kubectl get node NAME -o yaml writes one; --add COUNT=node/NAME takes one of the cluster\n",
        ),
        ("--add 1=node/n9", 2, "error: --add 1=node/n9: no node has this name; there is n1, n2, n3\n"),
    ];
    for (flags, code, stderr) in cases {
        let ended = berth_in(&folder, &format!("simulate -f - {flags}"), input().as_bytes());
        assert_eq!((ended.code, ended.stderr.as_str()), (code, stderr), "{flags}");
    }
    for (flags, part) in [
        ("--add node.yaml", "expected COUNT=FILE"),
        ("--scale web=2", "expected KIND/NAME=N"),
        ("--scale pod/web=2", "is no kind of workload"),
        ("--without a==b=c", "expected a label selector"),
        ("--force", "--drain"),
    ] {
        let ended = berth(&format!("simulate -f - {flags}"), &input());
        assert!(ended.code == 2 && ended.stderr.contains(part), "{flags}: {}", ended.stderr);
    }
}

#[test]
fn a_plugin_with_another_weight_decides_otherwise() {
    let input = cluster(
        "node n1 4 8Gi taints: [{key: slow, effect: PreferNoSchedule}]
         node n2 4 8Gi
         pod other-0 3 1Gi nodeName: n2
         pod web-0 500m 1Gi",
    );
    for (flags, node) in [
        ("", "n2"),
        ("--weight TaintToleration=0", "n1"),
        ("--weight TaintToleration=1 --weight NodeResourcesFit=9", "n1"),
        ("--untaint slow:PreferNoSchedule@n1", "n1"),
    ] {
        let ended = berth(&format!("simulate -f - -q -o json {flags}"), &input);
        assert_eq!(ended.json()["placements"][0]["node"], node, "{flags}: {}", ended.stderr);
    }
    for (flags, part) in [
        (
            "--weight Missing=1",
            "--weight Missing=1: no plugin of this name scores; there is DynamicResources, ",
        ),
        ("--weight TaintToleration=-1", "expected PLUGIN=N with N from 0 to 1000000"),
        ("--weight TaintToleration", "expected PLUGIN=N with N from 0 to 1000000"),
        (
            "--algorithm best-fit --weight TaintToleration=1",
            "no plugin of this name scores; there is BestFit",
        ),
        ("--untaint fast", "--untaint fast: no node has this taint; there is slow:PreferNoSchedule"),
        ("--untaint slow:Never", "\"Never\" is no effect; there is NoSchedule, PreferNoSchedule, NoExecute"),
        ("-o html --verify", "--verify cannot be used with -o html"),
        ("-o html --for 1h", "--for cannot be used with -o html"),
    ] {
        let ended = berth(&format!("simulate -f - {flags}"), &input);
        assert!(ended.code == 2 && ended.stderr.contains(part), "{flags}: {}", ended.stderr);
    }
}
