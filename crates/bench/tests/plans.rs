//! The workloads that come with the program, expanded.

use std::collections::BTreeSet;

use berth_bench::builtin;
use berth_bench::plan::{Plan, Step};
use berth_bench::workload::Workload;
use serde_json::Value;

fn object(text: &str) -> Value {
    serde_json::from_str(text).expect("a plan's objects are JSON")
}

fn key(value: &Value) -> (String, String, String) {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let metadata = &value["metadata"];
    (text(&value["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

#[test]
fn in_every_builtin_plan_names_are_unique_and_updates_and_deletions_name_what_is_there() {
    for name in builtin::names() {
        let workload = builtin::load(name).unwrap();
        let plan = Plan::new(&workload, "smoke", None).unwrap();
        let (nodes, expected) = (plan.nodes(), plan.measured_pods());
        let (mut there, mut measured_pods) = (BTreeSet::new(), 0);
        for step in plan {
            match &step {
                Step::Add(text) => {
                    let key = key(&object(text));
                    assert!(!key.2.is_empty() && there.insert(key.clone()), "{name}: {key:?}");
                }
                Step::Update(text) => assert!(there.contains(&key(&object(text))), "{name}: {text}"),
                Step::Delete { kind, namespace, name: object } => {
                    let key = (kind.clone(), namespace.clone(), object.clone());
                    assert!(there.remove(&key), "{name}: {key:?}");
                }
                Step::Schedule { pod, measured } => {
                    measured_pods += i64::from(*measured);
                    let key = key(&object(pod));
                    assert!(there.insert(key.clone()), "{name}: {key:?}");
                }
            }
            serde_json::from_str::<Value>(&step.line()).expect("a line is JSON");
        }
        assert_eq!(measured_pods, expected, "{name}");
        assert!(nodes > 0, "{name}");
    }
}

#[test]
fn a_plan_is_the_same_every_time() {
    let workload = builtin::load("mix").unwrap();
    let steps = || Plan::new(&workload, "smoke", None).unwrap().collect::<Vec<_>>();
    assert_eq!(steps(), steps());
}

const SMALL: &str = r#"
name: small
summary: For tests
templates:
  node: {apiVersion: v1, kind: Node, status: {capacity: {cpu: "4"}}}
  pod: {apiVersion: v1, kind: Pod, spec: {priority: "=i % 2", containers: [{name: c}]}}
sizes:
  tiny: {pods: 2}
  any: {pods: n * 2}
ops:
- createNodes: {count: 2, template: node}
- createPods: {count: 1, templates: [pod], prefix: init, onNode: 1}
- churn: {mode: recreate, every: 1, templates: [pod]}
- createPods: {count: pods, templates: [pod], prefix: pod, namespace: "ns-${i}", measured: true, atOnce: false}
- barrier: {}
"#;

fn read(text: &str) -> Result<Workload, String> {
    Workload::parse("small.yaml", text, |path| Err(format!("no {path}"))).map_err(|e| e.to_string())
}

#[test]
fn a_small_plan_reads_as_expected() {
    let plan = Plan::new(&read(SMALL).unwrap(), "tiny", None).unwrap();
    let lines: Vec<String> = plan.map(|step| step.line()).collect();
    let expected = expect_test::expect![[r#"
        {"op":"add","object":{"apiVersion":"v1","kind":"Node","metadata":{"labels":{"kubernetes.io/hostname":"node-0000000"},"name":"node-0000000"},"status":{"allocatable":{"cpu":"4"},"capacity":{"cpu":"4"}}}}
        {"op":"add","object":{"apiVersion":"v1","kind":"Node","metadata":{"labels":{"kubernetes.io/hostname":"node-0000001"},"name":"node-0000001"},"status":{"allocatable":{"cpu":"4"},"capacity":{"cpu":"4"}}}}
        {"op":"add","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"init-0000000","namespace":"default","uid":"default.init-0000000"},"spec":{"containers":[{"name":"c"}],"nodeName":"node-0000001","priority":0},"status":{"phase":"Running"}}}
        {"op":"schedule","measured":true,"object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-0000001","namespace":"ns-1","uid":"ns-1.pod-0000001"},"spec":{"containers":[{"name":"c"}],"priority":1}}}
        {"op":"schedule","measured":false,"object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"churn2-pod-0000000","namespace":"default","uid":"default.churn2-pod-0000000"},"spec":{"containers":[{"name":"c"}],"priority":0}}}
        {"op":"schedule","measured":true,"object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-0000000","namespace":"ns-0","uid":"ns-0.pod-0000000"},"spec":{"containers":[{"name":"c"}],"priority":0}}}
        {"op":"delete","kind":"Pod","namespace":"default","name":"churn2-pod-0000000"}"#]];
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn the_number_of_nodes_that_was_asked_for_enters_the_parameters() {
    let workload = read(SMALL).unwrap();
    assert_eq!(Plan::new(&workload, "any", Some(3)).unwrap().measured_pods(), 6);
    let error = Plan::new(&workload, "any", None).unwrap_err().to_string();
    assert!(error.contains("small.yaml: sizes.any.pods: \"n\" is no parameter"), "{error}");
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_the_path_of_the_field() {
    let cases = [
        (
            "template: node}",
            "template: nods}",
            "ops[0].createNodes.template: no template is named \"nods\"; there are node, pod",
        ),
        (
            "count: 2",
            "count: 2 +",
            "ops[0].createNodes.count: \"2 +\": a number or a name is missing at the end",
        ),
        ("every: 1", "every: 0", "ops[2].churn.every: is 0; expected 1 or more"),
        (
            "templates: [pod], prefix: init",
            "templates: [node], prefix: init",
            "templates.node.kind: is \"Node\"; ops[1].createPods needs Pod",
        ),
        (
            "prefix: init, ",
            "prefix: init, gated: true, measured: true, ",
            "ops[1].createPods.measured: goes with pods that are asked about",
        ),
        ("measured: true", "measured: false", "ops: measures nothing"),
        ("=i % 2", "=j % 2", "templates.pod.spec.priority: \"j\" is no parameter"),
        ("count: 1, ", "cuont: 1, ", "unknown field"),
        ("barrier: {}", "fence: {}", "unknown variant"),
        (
            "  pod: {",
            "  other: other.yaml\n  pod: {",
            "templates.other: cannot read other.yaml: no other.yaml",
        ),
    ];
    for (from, to, message) in cases {
        assert!(SMALL.contains(from), "{from}");
        let broken = SMALL.replacen(from, to, 1);
        let result = read(&broken).and_then(|w| Plan::new(&w, "tiny", None).map_err(|e| e.to_string()));
        let error = result.map(|_| ()).unwrap_err();
        assert!(error.starts_with("small.yaml: ") && error.contains(message), "{to}: {error}");
    }
    let error = Plan::new(&read(SMALL).unwrap(), "huge", None).unwrap_err().to_string();
    assert_eq!(error, "small.yaml: sizes: has no size \"huge\"; there are any, tiny");
}
