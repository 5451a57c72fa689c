//! The documents for programs: their shape is a promise.

use expect_test::expect;
use serde_json::Value;

use crate::fixture::{berth, cluster};
use crate::schema;

/// A cluster in which everything happens: placements, an eviction, pods that wait for all kinds of reasons.
fn eventful() -> String {
    cluster(
        "node n1 4 8Gi
         node n2 4 8Gi taints: [{key: gpu, value: a100, effect: NoSchedule}]
         node n3 2 4Gi unschedulable: true
         pod low-0 3 1Gi nodeName: n1, priority: -5
         pod vip-0 4 1Gi priority: 10
         pod web-0 500m 128Mi tolerations: [{key: gpu, operator: Exists}]
         pod big-0 64 1Gi
         pod far-0 1 1Gi nodeSelector: {zone: c}
         pod gated-0 1 1Gi schedulingGates: [{name: wait}]
         pod other-0 1 1Gi schedulerName: volcano",
    )
}

/// A schema of the documentation.
pub(crate) fn schema(name: &str) -> Value {
    let path = format!("{}/../../docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_document_is_as_its_schema_says() {
    let input = eventful();
    let mut commands = vec![
        ("simulation-result", "simulate -f - -o json".to_string()),
        ("simulation-result", "simulate -f - -o json --timing --algorithm random --seed 3".into()),
        ("comparison", "simulate -f - -o json --compare greedy,best-fit".into()),
        ("comparison", "simulate -f - -o json --compare greedy,random --timing".into()),
    ];
    let pods = ["low-0", "vip-0", "web-0", "big-0", "far-0", "gated-0", "other-0"];
    commands.extend(pods.map(|pod| ("explanation", format!("explain {pod} -f - -o json"))));
    for (name, command) in commands {
        let ended = berth(&format!("{command} -q"), &input);
        assert_eq!(ended.stderr, "", "{command}");
        let problems = schema::problems(&schema(name), &ended.json());
        assert_eq!(problems, Vec::<String>::new(), "{command}");
    }
}

#[test]
fn the_result_has_the_documented_shape_and_order() {
    let input = cluster(
        "node n1 4 8Gi
         pod first-0 1 1Gi
         pod second-0 500m 1Gi priority: 1
         pod third-0 9 1Gi",
    );
    expect![[r#"
        {
          "apiVersion": "berth.dev/v1alpha1",
          "kind": "SimulationResult",
          "algorithm": "greedy",
          "summary": {
            "nodes": 1,
            "pods": 3,
            "placed": 2,
            "pending": 1,
            "evicted": 0
          },
          "placements": [
            {
              "namespace": "default",
              "name": "second-0",
              "node": "n1",
              "score": 462
            },
            {
              "namespace": "default",
              "name": "first-0",
              "node": "n1",
              "score": 439
            }
          ],
          "pending": [
            {
              "namespace": "default",
              "name": "third-0",
              "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
            }
          ],
          "evicted": [],
          "nodes": [
            {
              "name": "n1",
              "pods": 2,
              "requested": {
                "cpu": "1500m",
                "memory": "2147483648"
              },
              "allocatable": {
                "cpu": "4",
                "memory": "8589934592",
                "pods": "9"
              }
            }
          ],
          "warnings": [
            "stdin:16: Pod default/second-0: asks for priority 1, but its class gives 0: the API server would refuse it; taken as it is"
          ]
        }
    "#]]
    .assert_eq(&berth("simulate -f - -o json", &input).stdout);
}

#[test]
fn the_same_input_gives_the_same_bytes_on_every_run() {
    let input = eventful();
    let formats = ["table", "wide", "json", "yaml"];
    let algorithms = ["greedy", "random", "least-load", "best-fit", "weighted-least-load"];
    for command in
        formats.iter().flat_map(|f| algorithms.map(|a| format!("simulate -f - -o {f} --algorithm {a}")))
    {
        assert_eq!(berth(&command, &input), berth(&command, &input), "{command}");
    }
    for command in formats.map(|format| format!("explain big-0 -f - -o {format}")) {
        assert_eq!(berth(&command, &input), berth(&command, &input), "{command}");
    }
}

#[test]
fn yaml_is_the_same_document() {
    for command in ["simulate -f -", "simulate -f - --compare greedy,random", "explain big-0 -f -"] {
        let json = berth(&format!("{command} -o json"), &eventful()).json();
        let yaml = berth(&format!("{command} -o yaml"), &eventful()).stdout;
        let read: Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(read, json, "{command}");
    }
}

#[test]
fn timing_is_there_only_when_it_is_asked_for() {
    let input = cluster("node n1 4 8Gi");
    assert!(berth("simulate -f - -o json", &input).json().get("timing").is_none());
    let timed = berth("simulate -f - -o json --timing", &input).json();
    for key in ["parseSeconds", "engineSeconds", "totalSeconds"] {
        assert!(timed["timing"][key].as_f64() >= Some(0.0), "{key}");
    }
}

#[test]
fn the_documents_name_one_kubectl_command_that_lists_every_kind_that_decides() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let text = std::fs::read_to_string(format!("{root}/docs/workloads.md")).unwrap();
    let list = berth_model::object::kubectl_resources();
    assert!(text.contains(&list), "docs/workloads.md should have: kubectl get -A -o json {list}");
    for page in
        ["tutorial.md", "how-to/why-is-it-pending.md", "how-to/what-would-happen-without-this-node.md"]
    {
        let text = std::fs::read_to_string(format!("{root}/docs/{page}")).unwrap();
        assert!(!text.contains("kubectl get nodes,"), "{page} has a list of its own");
    }
}
