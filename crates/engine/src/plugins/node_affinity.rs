//! Keeps pods on nodes that their node selector and node affinity allow, and prefers the nodes that they prefer.
//!
//! - **Filter**: `nodeSelector` and one term of the required node affinity must match the node; so must the required
//!   affinity that the profile adds for all pods. Where every required term names nodes (`matchFields`), only those
//!   come into question; terms that name no common node reject the pod.
//! - **Score**: the sum of the weights of the preferred terms that match, the pod's and the profile's.
//! - **Depends on** the node's labels and name.
//! - **Unblocked by** a new node that matches, or one that matches now and did not before.
//! - **Upstream**: plugins/nodeaffinity, component-helpers `scheduling/corev1/nodeaffinity`. No known difference.
//! - **Cost**: a label look-up in a column a test and node; nothing for pods without demands or preferences.

mod explain;
mod term;

use std::sync::Arc;

use berth_model::affinity::NodeAffinity as Affinity;
use berth_model::node::Node;
use berth_model::selector::{NodeSelectorTerm, Operator};

use crate::cluster::{Change, Cluster, UniformColumns};
use crate::ids::name::PluginName;
use crate::ids::{NodeRow, PodClassId, Sym};
use crate::plugin::detail::Detail;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{
    CacheScope, CachedFilter, CachedScore, ClassFilter, Filter, FilterHints, Plugin, PreFilter, PreScore,
    QueueingHint, Representative, Score, ScoreHints, Uniform, Validity, accepts,
};
use crate::scoring::normalize;
use crate::verdict::Rejection;

use term::{Column, Term};

/// The plugin's name in configurations.
pub const NAME: &str = "NodeAffinity";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[ExtensionPoint::PreFilter, ExtensionPoint::Filter, ExtensionPoint::PreScore, ExtensionPoint::Score],
    || Arc::new(NodeAffinity::default()),
)
.in_default_profile(2)
.with_arguments();

const REASON_POD: &str = "node(s) didn't match Pod's node affinity/selector";
const REASON_ENFORCED: &str = "node(s) didn't match scheduler-enforced node affinity";
const REASON_CONFLICT: &str = "pod affinity terms conflict";

/// The plugin and its arguments (`NodeAffinityArgs`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeAffinity {
    /// `addedAffinity`: holds for every pod of the profile, in addition to the pod's own.
    pub added_affinity: Affinity,
}

/// What a node must satisfy.
#[derive(Debug)]
struct AffinityFilter {
    class: PodClassId,
    /// One of these, on the profile's account.
    enforced: Option<Vec<Term>>,
    /// All of these labels.
    selector: Vec<(Column, Sym)>,
    /// One of these, on the pod's account.
    required: Option<Vec<Term>>,
}

/// What the pod or the profile prefers, with weights.
#[derive(Debug)]
struct AffinityScore(Vec<(i64, Term)>);

impl Plugin for NodeAffinity {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        let required = &pod.class.required_nodes;
        if required.is_empty() && self.added_affinity.required.is_none() {
            return PreFilter::SKIP_CLASS;
        }
        let named = match pod.class.spec.node_affinity.required.as_ref().map(|s| named_nodes(&s.terms)) {
            Some(Some(names)) if names.is_empty() => {
                return PreFilter::ForClass(ClassFilter::Reject(Rejection::unresolvable(REASON_CONFLICT)));
            }
            named => named.flatten(),
        };
        let cluster = pod.cluster;
        let enforced = self.added_affinity.required.as_ref();
        let demands = Box::new(AffinityFilter {
            class: pod.class_id(),
            enforced: enforced.map(|s| s.terms.iter().map(|t| Term::interpret(t, cluster)).collect()),
            selector: required.selector.iter().map(|&(k, v)| (Column::of(k, cluster), v)).collect(),
            required: required
                .terms
                .as_ref()
                .map(|terms| terms.iter().map(|t| Term::of(t, cluster)).collect()),
        });
        match named {
            None => PreFilter::ForClass(ClassFilter::Run(demands)),
            Some(names) => {
                let mut rows: Vec<NodeRow> =
                    names.iter().filter_map(|name| cluster.nodes().find(name)).collect();
                rows.sort_unstable();
                rows.dedup();
                PreFilter::ForClass(ClassFilter::Subset(rows, demands))
            }
        }
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let (own, added) = (&pod.class.preferred_nodes, &self.added_affinity.preferred);
        if own.is_empty() && added.is_empty() {
            return PreScore::SKIP_CLASS;
        }
        let added = added.iter().map(|p| (p.weight, Term::interpret(&p.term, pod.cluster)));
        let own = own.iter().map(|(weight, term)| (*weight, Term::of(term, pod.cluster)));
        PreScore::cached(AffinityScore(added.chain(own).collect()))
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, old } => {
                old.is_none_or(|old| !self.accepted(pod, old)) && accepts(self, pod, row)
            }
            _ => false,
        })
    }
}

impl NodeAffinity {
    /// Whether the pod's demands accepted a node as it was; not told where the profile adds demands.
    fn accepted(&self, pod: PodView<'_>, old: &Node) -> bool {
        let symbols = pod.cluster.symbols();
        let value = |key| symbols.find(old.labels.get(symbols.text(key))?);
        self.added_affinity.required.is_none() && pod.class.required_nodes.matches(&old.name, value, symbols)
    }
}

/// The nodes that the terms name, if every term names some: a node outside them cannot match.
fn named_nodes(terms: &[NodeSelectorTerm]) -> Option<Vec<&str>> {
    let mut all = Vec::new();
    for term in terms {
        let lists: Vec<_> = term.fields.iter().filter(|r| r.operator == Operator::In).collect();
        let (first, rest) = lists.split_first()?;
        let in_all = |name: &&berth_model::Str| rest.iter().all(|r| r.values.contains(name));
        all.extend(first.values.iter().filter(in_all).map(|name| &**name));
    }
    (!terms.is_empty()).then_some(all)
}

impl Filter for AffinityFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let cluster = node.cluster;
        let any = |terms: &Vec<Term>| terms.iter().any(|term| term.matches(node.row, cluster));
        if !self.enforced.as_ref().is_none_or(any) {
            return Some(Rejection::unresolvable(REASON_ENFORCED));
        }
        let selected =
            self.selector.iter().all(|(c, value)| c.value(node.row, cluster.nodes()) == Some(*value));
        (!(selected && self.required.as_ref().is_none_or(any))).then(|| Rejection::unresolvable(REASON_POD))
    }

    fn explain(&self, node: NodeView<'_>, details: &mut Vec<Detail>) {
        let spec = &node.cluster.pods().class(self.class).spec;
        explain::explain(spec, node.cluster.nodes().object(node.row), details);
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints { uniform: Some(self), never_errs: true, ..FilterHints::default() }
    }
}

impl Uniform for AffinityFilter {
    fn is_uniform(&self, columns: &UniformColumns) -> bool {
        let mut terms = self.enforced.iter().chain(&self.required).flatten();
        terms.all(|term| term.is_uniform(columns)) && self.selector.iter().all(|(c, _)| c.is_uniform(columns))
    }
}

impl CachedFilter for AffinityFilter {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeFacts
    }

    fn apply_change(&mut self, _cluster: &Cluster, change: Change) -> Validity {
        let settled = !change.invalidates_all() && self.is_settled();
        Validity::valid_if(!change.invalidates_nodes() || settled)
    }
}

impl AffinityFilter {
    /// Whether nodes may come and change without making the demands mean something else.
    fn is_settled(&self) -> bool {
        let mut terms = self.enforced.iter().chain(&self.required).flatten();
        terms.all(Term::is_settled) && self.selector.iter().all(|(column, _)| column.is_known())
    }
}

impl Score for AffinityScore {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        for (weight, term) in &self.0 {
            for (score, group) in out.iter_mut().zip(feasible) {
                if term.matches(group.row, cluster) {
                    *score += weight;
                }
            }
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        normalize::most_is_best(scores);
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { uniform: Some(self), ignores_counts: true, ..ScoreHints::default() }
    }
}

impl Uniform for AffinityScore {
    fn is_uniform(&self, columns: &UniformColumns) -> bool {
        self.0.iter().all(|(_, term)| term.is_uniform(columns))
    }
}

impl CachedScore for AffinityScore {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeFacts
    }

    fn apply_change(&mut self, _cluster: &Cluster, change: Change) -> Validity {
        let settled = !change.invalidates_all() && self.0.iter().all(|(_, term)| term.is_settled());
        Validity::valid_if(!change.invalidates_nodes() || settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter, labels, score};
    use berth_model::affinity::PreferredNode;
    use berth_model::selector::{NodeSelector, Requirement};
    use expect_test::expect;

    fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
        Requirement { key: key.into(), operator, values: values.iter().map(|v| (*v).into()).collect() }
    }

    fn on_labels(expressions: Vec<Requirement>) -> NodeSelectorTerm {
        NodeSelectorTerm { expressions, fields: Vec::new() }
    }

    fn on_names(operator: Operator, names: &[&str]) -> NodeSelectorTerm {
        let fields = names.iter().map(|name| requirement("metadata.name", operator, &[name])).collect();
        NodeSelectorTerm { expressions: Vec::new(), fields }
    }

    /// Three nodes: n1 in zone a with 4 disks, n2 in zone b with 10 disks, n3 with neither label.
    fn world() -> World {
        let mut world = World::default();
        world.node("n1", |node| node.labels = labels(&[("zone", "a"), ("disks", "4")]));
        world.node("n2", |node| node.labels = labels(&[("zone", "b"), ("disks", "10")]));
        world.node("n3", |_| {});
        world
    }

    /// Which nodes fit a pod with these required terms.
    fn fitting(terms: Vec<NodeSelectorTerm>) -> String {
        let mut world = world();
        let pod = world.pod("p", |_, spec| spec.node_affinity.required = Some(NodeSelector { terms }));
        let text = filter(&NodeAffinity::default(), &world, pod);
        let fits = text.lines().filter_map(|line| line.strip_suffix(": fits"));
        fits.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_node_must_match_one_of_the_required_terms() {
        use Operator::*;
        let one = |key, operator, values: &[&str]| vec![on_labels(vec![requirement(key, operator, values)])];
        let cases = [
            (one("zone", In, &["a", "c"]), "n1"),
            (one("zone", NotIn, &["a"]), "n2 n3"),
            (one("zone", Exists, &[]), "n1 n2"),
            (one("zone", DoesNotExist, &[]), "n3"),
            (one("nowhere", DoesNotExist, &[]), "n1 n2 n3"),
            (one("disks", Gt, &["4"]), "n2"),
            (one("disks", Lt, &["10"]), "n1"),
            (one("zone", Gt, &["4"]), ""),
            (one("disks", Gt, &["many"]), ""),
            (vec![], ""),
            (vec![on_labels(vec![])], ""),
            (
                vec![on_labels(vec![requirement("zone", Exists, &[]), requirement("disks", In, &["10"])])],
                "n2",
            ),
            (
                vec![
                    on_labels(vec![requirement("zone", In, &["a"])]),
                    on_labels(vec![requirement("zone", In, &["b"])]),
                    on_labels(vec![]),
                ],
                "n1 n2",
            ),
            (vec![on_names(NotIn, &["n1", "n2"])], "n3"),
            (vec![on_names(In, &["n1"]), on_labels(vec![requirement("zone", In, &["b"])])], "n1 n2"),
        ];
        for (terms, expected) in cases {
            let text = format!("{terms:?}");
            assert_eq!(fitting(terms), expected, "{text}");
        }
    }

    #[test]
    fn terms_that_all_name_nodes_leave_only_those_in_question() {
        let mut world = world();
        let mut ask = |terms: Vec<NodeSelectorTerm>| {
            let pod = world.pod("p", |_, spec| spec.node_affinity.required = Some(NodeSelector { terms }));
            filter(&NodeAffinity::default(), &world, pod)
        };
        let mut picky = on_names(Operator::In, &["n2"]);
        picky.expressions.push(requirement("zone", Operator::In, &["a"]));
        expect![[r#"
            n1: not in question
            n2: UnschedulableAndUnresolvable: node(s) didn't match Pod's node affinity/selector
            n3: fits
        "#]]
        .assert_eq(&ask(vec![on_names(Operator::In, &["n3"]), picky, on_names(Operator::In, &["ghost"])]));
        expect![[r#"
            pod: UnschedulableAndUnresolvable: pod affinity terms conflict
        "#]]
        .assert_eq(&ask(vec![on_names(Operator::In, &["n1", "n2"])]));
    }

    #[test]
    fn the_node_selector_and_the_affinity_of_the_profile_must_hold_too() {
        let mut world = world();
        let picky = world.pod("picky", |_, spec| {
            spec.node_selector = labels(&[("zone", "b")]);
            spec.node_affinity.required = Some(NodeSelector {
                terms: vec![on_labels(vec![requirement("disks", Operator::Exists, &[])])],
            });
        });
        let plain = world.pod("plain", |_, _| {});
        expect!["every node fits\n"].assert_eq(&filter(&NodeAffinity::default(), &world, plain));
        let terms = vec![on_labels(vec![requirement("zone", Operator::In, &["a", "never seen"])])];
        let required = Some(NodeSelector { terms });
        let plugin = NodeAffinity { added_affinity: Affinity { required, preferred: Vec::new() } };
        expect![[r#"
            n1: fits
            n2: UnschedulableAndUnresolvable: node(s) didn't match scheduler-enforced node affinity
            n3: UnschedulableAndUnresolvable: node(s) didn't match scheduler-enforced node affinity
        "#]]
        .assert_eq(&filter(&plugin, &world, plain));
        expect![[r#"
            n1: UnschedulableAndUnresolvable: node(s) didn't match Pod's node affinity/selector
            n2: fits
            n3: UnschedulableAndUnresolvable: node(s) didn't match Pod's node affinity/selector
        "#]]
        .assert_eq(&filter(&NodeAffinity::default(), &world, picky));
    }

    #[test]
    fn preferred_terms_add_their_weights_the_profile_s_too() {
        let mut world = world();
        let preferred = |weight, key, values: &[&str]| PreferredNode {
            weight,
            term: on_labels(vec![requirement(key, Operator::In, values)]),
        };
        let plain = world.pod("plain", |_, _| {});
        let picky = world.pod("picky", |_, spec| {
            spec.node_affinity.preferred = vec![
                preferred(2, "zone", &["a", "b"]),
                preferred(4, "disks", &["4"]),
                PreferredNode { weight: 9, term: NodeSelectorTerm::default() },
            ];
        });
        let added = Affinity { required: None, preferred: vec![preferred(6, "zone", &["b"])] };
        let plugin = NodeAffinity { added_affinity: added };
        expect![""].assert_eq(&score(&NodeAffinity::default(), &world, plain));
        expect!["n1: 100, n2: 33, n3: 0"].assert_eq(&score(&NodeAffinity::default(), &world, picky));
        expect!["n1: 0, n2: 100, n3: 0"].assert_eq(&score(&plugin, &world, plain));
        expect!["n1: 75, n2: 100, n3: 0"].assert_eq(&score(&plugin, &world, picky));
    }
}
