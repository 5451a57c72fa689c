//! The laws of the plugin interface, for every plugin of the registry, over random histories.
//!
//! A few pods wait all the time. After each step of the history each plugin is asked about them in every way that the
//! interface has, and the answers must agree: a cached state with a fresh one, many nodes at once with one node at a
//! time, what a hint promises with what happens.

mod filter;
mod planted;
mod score;

use std::sync::Arc;

use berth_engine::bounds::UsageBounds;
use berth_engine::cluster::{Cluster, PartitionKey, UniformColumns};
use berth_engine::ids::{NodeRow, PodClassId, PodRow};
use berth_engine::plugin::Plugin;
use berth_engine::plugins::{
    REGISTRY, inter_pod_affinity, node_affinity, node_resources_fit, pod_topology_spread,
};
use berth_engine::scheduler::Scheduler;
use berth_engine::view::PodView;
use berth_model::affinity::{NodeAffinity, PreferredNode, SpreadConstraint};
use berth_model::selector::{NodeSelector, NodeSelectorTerm, Operator, Requirement};
use proptest::prelude::*;

use crate::config;
use crate::history::{Happening, History, PodShape, Step};
use filter::WatchedFilter;
use score::WatchedScore;

/// A plugin, and what it said of the pods that wait.
struct Laws {
    plugin: Arc<dyn Plugin>,
    pods: Vec<Watched>,
}

struct Watched {
    pod: PodRow,
    /// The pod's class when it was asked about last: cached states are of that class.
    class: Option<(PodClassId, u32)>,
    /// The change up to which the cached states are right.
    seen: u64,
    filter: WatchedFilter,
    score: WatchedScore,
}

impl Laws {
    fn new(plugin: Arc<dyn Plugin>, pods: &[PodRow]) -> Self {
        let watched = |&pod: &PodRow| Watched {
            pod,
            class: None,
            seen: 0,
            filter: WatchedFilter::default(),
            score: WatchedScore::default(),
        };
        Self { plugin, pods: pods.iter().map(watched).collect() }
    }

    /// Checks all laws after something happened.
    fn check(&mut self, cluster: &Cluster, happened: &[Happening]) -> Result<(), String> {
        for watched in &mut self.pods {
            watched.check(&*self.plugin, cluster, happened).map_err(|broken| {
                let pod = cluster.pods().entry(watched.pod).pod.key();
                format!("{}, pod {pod}: {broken}, after {happened:?}", self.plugin.name())
            })?;
        }
        for pair in self.pods.windows(2) {
            let class = |watched: &Watched| cluster.pods().entry(watched.pod).class;
            if class(&pair[0]) == class(&pair[1]) {
                pair[0].filter.agrees(&pair[1].filter)?;
            }
        }
        Ok(())
    }
}

impl Watched {
    fn check(
        &mut self,
        plugin: &dyn Plugin,
        cluster: &Cluster,
        happened: &[Happening],
    ) -> Result<(), String> {
        let pod = PodView::new(cluster, self.pod);
        let class = Some((pod.class_id(), cluster.pods().generation(pod.class_id())));
        let same_class = std::mem::replace(&mut self.class, class) == class;
        let changes = cluster.changes().since(self.seen).filter(|_| same_class);
        self.filter.check(plugin, pod, changes, happened)?;
        self.score.check(plugin, pod, changes)?;
        self.seen = cluster.changes().next();
        Ok(())
    }
}

/// All nodes, by what uniform nodes share.
fn uniform_groups(cluster: &Cluster, columns: &UniformColumns) -> Vec<Vec<NodeRow>> {
    let nodes = cluster.nodes();
    let facts = |row: NodeRow| {
        let object = nodes.object(row);
        let labels = object.labels.iter().filter(|(key, _)| {
            let column = cluster.symbols().find(key).and_then(|key| nodes.column(key));
            column.is_some_and(|column| columns.contains(column))
        });
        let labels: Vec<_> = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
        format!("{labels:?} {:?} {:?} {}", object.taints, object.allocatable, object.unschedulable)
    };
    grouped(nodes.rows(), facts)
}

/// All nodes, by what they offer.
fn equal_nodes(cluster: &Cluster) -> Vec<Vec<NodeRow>> {
    grouped(cluster.nodes().rows(), |row| format!("{:?}", cluster.nodes().object(row).allocatable))
}

fn grouped<K: Ord>(rows: impl Iterator<Item = NodeRow>, key: impl Fn(NodeRow) -> K) -> Vec<Vec<NodeRow>> {
    let mut groups = std::collections::BTreeMap::<K, Vec<NodeRow>>::new();
    rows.for_each(|row| groups.entry(key(row)).or_default().push(row));
    groups.into_values().collect()
}

/// The bounds of some nodes that offer the same.
fn bounds(cluster: &Cluster, rows: &[NodeRow]) -> UsageBounds {
    let single = rows.iter().map(|&row| UsageBounds::of(cluster.nodes(), row));
    single.reduce(UsageBounds::join).expect("a group has a node")
}

fn name(cluster: &Cluster, row: NodeRow) -> &str {
    cluster.nodes().name(row)
}

/// A law, as an error if it is broken.
fn law(holds: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(broken()) }
}

/// Every plugin of the registry, and some with other arguments.
fn plugins() -> Vec<Arc<dyn Plugin>> {
    let strategies = [
        node_resources_fit::Strategy::MostAllocated,
        node_resources_fit::Strategy::RequestedToCapacityRatio(
            [(0, 0), (40, 10), (100, 3)]
                .map(|(utilization, score)| berth_engine::shape::ShapePoint { utilization, score })
                .into(),
        ),
    ];
    let exists = |key: &str| NodeSelectorTerm {
        expressions: vec![Requirement { key: key.into(), operator: Operator::Exists, values: Vec::new() }],
        fields: Vec::new(),
    };
    let spread = |key: &str, required| SpreadConstraint {
        max_skew: 1,
        topology_key: key.into(),
        required,
        selector: None,
        min_domains: None,
        honor_node_affinity: true,
        honor_node_taints: true,
        match_label_keys: Vec::new(),
    };
    let mut plugins: Vec<Arc<dyn Plugin>> = REGISTRY.iter().filter_map(|entry| entry.build()).collect();
    plugins.extend(strategies.into_iter().map(|strategy| -> Arc<dyn Plugin> {
        Arc::new(node_resources_fit::NodeResourcesFit { strategy, ..Default::default() })
    }));
    plugins.push(Arc::new(node_affinity::NodeAffinity {
        added_affinity: NodeAffinity {
            required: Some(NodeSelector { terms: vec![exists("disk")] }),
            preferred: vec![PreferredNode { weight: 3, term: exists("topology.kubernetes.io/zone") }],
        },
    }));
    plugins.push(Arc::new(pod_topology_spread::PodTopologySpread {
        defaulting: pod_topology_spread::Defaulting::List(vec![
            spread("topology.kubernetes.io/zone", true),
            spread("kubernetes.io/hostname", false),
        ]),
    }));
    plugins.push(Arc::new(inter_pod_affinity::InterPodAffinity {
        hard_pod_affinity_weight: 0,
        ignore_preferred_terms_of_existing_pods: true,
    }));
    plugins
}

/// Plays a history and checks the laws of some plugins after each step.
fn play(plugins: Vec<Arc<dyn Plugin>>, shapes: &[PodShape], steps: &[Step]) -> Result<(), String> {
    let mut history = History::default();
    let mut pods: Vec<PodRow> = shapes.iter().map(|shape| history.wait(shape)).collect();
    pods.extend(shapes.last().map(|shape| history.wait(shape))); // two of one shape
    let mut laws: Vec<Laws> = plugins.into_iter().map(|plugin| Laws::new(plugin, &pods)).collect();
    let mut check = |scheduler: &Scheduler, happened: &[Happening]| {
        laws.iter_mut().try_for_each(|laws| laws.check(scheduler.cluster(), happened))
    };
    check(history.scheduler(), &[])?;
    for step in steps {
        history.take(step, &mut check)?;
    }
    Ok(())
}

/// A few pods that wait, and what happens meanwhile.
fn histories() -> impl Strategy<Value = (Vec<PodShape>, Vec<Step>)> {
    let shape = || prop_oneof![PodShape::any(), PodShape::picky()];
    let step = || prop_oneof![Step::any(), Step::churn()];
    let steps = (any::<bool>(), proptest::collection::vec(step(), 1..40));
    let steps = steps.prop_map(|(plain, steps)| match plain {
        true => steps.into_iter().map(Step::with_plain_nodes).collect(),
        false => steps,
    });
    (proptest::collection::vec(shape(), 1..4), steps)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases / 4, ..config() })]

    #[test]
    fn every_plugin_keeps_the_laws((shapes, steps) in histories()) {
        play(plugins(), &shapes, &steps).map_err(TestCaseError::fail)?;
    }
}
