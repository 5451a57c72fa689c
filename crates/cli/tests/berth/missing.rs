//! `berth explain`: what is missing on each node, and what would help.

use expect_test::expect;

use crate::fixture::{berth, cluster};

#[test]
fn every_plugin_says_what_is_missing() {
    let lines = "
        node n1 4 8Gi
        node n2 4 8Gi
        pod web-0 100m 1Mi nodeName: n1, containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}]}]
        pod far-0 1 1Gi nodeSelector: {zone: c}
        pod term-0 1 1Gi affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [c, d]}, {key: gpu, operator: Exists}]}, {matchExpressions: [{key: zone, operator: NotIn, values: [a, b]}]}]}}}
        pod near-0 1 1Gi affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: cache}}, topologyKey: zone}]}}
        pod away-0 1 1Gi nodeSelector: {zone: a}, affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: web}}, topologyKey: zone}]}}
        pod even-0 1 1Gi nodeName: n1
        pod even-1 1 1Gi nodeSelector: {zone: a}, topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, nodeAffinityPolicy: Ignore, labelSelector: {matchLabels: {app: even}}}]
    ";
    let input = cluster(lines);
    let mut out = String::new();
    for pod in ["far-0", "term-0", "near-0", "away-0", "even-1"] {
        let document = berth(&format!("explain -q {pod} -f - -o json"), &input).json();
        for node in document["nodes"].as_array().unwrap() {
            for rejection in node["rejections"].as_array().unwrap() {
                let line = [&node["name"], &rejection["plugin"], &rejection["details"]];
                out += &format!("{pod}: {}\n", line.map(ToString::to_string).join(" "));
            }
        }
    }
    expect![[r#"
        far-0: "n1" "NodeAffinity" ["zone=c is selected, the node has a"]
        far-0: "n2" "NodeAffinity" ["zone=c is selected, the node has b"]
        term-0: "n1" "NodeAffinity" ["nearest of 2 terms: zone notin (a, b) is required, the node has a"]
        term-0: "n2" "NodeAffinity" ["nearest of 2 terms: zone notin (a, b) is required, the node has b"]
        near-0: "n1" "InterPodAffinity" ["affinity to app=cache: no such pod in zone=a"]
        near-0: "n2" "InterPodAffinity" ["affinity to app=cache: no such pod in zone=b"]
        away-0: "n1" "InterPodAffinity" ["anti-affinity to app=web: default/web-0 is in zone=a"]
        away-0: "n2" "NodeAffinity" ["zone=a is selected, the node has b"]
        even-1: "n1" "PodTopologySpread" ["zone=a would have 2 of these pods; maxSkew 1 over the emptiest, with 0, allows 1"]
        even-1: "n2" "NodeAffinity" ["zone=a is selected, the node has b"]
    "#]].assert_eq(&out);
}

#[test]
fn what_is_said_to_help_helps() {
    let lines = "
        node n1 4 8Gi
        node n2 4 8Gi taints: [{key: dedicated, effect: NoExecute}]
        pod a-0 1 1Gi nodeName: n1
        pod b-0 3500m 1Gi";
    let remedies = |lines: &str| {
        let document = berth("explain b-0 -f - -o json", &cluster(lines)).json();
        let list = document["remedies"].as_array().unwrap().clone();
        list.iter().map(|r| format!("{} {}", r["change"], r["description"])).collect::<Vec<_>>()
    };
    expect![[r#"
        [
            "\"Room\" \"500m CPU less requested, or more free on n1\"",
            "\"Toleration\" \"a toleration of dedicated:NoExecute, on n2\"",
            "\"Node\" \"one more node like n1\"",
        ]
    "#]]
    .assert_debug_eq(&remedies(lines));
    let placed = |lines: String| berth("simulate -f -", &cluster(&lines)).code == 0;
    assert!(!placed(lines.into()));
    assert!(placed(lines.replace("3500m", "3")));
    assert!(placed(
        lines.replace("b-0 3500m 1Gi", "b-0 3500m 1Gi tolerations: [{key: dedicated, effect: NoExecute}]")
    ));
    assert!(placed(format!("node n3 4 8Gi\n{lines}")));
}
