//! Keeps pods off nodes that lack room for what they request, and scores nodes by how full they are.
//!
//! - **Filter**: the node must have room for one more pod and for each requested amount. Every missing resource is
//!   named; where one request exceeds all that the node offers, no eviction would help.
//! - **Score**: by the strategy of the profile: the emptier the better (`LeastAllocated`, the default), the fuller the
//!   better (`MostAllocated`), or a curve over utilization (`RequestedToCapacityRatio`). Containers without CPU or
//!   memory requests count a default amount here, and requests at the level of the pod count only for pods that are
//!   on the node already.
//! - **Depends on** what the node offers and what its pods request.
//! - **Unblocked by** a pod that leaves a node or shrinks, a new node, or a node that offers more.
//! - **Upstream**: plugins/noderesources `fit.go`, `resource_allocation.go`. Known difference: upstream leaves extended
//!   resources that a DeviceClass provides to DynamicResources; Berth does not know device classes yet and asks the
//!   node for them.
//! - **Cost**: one comparison a requested resource and node; a division or two a scored resource and node.

mod least_allocated;
mod most_allocated;
mod requested_to_capacity_ratio;

use berth_model::Str;
use smallvec::SmallVec;

use crate::axis::{Amounts, Axis, AxisColumns, Counting, WeightedResource, axes, columns};
use crate::class::Class;
use crate::cluster::{Change, Cluster, Nodes};
use crate::ids::{NodeRow, ResourceId};
use crate::plugin::{Depends, Filter, Group, Plugin, Prepared, Score};
use crate::resources::{is_extended, is_scalar};
use crate::verdict::{Code, Reason, Rejection};
use crate::view::{NodeView, PodView};

pub use crate::shape::ShapePoint;

/// The plugin's name in configurations.
pub const NAME: &str = "NodeResourcesFit";

const TOO_MANY_PODS: &str = "Too many pods";

/// The plugin and its arguments (`NodeResourcesFitArgs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeResourcesFit {
    /// Extended resources that the filter does not look at.
    pub ignored_resources: Vec<Str>,
    /// Prefixes (before the `/`) of extended resources that the filter does not look at.
    pub ignored_resource_groups: Vec<Str>,
    /// How a node's score follows from how full it is.
    pub strategy: Strategy,
    /// The resources that count in the score, with weights.
    pub resources: Vec<WeightedResource>,
}

/// How a node's score follows from how full it is (`ScoringStrategyType`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The emptier, the better.
    LeastAllocated,
    /// The fuller, the better.
    MostAllocated,
    /// A curve over utilization.
    RequestedToCapacityRatio(Vec<ShapePoint>),
}

/// Upstream's defaults: nothing is ignored, the emptier the better, CPU and memory count the same.
impl Default for NodeResourcesFit {
    fn default() -> Self {
        Self {
            ignored_resources: Vec::new(),
            ignored_resource_groups: Vec::new(),
            strategy: Strategy::LeastAllocated,
            resources: crate::axis::cpu_and_memory(),
        }
    }
}

/// What the pod needs, with the sentence for a node that lacks it.
#[derive(Debug)]
struct Needs(SmallVec<[Need; 4]>);

#[derive(Debug)]
struct Need {
    resource: ResourceId,
    amount: i64,
    reason: Reason,
}

/// Of one resource: what nodes offer, what their pods request, and what the pod needs.
type Room<'a> = (&'a [i64], &'a [i64], i64);

/// The axes of the score and the strategy over them.
#[derive(Debug)]
struct Fullness {
    strategy: Strategy,
    axes: Vec<Axis>,
}

impl NodeResourcesFit {
    fn needs(&self, pod: PodView<'_>) -> Needs {
        let resources = pod.cluster.resources();
        let mut needs: SmallVec<[Need; 4]> = SmallVec::new();
        for &(resource, amount) in pod.class.requests.iter().filter(|(_, amount)| *amount > 0) {
            let name = resources.name(resource);
            let reason = match resource {
                ResourceId::CPU => Reason::Fixed("Insufficient cpu"),
                ResourceId::MEMORY => Reason::Fixed("Insufficient memory"),
                ResourceId::EPHEMERAL_STORAGE => Reason::Fixed("Insufficient ephemeral-storage"),
                _ if !is_scalar(name) || self.ignores(name) => continue,
                _ => format!("Insufficient {name}").into(),
            };
            needs.push(Need { resource, amount, reason });
        }
        // The rest by name, because ids depend on the order in which objects came.
        let scalar = |need: &Need| need.resource > ResourceId::EPHEMERAL_STORAGE;
        needs.sort_by(|a, b| scalar(a).cmp(&scalar(b)).then_with(|| a.reason.text().cmp(b.reason.text())));
        Needs(needs)
    }

    fn ignores(&self, name: &str) -> bool {
        let listed = |list: &[Str], text: &str| list.iter().any(|entry| &**entry == text);
        is_extended(name)
            && (listed(&self.ignored_resources, name)
                || name
                    .split_once('/')
                    .is_some_and(|(group, _)| listed(&self.ignored_resource_groups, group)))
    }
}

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn filter_depends(&self, _class: &Class) -> Depends {
        Depends::NodeUsage
    }

    fn score_depends(&self, _class: &Class) -> Depends {
        Depends::NodeUsage
    }

    fn keep_filter(&self, pod: PodView<'_>) -> Prepared<'static> {
        Prepared::Ready(Box::new(self.needs(pod)))
    }

    fn keep_score(&self, pod: PodView<'_>) -> Option<Box<dyn Score>> {
        let axes = axes(pod, &self.resources, Counting::WithDefaults);
        Some(Box::new(Fullness { strategy: self.strategy.clone(), axes }))
    }
}

impl Needs {
    /// Whether a node has room, as a look at a few columns.
    fn by_columns<'a>(&self, nodes: &'a Nodes) -> impl Fn(NodeRow) -> bool + use<'a> {
        // A column exists for every resource of a class that the cluster knows.
        let columns: SmallVec<[Room<'a>; 4]> = self
            .0
            .iter()
            .map(|need| {
                let id = need.resource.index();
                (&*nodes.allocatable[id], &*nodes.requested[id], need.amount)
            })
            .collect();
        move |row| {
            let at = row.index();
            (nodes.pods[at].len() as i64) < nodes.allowed_pods[at]
                && columns.iter().all(|&(offer, used, need)| need <= offer[at].wrapping_sub(used[at]))
        }
    }
}

impl Filter for Needs {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let mut reasons: SmallVec<[Reason; 1]> = SmallVec::new();
        let mut code = Code::Unschedulable;
        if node.pod_count() >= node.cluster.nodes().allowed_pods(node.row) {
            reasons.push(Reason::Fixed(TOO_MANY_PODS));
        }
        for need in &self.0 {
            let allocatable = node.allocatable(need.resource);
            if need.amount > allocatable.wrapping_sub(node.requested(need.resource)) {
                reasons.push(need.reason.clone());
                if need.amount > allocatable {
                    code = Code::UnschedulableAndUnresolvable;
                }
            }
        }
        (!reasons.is_empty()).then_some(Rejection { code, reasons })
    }

    fn scan(&self, cluster: &Cluster, rows: &[NodeRow], verdict: &mut dyn FnMut(NodeRow, Option<Rejection>)) {
        let fits = self.by_columns(cluster.nodes());
        for &row in rows {
            verdict(row, if fits(row) { None } else { self.check(NodeView::new(cluster, row)) });
        }
    }

    fn sieve(&self, cluster: &Cluster, rows: &mut Vec<NodeRow>) {
        let fits = self.by_columns(cluster.nodes());
        rows.retain(|&row| fits(row));
    }

    fn follow(&mut self, _cluster: &Cluster, change: Change) -> bool {
        change.keeps_nodes()
    }
}

impl Score for Fullness {
    fn score(&self, cluster: &Cluster, feasible: &[Group], out: &mut [i64]) {
        let columns = columns(&self.axes, cluster.nodes());
        let score = |at: usize| match &self.strategy {
            Strategy::LeastAllocated => weighted_mean(&columns, at, least_allocated::score),
            Strategy::MostAllocated => weighted_mean(&columns, at, most_allocated::score),
            Strategy::RequestedToCapacityRatio(shape) => {
                requested_to_capacity_ratio::score(shape, &columns, at)
            }
        };
        for (out, group) in out.iter_mut().zip(feasible) {
            *out = score(group.row.index());
        }
    }

    fn follow(&mut self, _cluster: &Cluster, change: Change) -> bool {
        change.keeps_nodes()
    }
}

/// The weighted mean over the resources that the node offers, cut to an integer.
fn weighted_mean(columns: &[AxisColumns<'_>], at: usize, score: impl Fn(Amounts) -> i64) -> i64 {
    let (mut sum, mut weights) = (0i64, 0i64);
    for column in columns {
        if let Some(node) = column.amounts(at) {
            sum = sum.wrapping_add(score(node).wrapping_mul(column.weight));
            weights += column.weight;
        }
    }
    if weights == 0 { 0 } else { sum / weights }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, container, filter, resources, score};
    use expect_test::expect;

    type Amounts<'a> = &'a [(&'a str, &'a str)];

    const OFFER: Amounts<'_> = &[
        ("cpu", "4"),
        ("memory", "8Gi"),
        ("ephemeral-storage", "10Gi"),
        ("hugepages-2Mi", "4Mi"),
        ("example.com/gpu", "2"),
        ("pods", "3"),
    ];

    /// What is said of a node that offers [`OFFER`] and runs a pod with `used`, to a pod with `wanted`.
    fn verdict(plugin: &NodeResourcesFit, used: Amounts<'_>, wanted: Amounts<'_>) -> String {
        let mut world = World::default();
        world.node("n1", |node| node.allocatable = resources(OFFER));
        world.pod("running", |pod, spec| {
            pod.node = Some("n1".into());
            spec.containers = vec![container(used)];
        });
        let pod = world.pod("p", |_, spec| spec.containers = vec![container(wanted)]);
        let text = filter(plugin, &world, pod);
        text.trim_end().strip_prefix("n1: ").unwrap().into()
    }

    #[test]
    fn every_resource_that_is_short_is_named_and_a_request_beyond_the_node_is_beyond_help() {
        let cases: &[(Amounts<'_>, Amounts<'_>, &str)] = &[
            (&[], &[], "fits"),
            (&[("cpu", "3")], &[("cpu", "1")], "fits"),
            (&[("cpu", "3")], &[("cpu", "1001m")], "Unschedulable: Insufficient cpu"),
            (&[], &[("cpu", "4001m")], "UnschedulableAndUnresolvable: Insufficient cpu"),
            (
                &[("cpu", "4"), ("memory", "8Gi")],
                &[("cpu", "1"), ("memory", "1")],
                "Unschedulable: Insufficient cpu, Insufficient memory",
            ),
            (
                &[("cpu", "4")],
                &[("cpu", "1"), ("memory", "9Gi")],
                "UnschedulableAndUnresolvable: Insufficient cpu, Insufficient memory",
            ),
            (&[("cpu", "9")], &[("cpu", "0")], "fits"),
            (&[("cpu", "9")], &[("memory", "1Gi")], "fits"),
            (
                &[("ephemeral-storage", "9Gi")],
                &[("ephemeral-storage", "2Gi")],
                "Unschedulable: Insufficient ephemeral-storage",
            ),
            (&[("example.com/gpu", "2")], &[("example.com/gpu", "0")], "fits"),
            (
                &[("example.com/gpu", "1"), ("hugepages-2Mi", "4Mi")],
                &[("hugepages-2Mi", "2Mi"), ("example.com/gpu", "2")],
                "Unschedulable: Insufficient example.com/gpu, Insufficient hugepages-2Mi",
            ),
            (
                &[],
                &[("example.com/fpga", "1")],
                "UnschedulableAndUnresolvable: Insufficient example.com/fpga",
            ),
        ];
        for (used, wanted, expected) in cases {
            let verdict = verdict(&NodeResourcesFit::default(), used, wanted);
            assert_eq!(verdict, *expected, "{wanted:?} beside {used:?}");
        }
    }

    #[test]
    fn ignored_extended_resources_are_not_looked_at() {
        let plugin = NodeResourcesFit {
            ignored_resources: vec!["example.com/fpga".into(), "hugepages-1Gi".into()],
            ignored_resource_groups: vec!["example.org".into()],
            ..NodeResourcesFit::default()
        };
        let cases = [
            ("example.com/fpga", "fits"),
            ("example.org/anything", "fits"),
            ("example.org.uk/other", "UnschedulableAndUnresolvable: Insufficient example.org.uk/other"),
            ("hugepages-1Gi", "UnschedulableAndUnresolvable: Insufficient hugepages-1Gi"),
        ];
        for (name, expected) in cases {
            assert_eq!(verdict(&plugin, &[], &[(name, "1")]), expected);
        }
    }

    #[test]
    fn a_node_takes_only_so_many_pods() {
        let mut world = World::default();
        world.node("n1", |node| node.allocatable = resources(&[("cpu", "1"), ("pods", "1")]));
        world.node("n2", |node| node.allocatable = resources(&[("cpu", "1")]));
        world.pod("running", |pod, _| pod.node = Some("n1".into()));
        let pod = world.pod("p", |_, _| {});
        expect![[r#"
            n1: Unschedulable: Too many pods
            n2: Unschedulable: Too many pods
        "#]]
        .assert_eq(&filter(&NodeResourcesFit::default(), &world, pod));
    }

    #[test]
    fn the_scan_and_the_single_check_agree() {
        let mut world = World::default();
        for cpu in 1..6 {
            let cpu = format!("{cpu}");
            world.node(&format!("n{cpu}"), |node| {
                node.allocatable = resources(&[("cpu", &cpu), ("pods", "2")]);
            });
        }
        for node in ["n3", "n4", "n4"] {
            world.pod("running", |pod, spec| {
                pod.node = Some(node.into());
                spec.containers = vec![container(&[("cpu", "1")])];
            });
        }
        let pod = world.pod("p", |_, spec| spec.containers = vec![container(&[("cpu", "3")])]);
        let plugin = NodeResourcesFit::default();
        let needs = plugin.needs(PodView::new(&world.cluster, pod));
        let rows: Vec<NodeRow> = world.cluster.nodes().rows().collect();
        let mut seen = Vec::new();
        needs.scan(&world.cluster, &rows, &mut |row, verdict| seen.push((row, verdict)));
        let single: Vec<_> =
            rows.iter().map(|&row| (row, needs.check(NodeView::new(&world.cluster, row)))).collect();
        assert_eq!(seen, single);
    }

    /// Scores of an empty node of 4 CPUs and 8Gi, and of one of the same size that runs a pod of 2 CPUs and 2Gi.
    fn scores(strategy: Strategy, resources: &[(&str, i64)], wanted: Amounts<'_>) -> String {
        let mut world = World::default();
        world.node("n1", |_| {});
        world.node("n2", |_| {});
        world.pod("running", |pod, spec| {
            pod.node = Some("n2".into());
            spec.containers = vec![container(&[("cpu", "2"), ("memory", "2Gi")])];
        });
        let pod = world.pod("p", |_, spec| spec.containers = vec![container(wanted)]);
        let resources =
            resources.iter().map(|&(name, weight)| WeightedResource { name: name.into(), weight }).collect();
        score(&NodeResourcesFit { strategy, resources, ..NodeResourcesFit::default() }, &world, pod)
    }

    #[test]
    fn the_strategy_says_whether_full_or_empty_is_better() {
        let both = &[("cpu", 1), ("memory", 1)][..];
        let wanted = &[("cpu", "1"), ("memory", "2Gi")][..];
        let curve = |points: [(i64, i64); 2]| {
            let points = points.map(|(utilization, score)| ShapePoint { utilization, score });
            Strategy::RequestedToCapacityRatio(points.into())
        };
        let cases = [
            (Strategy::LeastAllocated, both, wanted, "n1: 75, n2: 37"),
            (Strategy::LeastAllocated, &[("cpu", 3), ("memory", 1)][..], wanted, "n1: 75, n2: 31"),
            (Strategy::MostAllocated, both, wanted, "n1: 25, n2: 62"),
            // Without requests 100m and 200Mi are counted.
            (Strategy::LeastAllocated, both, &[][..], "n1: 97, n2: 59"),
            // What the pod does not request, and what no node offers, does not count.
            (
                Strategy::MostAllocated,
                &[("cpu", 1), ("example.com/gpu", 5), ("pods", 5)][..],
                wanted,
                "n1: 25, n2: 75",
            ),
            (curve([(0, 0), (100, 10)]), both, wanted, "n1: 25, n2: 63"),
            (curve([(0, 10), (100, 0)]), both, wanted, "n1: 75, n2: 38"),
        ];
        for (strategy, resources, wanted, expected) in cases {
            let text = format!("{strategy:?} {resources:?}");
            assert_eq!(scores(strategy, resources, wanted), expected, "{text}");
        }
    }

    #[test]
    fn requests_of_the_pod_as_a_whole_do_not_count_in_its_own_score() {
        let mut world = World::default();
        world.node("n1", |_| {});
        let pod = world.pod("p", |_, spec| {
            spec.containers = vec![container(&[("cpu", "1"), ("memory", "2Gi")])];
            spec.pod_requests = Some(resources(&[("cpu", "3"), ("memory", "6Gi")]));
        });
        expect!["n1: 75"].assert_eq(&score(&NodeResourcesFit::default(), &world, pod));
    }
}
