//! `berth fit`: what is printed, and how it ends.

use expect_test::expect;

use crate::fixture::{berth, berth_in, cluster, folder};
use crate::schema;

const INPUT: &str = "node n1 4 8Gi
                     node n2 2 8Gi
                     pod old-0 1 1Gi nodeName: n1
                     pod new-0 500m 1Gi";

#[test]
fn the_answer_is_the_number_then_where_then_what_stops_the_next_one() {
    let folder = folder("fit");
    let node = "{apiVersion: v1, kind: Node, metadata: {name: big, labels: {topology.kubernetes.io/zone: z}}, status: \
                {allocatable: {cpu: 3, memory: 8Gi, pods: 9}}}";
    std::fs::write(folder.join("node.yaml"), node).unwrap();
    let ended = berth_in(&folder, "fit -f - --add 1=node.yaml", cluster(INPUT).as_bytes());
    expect![[r#"
        10 pods fit (greedy)
          Pod default/new-0, requests cpu 500m, memory 1Gi

          NODE  PODS
          n1    6
          n2    4

        THE NEXT ONE
          0/2 nodes are available: 2 Insufficient cpu.

        WITH 1 MORE NODE
          16 pods fit: 6 more (big-new-1)
          0/3 nodes are available: 3 Insufficient cpu.
    "#]]
    .assert_eq(&ended.stdout);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

#[test]
fn the_count_follows_the_names_the_limit_and_the_changes() {
    let cases = [
        ("", 10, "Unschedulable", 0),
        ("new-0", 10, "Unschedulable", 0),
        ("pod/old-0", 4, "Unschedulable", 0),
        ("--limit 3", 3, "Limit", 0),
        ("--limit 0", 0, "Limit", 1),
        ("--without n2", 6, "Unschedulable", 0),
        ("--cordon n1 --cordon n2", 0, "Unschedulable", 1),
        ("--verify --algorithm best-fit", 10, "Unschedulable", 0),
    ];
    for (flags, count, reason, code) in cases {
        let ended = berth(&format!("fit -f - -o json {flags}"), &cluster(INPUT));
        assert_eq!((ended.code, ended.stderr.as_str()), (code, ""), "{flags}");
        let document = ended.json();
        assert_eq!(document["count"], count, "{flags}");
        assert_eq!(document["stop"]["reason"], reason, "{flags}");
        let problems = schema::problems(&crate::documents::schema("fit-result"), &document);
        assert_eq!(problems, Vec::<String>::new(), "{flags}");
    }
}

#[test]
fn without_a_new_or_named_pod_there_is_nothing_to_count() {
    let text = cluster("node n1 4 8Gi\npod old-0 1 1Gi nodeName: n1");
    let ended = berth("fit -f -", &text);
    assert_eq!(ended.code, 2);
    expect![[r#"
        error: no pod of the input is new, so that it is not clear which pods to count
        hint: name a pod or a workload, as in: berth fit deploy/web -f cluster.yaml
    "#]]
    .assert_eq(&ended.stderr);
    let ended = berth("fit nobody -f -", &text);
    assert!(ended.code == 2 && ended.stderr.contains("no pod is named \"nobody\""), "{}", ended.stderr);
}
