//! The numbers follow upstream's `daemon_controller_test.go` and `update_test.go`.

use super::*;
use crate::fixture::running;
use crate::pod::Phase;
use PodChange::Delete;
use berth_model::affinity::Toleration;
use berth_model::labels::Labels;
use berth_model::node::Taint;

fn old(id: u32) -> PodState {
    running(&id.to_string(), 0)
}

fn new(id: u32) -> PodState {
    PodState { updated: true, ..old(id) }
}

fn unready(pod: PodState) -> PodState {
    PodState { ready: false, ..pod }
}

fn make(node: u32) -> PodChange {
    PodChange::Create(NewPod::OnNode(node))
}

fn rolling(surge: i32, unavailable: i32) -> Strategy {
    Strategy::RollingUpdate { surge: Share::Pods(surge), unavailable: Share::Pods(unavailable) }
}

/// A sync in which all nodes should run a pod, except the given one.
fn sync(strategy: Strategy, left: Option<u32>, pods: &[Vec<PodState>]) -> Vec<PodChange> {
    let nodes: Vec<NodeState> = (0..pods.len() as u32)
        .map(|id| NodeState { id, should_run: left != Some(id), may_stay: true })
        .collect();
    let view = View { strategy, min_ready_seconds: 0, terminating: false, nodes: &nodes, pods };
    reconcile(&view, 0)
}

#[test]
fn a_node_without_a_pod_gets_one_before_anything_is_updated() {
    assert_eq!(sync(rolling(0, 1), None, &[vec![old(0)], vec![]]), [make(1)]);
    assert_eq!(sync(Strategy::OnDelete, None, &[vec![old(0)], vec![]]), [make(1)]);
}

#[test]
fn failed_pods_and_all_but_the_oldest_of_a_node_are_deleted() {
    let failed = PodState { phase: Phase::Failed, ready: false, ..new(1) };
    let young = PodState { created: Some(9), ..new(2) };
    let oldest = PodState { created: Some(1), ..new(3) };
    assert_eq!(sync(rolling(0, 1), None, &[vec![failed, young, oldest]]), [Delete(1), Delete(2)]);
}

#[test]
fn old_pods_are_deleted_as_far_as_they_may_be_unavailable() {
    let three = |a, b, c| [vec![a], vec![b], vec![c]];
    let cases = [
        (1, three(old(0), old(1), old(2)), vec![Delete(0)]),
        (2, three(old(0), old(1), old(2)), vec![Delete(0), Delete(1)]),
        (0, three(old(0), old(1), old(2)), vec![Delete(0)]),
        (1, three(unready(new(0)), old(1), old(2)), vec![]),
        (1, three(new(0), old(1), old(2)), vec![Delete(1)]),
        (1, three(old(0), unready(old(1)), unready(old(2))), vec![Delete(1), Delete(2)]),
        (3, three(old(0), unready(old(1)), old(2)), vec![Delete(1), Delete(0), Delete(2)]),
        (1, three(PodState { terminating: true, ..old(0) }, old(1), old(2)), vec![]),
    ];
    for (unavailable, pods, expected) in cases {
        assert_eq!(sync(rolling(0, unavailable), None, &pods), expected, "{unavailable} {pods:?}");
    }
}

#[test]
fn a_surge_makes_new_pods_beside_old_ones() {
    let cases = [
        (1, vec![vec![old(0)], vec![old(1)]], vec![make(0)]),
        (2, vec![vec![old(0)], vec![old(1)]], vec![make(0), make(1)]),
        (1, vec![vec![unready(new(2)), old(0)], vec![old(1)]], vec![]),
        (1, vec![vec![new(2), old(0)], vec![old(1)]], vec![Delete(0)]),
        (1, vec![vec![new(2)], vec![old(1)]], vec![make(1)]),
        (1, vec![vec![old(0)], vec![unready(old(1))]], vec![make(1), make(0)]),
        (1, vec![vec![unready(new(2)), unready(old(0))], vec![old(1)]], vec![Delete(0)]),
    ];
    for (surge, pods, expected) in cases {
        assert_eq!(sync(rolling(surge, 0), None, &pods), expected, "{surge} {pods:?}");
    }
}

#[test]
fn with_a_surge_a_pod_stays_on_a_node_that_should_run_none_until_others_are_available() {
    let pods = [vec![old(0)], vec![unready(new(1))]];
    assert_eq!(sync(rolling(1, 0), Some(0), &pods), []);
    let pods = [vec![old(0)], vec![new(1)]];
    assert_eq!(sync(rolling(1, 0), Some(0), &pods), [Delete(0)]);
}

#[test]
fn a_node_with_a_taint_against_running_pods_loses_its_pod() {
    let nodes = [NodeState { id: 0, should_run: false, may_stay: false }];
    let pods = [vec![new(0)]];
    let view = View {
        strategy: rolling(0, 1),
        min_ready_seconds: 0,
        terminating: false,
        nodes: &nodes,
        pods: &pods,
    };
    assert_eq!(reconcile(&view, 0), [Delete(0)]);
    assert_eq!(reconcile(&View { terminating: true, ..view }, 0), []);
}

#[test]
fn a_node_takes_a_pod_that_selects_it_and_tolerates_its_taints() {
    let taint = |effect| Taint { key: "k".into(), value: "".into(), effect };
    let labels = || Labels::from_iter([("disk", "ssd")]);
    let node = |taints| Node { name: "n".into(), labels: labels(), taints, ..Node::default() };
    let spec = |selector: &str, tolerations| PodSpec {
        node_selector: Labels::from_iter([("disk", selector)]),
        tolerations,
        ..PodSpec::default()
    };
    let everything =
        Toleration { key: "".into(), exists: true, value: "".into(), effect: None, seconds: None };
    let cases = [
        (vec![], "ssd", false, None, (true, true)),
        (vec![], "hdd", false, None, (false, false)),
        (vec![taint(TaintEffect::NoSchedule)], "ssd", false, None, (false, true)),
        (vec![taint(TaintEffect::NoExecute)], "ssd", false, None, (false, false)),
        (vec![taint(TaintEffect::PreferNoSchedule)], "ssd", false, None, (true, true)),
        (vec![taint(TaintEffect::NoExecute)], "ssd", true, None, (true, true)),
        (vec![], "ssd", false, Some("other"), (false, false)),
        (vec![], "ssd", false, Some("n"), (true, true)),
    ];
    for (taints, selector, tolerates, bound_to, expected) in cases {
        let tolerations = if tolerates { vec![everything.clone()] } else { Vec::new() };
        let found = fits(&node(taints.clone()), &spec(selector, tolerations), bound_to);
        assert_eq!(found, expected, "{taints:?} {selector} {tolerates} {bound_to:?}");
    }
}
