//! Test fixtures: small clusters, and a plugin's answers as text.

use std::fmt::Write;
use std::sync::Arc;

use berth_model::labels::Labels;
use berth_model::node::{Node, ResourceList};
use berth_model::pod::{Container, Pod, PodSpec};
use berth_model::quantity::Quantity;

use crate::cluster::Cluster;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{Plugin, Representative};
use crate::scan::filters::{Answer, FilterState};
use crate::scan::scores::ScoreState;
use crate::verdict::Rejection;

/// A small cluster under construction.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) cluster: Cluster,
}

/// `[("cpu", "1"), …]` as a resource list.
pub(crate) fn resources(amounts: &[(&str, &str)]) -> ResourceList {
    let mut list: ResourceList =
        amounts.iter().map(|(n, q)| ((*n).into(), Quantity::parse(q).unwrap())).collect();
    list.sort();
    list
}

/// A container that requests these amounts.
pub(crate) fn container(amounts: &[(&str, &str)]) -> Container {
    Container { name: "main".into(), requests: resources(amounts), ..Container::default() }
}

/// `[("app", "web"), …]` as labels.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

impl World {
    /// Adds a node with a hostname label, 4 CPUs, 8Gi and room for 110 pods, then lets `change` have its way.
    pub(crate) fn node(&mut self, name: &str, change: impl FnOnce(&mut Node)) -> NodeRow {
        let mut node = Node {
            name: name.into(),
            labels: labels(&[("kubernetes.io/hostname", name)]),
            allocatable: resources(&[("cpu", "4"), ("memory", "8Gi"), ("pods", "110")]),
            ..Node::default()
        };
        change(&mut node);
        self.cluster.upsert_node(node)
    }

    /// Adds a pod of the namespace `default` without requests, then lets `change` have its way. Set `pod.node` to have
    /// it running.
    pub(crate) fn pod(&mut self, name: &str, change: impl FnOnce(&mut Pod, &mut PodSpec)) -> PodRow {
        let mut spec = PodSpec {
            namespace: "default".into(),
            scheduler_name: "default-scheduler".into(),
            containers: vec![container(&[])],
            ..PodSpec::default()
        };
        let mut pod = Pod::created(name.into(), name.into(), Arc::default());
        change(&mut pod, &mut spec);
        pod.spec = Arc::new(spec);
        self.cluster.add_pod(pod)
    }
}

/// What a plugin says of each node, a line a node in the order of their names.
pub(crate) fn filter(plugin: &dyn Plugin, world: &World, pod: PodRow) -> String {
    let cluster = &world.cluster;
    let (state, only) = match plugin.pre_filter(PodView::new(cluster, pod)).into() {
        Answer::Skip => return "every node fits\n".into(),
        Answer::Reject(rejection) => return format!("pod: {}\n", text(&rejection)),
        Answer::Check(state, only) => (state, only),
    };
    if state.is_skipped() {
        return "every node fits\n".into();
    }
    let mut out = String::new();
    for (name, row) in cluster.nodes().by_name() {
        let answer = match &only {
            Some(rows) if !rows.contains(&row) => "not in question".into(),
            _ => state.check(NodeView::new(cluster, row)).map_or("fits".into(), |r| text(&r)),
        };
        writeln!(out, "{name}: {answer}").unwrap();
    }
    out
}

/// A plugin's normalized scores of all nodes, in the order of their names; empty where it skips the pod.
pub(crate) fn score(plugin: &dyn Plugin, world: &World, pod: PodRow) -> String {
    let cluster = &world.cluster;
    let rows: Vec<NodeRow> = cluster.nodes().by_name().map(|(_, row)| row).collect();
    let Some(state) = ScoreState::of(plugin.pre_score(PodView::new(cluster, pod))) else {
        return String::new();
    };
    let state = state.score();
    let feasible: Vec<Representative> = rows.iter().copied().map(Representative::single).collect();
    let mut scores = vec![0; rows.len()];
    state.score(cluster, &feasible, &mut scores);
    state.normalize(cluster, &feasible, &mut scores);
    let line: Vec<String> =
        rows.iter().zip(scores).map(|(&row, s)| format!("{}: {s}", cluster.nodes().name(row))).collect();
    line.join(", ")
}

/// The state with which a plugin checks nodes for a pod.
pub(crate) fn state<'a>(plugin: &'a dyn Plugin, world: &'a World, pod: PodRow) -> FilterState<'a> {
    match plugin.pre_filter(PodView::new(&world.cluster, pod)).into() {
        Answer::Check(state, _) => state,
        Answer::Skip | Answer::Reject(_) => panic!("the plugin checks no nodes"),
    }
}

fn text(rejection: &Rejection) -> String {
    format!("{}: {}", rejection.code.text(), rejection.message())
}

/// Whether counts that should be equal are, by a chi-squared test that a uniform choice fails once in 10^9 times.
pub(crate) fn is_uniform(counts: &[u32]) -> bool {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    let statistic: f64 = counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
    // The quantile of six standard deviations, by the approximation of Wilson and Hilferty.
    let freedom = counts.len() as f64 - 1.0;
    let deviation = 2.0 / (9.0 * freedom);
    statistic <= freedom * (1.0 - deviation + 6.0 * deviation.sqrt()).powi(3)
}

#[test]
fn the_chi_squared_test_accepts_fair_counts_and_refuses_others() {
    assert!(is_uniform(&[1000, 1050, 950, 1000]));
    assert!(!is_uniform(&[1000, 1300, 700, 1000]));
    assert!(!is_uniform(&[0, 0, 0, 100]));
}
