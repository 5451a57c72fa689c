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
    expect![[""]].assert_eq(&out);
    let (code, out) = plan("--types types.yaml --max large=0 -f - --allow-pending -q", TYPES, lines);
    assert_eq!(code, 0);
    expect![[""]].assert_eq(&out);
}

fn what_no_type_helps_stays_pending_and_the_exit_code_says_so() {
    let (code, out) = plan("--types types.yaml -f -", TYPES, "node n1 4 8Gi\npod a-0 64 1Gi");
    assert_eq!(code, 1);
    expect![[""]].assert_eq(&out);
    let (code, out) = plan("--types types.yaml -f -", TYPES, "node n1 4 8Gi\npod a-0 4 1Gi");
    assert_eq!(code, 0);
    expect![[""]].assert_eq(&out);
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
        ("--types types.yaml -f -", "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {allocatable: {cpu: 1, pods: 9}}\n"),
    ] {
        let (code, text) = plan(arguments, types, lines);
        assert_eq!(code, 2, "{arguments}: {text}");
        out += text.split("\n\nFor more").next().unwrap_or_default().trim_end();
        out += "\n";
    }
    expect![[""]].assert_eq(&out);
}

#[test]
fn nodes_that_could_go_are_listed_with_every_move() {
    let lines = "
        node n1 4 8Gi
        node n2 4 8Gi
        pod a-0 1 1Gi nodeName: n2";
    let ended = crate::fixture::berth("plan --remove -f -", &cluster(lines));
    assert_eq!(ended.code, 0);
    expect![[""]].assert_eq(&(ended.stdout + &ended.stderr));
}
