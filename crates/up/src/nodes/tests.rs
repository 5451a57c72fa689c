use http::Method;
use serde_json::json;

use super::*;

fn kubelets() -> Kubelets {
    Kubelets::new(Settings { timing: Timing::INSTANT, renew: Duration::from_secs(20) })
}

fn node(name: &str, annotations: Value) -> NodeView {
    let object = json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "annotations": annotations},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "2", "pods": "9"},
            "addresses": [{"type": "InternalIP", "address": "100.64.0.1"}],
        },
    });
    serde_json::from_value(object).unwrap()
}

fn works(name: &str) -> NodeView {
    node(name, json!({SIMULATED: "true"}))
}

fn pod(name: &str, node: &str) -> PodView {
    let object = json!({
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-{name}")},
        "spec": {"nodeName": node, "containers":
            [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1500m"}}}]},
    });
    serde_json::from_value(object).unwrap()
}

/// The requests since the last call, each answered with success.
fn sent(kubelets: &mut Kubelets, now: Millis) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some((about, change)) = kubelets.outbox.pop_front() {
        let phase = change.body["status"]["phase"].as_str().unwrap_or_default();
        lines.push(format!("{} {} {phase}", change.method, change.path).trim_end().to_owned());
        kubelets.answered(about, &Ok(Value::Null), now);
    }
    lines
}

const RENEWED: &str = "PATCH /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n";

#[test]
fn a_lease_is_created_and_renewed_unless_the_node_fails() {
    let mut kubelets = kubelets();
    kubelets.node_seen(Seen::All(vec![works("n"), node("real", json!({}))]), 0);
    assert_eq!(sent(&mut kubelets, 0), [format!("POST {}", node::LEASES)]);
    kubelets.wake(19_999);
    assert_eq!(sent(&mut kubelets, 19_999), [""; 0]);
    kubelets.wake(20_000);
    assert_eq!(sent(&mut kubelets, 20_000), [RENEWED]);
    kubelets.node_seen(Seen::Is(node("n", json!({SIMULATED: "true", FAILED: "true"}))), 21_000);
    // It recovers before the old timer is due: there must not be two timers then.
    kubelets.node_seen(Seen::Is(works("n")), 22_000);
    assert_eq!(sent(&mut kubelets, 22_000), [RENEWED]);
    for now in [40_000, 42_000, 60_000, 62_000] {
        kubelets.wake(now);
        let expected = if now % 20_000 == 2_000 { vec![RENEWED] } else { Vec::new() };
        assert_eq!(sent(&mut kubelets, now), expected, "{now}");
    }
    kubelets.node_seen(Seen::Is(node("n", json!({SIMULATED: "true", FAILED: "true"}))), 63_000);
    kubelets.wake(200_000);
    assert_eq!(sent(&mut kubelets, 200_000), [""; 0]);
}

#[test]
fn a_node_that_was_marked_lost_says_that_it_is_ready() {
    let mut kubelets = kubelets();
    let mut lost = works("n");
    lost.status.conditions[0].status = "Unknown".to_owned();
    kubelets.node_seen(Seen::All(vec![lost]), 0);
    let requests = sent(&mut kubelets, 0);
    assert!(requests.contains(&"PATCH /api/v1/nodes/n/status".to_owned()), "{requests:?}");
}

#[test]
fn a_pod_waits_for_its_node() {
    let running = "PATCH /api/v1/namespaces/default/pods/p/status Running";
    let mut kubelets = kubelets();
    kubelets.pod_seen(Seen::All(vec![pod("p", "n")]), 0);
    assert_eq!(sent(&mut kubelets, 0), [""; 0]);
    kubelets.node_seen(Seen::Is(node("n", json!({SIMULATED: "true", FAILED: "true"}))), 0);
    assert_eq!(sent(&mut kubelets, 0), [""; 0]);
    kubelets.node_seen(Seen::Is(works("n")), 0);
    assert!(sent(&mut kubelets, 0).contains(&running.to_owned()));
    assert_eq!(kubelets.counts(), Counts { nodes: 1, nodes_in_service: 1, running: 1, ..Counts::default() });
}

#[test]
fn room_is_free_again_when_a_pod_is_gone() {
    let mut kubelets = kubelets();
    kubelets.node_seen(Seen::All(vec![works("n")]), 0);
    sent(&mut kubelets, 0);
    let path =
        |name: &str, phase: &str| format!("PATCH /api/v1/namespaces/default/pods/{name}/status {phase}");
    for (step, name, phase) in [(0, "a", "Running"), (1, "b", "Failed"), (2, "c", "Running")] {
        if step == 2 {
            // A new list has neither of the two.
            kubelets.pod_seen(Seen::All(Vec::new()), 0);
        }
        kubelets.pod_seen(Seen::Is(pod(name, "n")), 0);
        assert_eq!(sent(&mut kubelets, 0), [path(name, phase)]);
    }
    assert_eq!(kubelets.addresses.len(), 1);
}

#[test]
fn a_request_that_fails_is_repeated() {
    let mut kubelets = kubelets();
    kubelets.node_seen(Seen::All(vec![works("n")]), 0);
    sent(&mut kubelets, 0);
    kubelets.pod_seen(Seen::Is(pod("a", "n")), 0);
    let (about, change) = kubelets.outbox.pop_front().unwrap();
    assert_eq!(change.method, Method::PATCH);
    let refused = kube::Error::Service("connection refused".into());
    kubelets.answered(about, &Err(refused), 0);
    kubelets.wake(RETRY - 1);
    assert_eq!(sent(&mut kubelets, RETRY - 1), [""; 0]);
    kubelets.wake(RETRY);
    assert_eq!(sent(&mut kubelets, RETRY), ["PATCH /api/v1/namespaces/default/pods/a/status Running"]);
}
