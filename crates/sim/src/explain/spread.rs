//! How far a topology domain is over what the pod's spread constraints allow.

use std::collections::BTreeMap;

use berth_engine::class::Spread;
use berth_engine::ids::{NodeRow, Sym};
use berth_engine::plugins::taint_toleration::untolerated;
use berth_engine::view::PodView;

/// The pod's constraints that decide, with the pods of each domain counted.
pub(super) struct Spreads<'a> {
    pod: PodView<'a>,
    counted: Vec<Counted<'a>>,
}

struct Counted<'a> {
    constraint: &'a Spread,
    /// Matching pods by domain, of domains that take part and others that have some.
    pods: BTreeMap<Sym, i64>,
    smallest: i64,
}

impl<'a> Spreads<'a> {
    pub(super) fn new(pod: PodView<'a>) -> Self {
        let required: Vec<&Spread> = pod.class.spread.iter().filter(|c| c.required).collect();
        let counted = required.iter().map(|constraint| Counted::new(pod, constraint, &required)).collect();
        Self { pod, counted }
    }

    /// What the first constraint that the node fails says of it.
    pub(super) fn too_full(&self, row: NodeRow) -> Option<String> {
        let (cluster, class) = (self.pod.cluster, self.pod.class);
        let symbols = cluster.symbols();
        if self.counted.is_empty() {
            return Some("by a default constraint of the profile".into());
        }
        self.counted.iter().find_map(|counted| {
            let constraint = counted.constraint;
            let key = symbols.text(constraint.topology_key);
            let Some(domain) = cluster.nodes().label(row, constraint.topology_key) else {
                return Some(format!("has no label {key}, which the spread constraint counts by"));
            };
            let there = counted.pods.get(&domain).copied().unwrap_or(0);
            let own = constraint.selector.as_ref().is_some_and(|s| s.matches(&class.labels, symbols));
            let (with, smallest) = (there + i64::from(own), counted.smallest);
            (with - smallest > constraint.max_skew).then(|| {
                let allowed = smallest + constraint.max_skew;
                format!(
                    "{key}={} would have {with} of these pods; maxSkew {} over the emptiest, with {smallest}, allows {allowed}",
                    symbols.text(domain),
                    constraint.max_skew
                )
            })
        })
    }
}

impl<'a> Counted<'a> {
    fn new(pod: PodView<'a>, constraint: &'a Spread, all: &[&Spread]) -> Self {
        let (cluster, nodes) = (pod.cluster, pod.cluster.nodes());
        let symbols = cluster.symbols();
        let takes_part = |row: NodeRow| {
            let required = &pod.class.required_nodes;
            all.iter().all(|c| nodes.label(row, c.topology_key).is_some())
                && (!constraint.honor_node_affinity
                    || required.matches(nodes.name(row), |key| nodes.label(row, key), symbols))
                && !(constraint.honor_node_taints
                    && untolerated(nodes.taints(row), &pod.class.spec.tolerations))
        };
        let rows: Vec<NodeRow> = nodes.rows().filter(|&row| takes_part(row)).collect();
        let mut pods: BTreeMap<Sym, i64> = BTreeMap::new();
        for &row in &rows {
            if let Some(domain) = nodes.label(row, constraint.topology_key) {
                pods.entry(domain).or_default();
            }
        }
        let selector = constraint.selector.as_ref().filter(|s| !s.tests.is_empty());
        for (_, class, placements) in cluster.pods().classes() {
            let counts = class.namespace == pod.class.namespace
                && selector.is_some_and(|s| s.matches(&class.labels, symbols));
            for place in placements.entries().iter().filter(|place| counts && takes_part(place.row)) {
                if let Some(domain) = nodes.label(place.row, constraint.topology_key) {
                    *pods.entry(domain).or_default() += i64::from(place.pods - place.terminating);
                }
            }
        }
        let enough = i64::try_from(pods.len()).unwrap_or(i64::MAX) >= constraint.min_domains;
        let smallest = if enough { pods.values().copied().min().unwrap_or(0) } else { 0 };
        Self { constraint, pods, smallest }
    }
}
