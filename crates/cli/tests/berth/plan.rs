//! `berth plan`: which nodes to add, and which could go.

use expect_test::expect;

use crate::fixture::{berth_in, cluster, folder};

/// Types with prices, as a user writes them.
const TYPES: &str = "
apiVersion: v1
kind: Node
metadata: {name: small, annotations: {berth.dev/price: '0.1'}}
status: {allocatable: {cpu: '2', memory: 8Gi, pods: '9'}}
---
apiVersion: v1
kind: Node
metadata: {name: large, annotations: {berth.dev/price: '0.3'}}
status: {allocatable: {cpu: '8', memory: 32Gi, pods: '9'}}
";

fn plan(arguments: &str, types: &str, lines: &str) -> (i32, String) {
    let folder = folder("plan");
    std::fs::write(folder.join("types.yaml"), types).unwrap();
    let ended = berth_in(&folder, &format!("plan {arguments}"), cluster(lines).as_bytes());
    (ended.code, ended.stdout + &ended.stderr)
}

#[test]
fn plans_are_checked_one_after_the_other() {
    the_cheapest_nodes_are_added_and_proven_to_be();
    what_no_type_helps_stays_pending_and_the_exit_code_says_so();
    wrong_types_and_settings_are_named();
    a_node_of_the_cluster_is_a_type();
}

fn the_cheapest_nodes_are_added_and_proven_to_be() {
    let lines = "
        node n1 4 8Gi
        pod a-0 3 1Gi nodeName: n1
        pod b-0 1 1Gi
        pod c-0 2 1Gi
        pod d-0 3 1Gi
        pod e-0 3 1Gi";
    let (code, out) = plan("--types types.yaml -f -", TYPES, lines);
    assert_eq!(code, 0);
    expect![[r#"
        ADD (2)
          TYPE   COUNT  PRICE  COST
          large  2      0.3    0.6
          TOTAL  2             0.6

        4 pods: 0 on today's nodes, 4 on new nodes, 0 pending
        proven: nothing cheaper is enough (10 simulations)
    "#]]
    .assert_eq(&out);
    let (code, out) = plan("--types types.yaml --max large=0 -f - --allow-pending -q", TYPES, lines);
    assert_eq!(code, 0);
    expect![[r#"
        ADD (2)
          TYPE   COUNT  PRICE  COST
          small  2      0.1    0.2
          TOTAL  2             0.2

        PENDING (2)
          default/d-0, default/e-0
            0/3 nodes are available: 3 Insufficient cpu.

        4 pods: 0 on today's nodes, 2 on new nodes, 2 pending
        proven: nothing cheaper is enough (8 simulations)
    "#]]
    .assert_eq(&out);
}

fn what_no_type_helps_stays_pending_and_the_exit_code_says_so() {
    let (code, out) = plan("--types types.yaml -f -", TYPES, "node n1 4 8Gi\npod a-0 64 1Gi");
    assert_eq!(code, 1);
    expect![[r#"
        PENDING (1)
          default/a-0
            0/1 nodes are available: 1 Insufficient cpu.

        1 pod: 0 on today's nodes, 0 on new nodes, 1 pending
        no node of these types helps (6 simulations)
    "#]]
    .assert_eq(&out);
    let (code, out) = plan("--types types.yaml -f -", TYPES, "node n1 4 8Gi\npod a-0 4 1Gi");
    assert_eq!(code, 0);
    expect![[r#"
        1 pod: 1 on today's nodes, 0 on new nodes, 0 pending
        nothing to add (2 simulations)
    "#]]
    .assert_eq(&out);
}

fn a_node_of_the_cluster_is_a_type() {
    let lines = "node n1 4 8Gi\npod a-0 3 1Gi\npod a-1 3 1Gi\npod a-2 3 1Gi";
    let (code, out) = plan("--types node/n1 -f -", TYPES, lines);
    assert!(code == 0 && out.contains("like-n1  2"), "{out}");
    let (code, out) = plan("--types node/n2 -f -", TYPES, lines);
    let expected = "error: --types node/n2: the cluster has no such node\nhint: there is n1\n";
    assert_eq!((code, &*out), (2, expected));
}

fn wrong_types_and_settings_are_named() {
    let lines = "node n1 4 8Gi\npod a-0 4 1Gi";
    let unpriced = TYPES.replace("berth.dev/price: '0.1'", "");
    let free = TYPES.replace("'0.1'", "free");
    let pod = format!("{TYPES}{}", cluster("pod p-0 1 1Gi"));
    let mut out = String::new();
    for (arguments, types) in [
        ("--types types.yaml -f -", unpriced.as_str()),
        ("--types types.yaml -f -", &free),
        ("--types types.yaml -f -", &pod),
        ("--types types.yaml -f - --price big=1 --max huge=2", TYPES),
        ("--types types.yaml -f - --max large=many", TYPES),
        ("--types missing.yaml -f -", TYPES),
        (
            "--types types.yaml -f -",
            "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {allocatable: {cpu: 1, pods: 9}}\n",
        ),
    ] {
        let (code, text) = plan(arguments, types, lines);
        assert_eq!(code, 2, "{arguments}: {text}");
        out += text.split("\n\nFor more").next().unwrap_or_default().trim_end();
        out += "\n";
    }
    expect![[r#"
        error: Node small: other types have a price, this one has none (annotation berth.dev/price or --price small=…)
        error: Node small: annotation berth.dev/price: found "free", expected a price above 0 with at most six decimals, as in 0.096
        error: --types: Pod default/p-0 is not a Node; give everything else with -f
        error: --price: no type is named "big" (there is: small, large)
        error: --max: no type is named "huge" (there is: small, large)
        error: invalid value 'large=many' for '--max <TYPE=N>': expected TYPE=N, as in m5.large=20
        error: missing.yaml: no such file or directory
        error: --types: Node n1 is in the cluster; give the type another name
    "#]].assert_eq(&out);
}

#[test]
fn nodes_that_could_go_are_listed_with_every_move() {
    let lines = "
        node n1 4 8Gi
        node n2 4 8Gi
        pod a-0 1 1Gi nodeName: n2";
    let ended = crate::fixture::berth("plan --remove -f -", &cluster(lines));
    assert_eq!(ended.code, 0);
    expect![[r#"
        REMOVE (1)
          n1 (0 pods to move)
          in this order

        KEEP (1)
          NODE  WHY
          n2    default/a-0 has no controller, so that nothing would make it again

        2 nodes: 1 could go; 0 pods would move
    "#]]
    .assert_eq(&(ended.stdout + &ended.stderr));
}
