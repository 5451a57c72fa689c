//! From which nodes a volume, or room for a new one, can be reached.
//!
//! Storage objects say it by node labels: a volume by its node affinity, a class by its allowed topologies, published
//! capacity by its topology. The conditions are compiled once, and things that differ by the value of one label (local
//! volumes, zonal capacity) are found by that value instead of being asked one by one. What is compiled holds until a
//! node comes, goes or changes its labels.

use berth_model::Str;
use berth_model::selector::{LabelSelector, NodeSelector, Operator, Requirement, parse_go_int};
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::ids::{NodeRow, Sym};
use crate::pod_class::matcher::{Check, LabelTest};

/// A condition on nodes: one of several conjunctions of tests on labels.
#[derive(Clone, Debug)]
pub struct NodeMatcher {
    /// `None` is satisfied by every node.
    any_of: Option<SmallVec<[Conjunction; 1]>>,
}

type Conjunction = SmallVec<[LabelTest; 1]>;

impl NodeMatcher {
    /// Every node.
    pub fn everywhere() -> Self {
        Self { any_of: None }
    }

    /// A volume's node affinity. Upstream looks at labels alone here: a term's fields count as satisfied.
    pub fn of_affinity(selector: &NodeSelector, cluster: &Cluster) -> Self {
        let terms = selector.terms.iter().filter(|t| !(t.expressions.is_empty() && t.fields.is_empty()));
        Self::any(terms.filter_map(|t| conjunction(t.expressions.iter(), cluster)))
    }

    /// A class's allowed topologies; with none every node will do, and an empty term selects none.
    pub fn of_topologies(terms: &[Vec<(Str, Vec<Str>)>], cluster: &Cluster) -> Self {
        if terms.is_empty() {
            return Self::everywhere();
        }
        let requirement = |(key, values): &(Str, Vec<Str>)| Requirement {
            key: key.clone(),
            operator: Operator::In,
            values: values.clone(),
        };
        let terms = terms.iter().filter(|t| !t.is_empty()).map(|t| t.iter().map(requirement).collect());
        Self::any(terms.filter_map(|t: Vec<_>| conjunction(t.iter(), cluster)))
    }

    /// A selector over node labels; an empty one selects every node.
    pub fn of_labels(selector: &LabelSelector, cluster: &Cluster) -> Self {
        Self::any(conjunction(selector.requirements.iter(), cluster).into_iter())
    }

    fn any(terms: impl Iterator<Item = Conjunction>) -> Self {
        let terms: SmallVec<_> = terms.collect();
        let everywhere = terms.iter().any(SmallVec::is_empty);
        Self { any_of: (!everywhere).then_some(terms) }
    }

    /// Whether no node is left out on account of its labels.
    pub fn is_everywhere(&self) -> bool {
        self.any_of.is_none()
    }

    /// Whether the node in a row satisfies the condition.
    pub fn includes(&self, row: NodeRow, cluster: &Cluster) -> bool {
        let holds = |test: &LabelTest| test.matches(cluster.nodes().label(row, test.key), cluster.symbols());
        self.any_of.as_ref().is_none_or(|terms| terms.iter().any(|t| t.iter().all(holds)))
    }

    /// The domains of one label that the condition demands at the least, if it is of that kind.
    fn domains(&self, cluster: &Cluster) -> Option<(Sym, SmallVec<[u32; 2]>)> {
        let [term] = self.any_of.as_deref()? else { return None };
        term.iter().find_map(|test| {
            let Check::In(values) = &test.check else { return None };
            let domains = cluster.nodes().domains(test.key)?;
            let ids = values.iter().filter_map(|&v| domains.find(v)).map(|id| id as u32).collect();
            Some((test.key, ids))
        })
    }

    /// Whether the domains of one label say all that the condition says.
    fn is_domains(&self) -> bool {
        self.any_of.as_deref().is_some_and(|terms| matches!(terms, [term] if term.len() == 1))
    }
}

/// Compiles tests without making new symbols: what no node has was never interned. `None` where no node can pass.
fn conjunction<'r>(
    requirements: impl Iterator<Item = &'r Requirement>,
    cluster: &Cluster,
) -> Option<Conjunction> {
    let symbols = cluster.symbols();
    let mut tests = Conjunction::new();
    for requirement in requirements {
        let values = || requirement.values.iter().filter_map(|v| symbols.find(v)).collect();
        let limit = || requirement.values.first().and_then(|v| parse_go_int(v));
        let check = match requirement.operator {
            Operator::In => Check::In(values()),
            // Upstream refuses the whole term.
            Operator::NotIn if requirement.values.is_empty() => return None,
            Operator::NotIn => Check::NotIn(values()),
            Operator::Exists => Check::Exists,
            Operator::DoesNotExist => Check::DoesNotExist,
            Operator::Gt => Check::Above(limit()?),
            Operator::Lt => Check::Below(limit()?),
        };
        let key = symbols.find(&requirement.key).filter(|&key| cluster.nodes().domains(key).is_some());
        match (key, &check) {
            (Some(key), _) => tests.push(LabelTest { key, check }),
            (None, Check::NotIn(_) | Check::DoesNotExist) => {}
            (None, _) => return None,
        }
    }
    Some(tests)
}

/// Things by rank, each of which can be reached from some nodes only. Of equal ranks the one that came first is ahead.
#[derive(Clone, Debug)]
pub struct TopologyIndex<T> {
    items: Vec<(T, NodeMatcher)>,
    /// Items that differ by the value of one label: by label, pairs of domain and item, sorted.
    by_domain: Vec<(Sym, Vec<(u32, u32)>)>,
    /// All other items, in their order.
    others: Vec<u32>,
}

impl<T> Default for TopologyIndex<T> {
    fn default() -> Self {
        Self { items: Vec::new(), by_domain: Vec::new(), others: Vec::new() }
    }
}

impl<T> TopologyIndex<T> {
    /// Takes things in the order of their ranks.
    pub fn new(items: Vec<(T, NodeMatcher)>, cluster: &Cluster) -> Self {
        let mut ranked = Self { items, by_domain: Vec::new(), others: Vec::new() };
        for ((_, reach), item) in ranked.items.iter().zip(0u32..) {
            let Some((key, ids)) = reach.domains(cluster) else {
                ranked.others.push(item);
                continue;
            };
            let pairs = ids.into_iter().map(|id| (id, item));
            match ranked.by_domain.iter_mut().find(|(k, _)| *k == key) {
                Some((_, list)) => list.extend(pairs),
                None => ranked.by_domain.push((key, pairs.collect())),
            }
        }
        ranked.by_domain.iter_mut().for_each(|(_, list)| list.sort_unstable());
        ranked
    }

    /// The first thing that is reached from the node and accepted, leaving out those that `is_below` holds for: it must
    /// hold for the first ranks and for no other.
    pub fn first(
        &self,
        row: NodeRow,
        cluster: &Cluster,
        is_below: impl Fn(&T) -> bool,
        accept: impl Fn(&T) -> bool,
    ) -> Option<&T> {
        let start = self.items.partition_point(|(thing, _)| is_below(thing)) as u32;
        let accepted = |item: u32| accept(&self.items[item as usize].0);
        let reached = |item: u32| self.items[item as usize].1.includes(row, cluster);
        let from = self.others.partition_point(|&item| item < start);
        let mut best = self.others[from..].iter().copied().find(|&item| accepted(item) && reached(item));
        for (key, list) in &self.by_domain {
            let Some(id) = cluster.nodes().domains(*key).and_then(|d| d.of(row)) else { continue };
            let from = list.partition_point(|&pair| pair < (id as u32, start));
            let here = list[from..].iter().take_while(|&&(domain, _)| domain as usize == id);
            let mut better = here.map(|&(_, item)| item).take_while(|&item| best.is_none_or(|b| item < b));
            let fits =
                |item: u32| accepted(item) && (self.items[item as usize].1.is_domains() || reached(item));
            best = better.find(|&item| fits(item)).or(best);
        }
        best.map(|item| &self.items[item as usize].0)
    }

    /// Whether nothing can be found.
    pub fn is_empty(&self) -> bool {
        self.others.is_empty() && self.by_domain.iter().all(|(_, list)| list.is_empty())
    }

    /// Takes the things away for which `gone` holds. The rest keeps its order.
    pub fn remove(&mut self, gone: impl Fn(&T) -> bool) {
        // The things stay where they are, so that the numbers of the rest do; they are just not found any more.
        let all = self.items.iter().zip(0u32..);
        let gone: SmallVec<[u32; 1]> =
            all.filter(|((thing, _), _)| gone(thing)).map(|(_, item)| item).collect();
        self.others.retain(|item| !gone.contains(item));
        self.by_domain.iter_mut().for_each(|(_, list)| list.retain(|(_, item)| !gone.contains(item)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, labels};
    use berth_model::selector::NodeSelectorTerm;

    fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
        Requirement { key: key.into(), operator, values: values.iter().map(|v| (*v).into()).collect() }
    }

    fn world() -> World {
        let mut world = World::default();
        for (name, zone, cores) in [("n1", "a", "4"), ("n2", "b", "8"), ("n3", "b", "many")] {
            world.node(name, |n| n.labels = labels(&[("zone", zone), ("cores", cores), ("host", name)]));
        }
        world.node("n4", |n| n.labels = labels(&[]));
        world
    }

    fn included(reach: &NodeMatcher, world: &World) -> String {
        let nodes = world.cluster.nodes().by_name().filter(|&(_, row)| reach.includes(row, &world.cluster));
        nodes.map(|(name, _)| &**name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_affinity_includes_the_nodes_whose_labels_satisfy_one_term() {
        use Operator::*;
        let world = world();
        let term = |tests: &[Requirement], fields: &[Requirement]| NodeSelectorTerm {
            expressions: tests.to_vec(),
            fields: fields.to_vec(),
        };
        let named = requirement("metadata.name", In, &["elsewhere"]);
        let cases = [
            ("one value", vec![term(&[requirement("zone", In, &["a", "x"])], &[])], "n1"),
            ("a value that no node has", vec![term(&[requirement("zone", In, &["x"])], &[])], ""),
            ("a label that no node has", vec![term(&[requirement("rack", In, &["x"])], &[])], ""),
            ("none of the values", vec![term(&[requirement("zone", NotIn, &["a", "x"])], &[])], "n2 n3 n4"),
            ("not even the label", vec![term(&[requirement("rack", NotIn, &["x"])], &[])], "n1 n2 n3 n4"),
            ("no listed value", vec![term(&[requirement("zone", NotIn, &[])], &[])], ""),
            ("presence", vec![term(&[requirement("zone", Exists, &[])], &[])], "n1 n2 n3"),
            ("absence", vec![term(&[requirement("zone", DoesNotExist, &[])], &[])], "n4"),
            ("more than", vec![term(&[requirement("cores", Gt, &["4"])], &[])], "n2"),
            ("less than", vec![term(&[requirement("cores", Lt, &["8"])], &[])], "n1"),
            ("no number", vec![term(&[requirement("cores", Lt, &["x"])], &[])], ""),
            ("fields count as satisfied", vec![term(&[], &[named])], "n1 n2 n3 n4"),
            ("an empty term", vec![term(&[], &[])], ""),
            ("no term", vec![], ""),
            (
                "both tests, or the other term",
                vec![
                    term(&[requirement("zone", In, &["b"]), requirement("cores", In, &["8"])], &[]),
                    term(&[requirement("host", In, &["n1"])], &[]),
                ],
                "n1 n2",
            ),
        ];
        for (what, terms, expected) in cases {
            let selector = NodeSelector { terms };
            assert_eq!(
                included(&NodeMatcher::of_affinity(&selector, &world.cluster), &world),
                expected,
                "{what}"
            );
        }
    }

    #[test]
    fn topologies_and_selectors_differ_in_what_an_empty_one_means() {
        let world = world();
        let topologies = |terms: &[Vec<(Str, Vec<Str>)>]| {
            included(&NodeMatcher::of_topologies(terms, &world.cluster), &world)
        };
        assert_eq!(topologies(&[]), "n1 n2 n3 n4");
        assert_eq!(topologies(&[vec![]]), "");
        assert_eq!(topologies(&[vec![("zone".into(), vec!["b".into()])]]), "n2 n3");
        let all = LabelSelector::default();
        assert_eq!(included(&NodeMatcher::of_labels(&all, &world.cluster), &world), "n1 n2 n3 n4");
    }

    #[test]
    fn the_first_accepted_thing_within_reach_is_found_as_by_asking_all_in_order() {
        use Operator::*;
        let world = world();
        let reaches = [
            vec![requirement("host", In, &["n2"])],
            vec![requirement("zone", In, &["b"])],
            vec![requirement("zone", In, &["a"]), requirement("cores", In, &["8"])],
            vec![requirement("zone", NotIn, &["a"])],
            vec![requirement("host", In, &["n1", "n2"])],
            vec![],
            vec![requirement("zone", In, &["a", "b"])],
        ];
        let compile = |requirements: &Vec<Requirement>| {
            NodeMatcher::of_labels(&LabelSelector { requirements: requirements.clone() }, &world.cluster)
        };
        let items: Vec<_> = reaches.iter().map(compile).zip(0u32..).map(|(r, i)| (i, r)).collect();
        for skip in 0..1u32 << reaches.len() {
            let accept = |i: &u32| skip & (1 << i) == 0;
            let whole = TopologyIndex::new(items.clone(), &world.cluster);
            let mut rest = whole.clone();
            rest.remove(|i| !accept(i));
            for row in world.cluster.nodes().rows() {
                for start in 0..4 {
                    let found = items
                        .iter()
                        .find(|(i, r)| *i >= start && accept(i) && r.includes(row, &world.cluster));
                    let naive = found.map(|(i, _)| i);
                    let below = |i: &u32| *i < start;
                    let by_all = whole.first(row, &world.cluster, below, accept);
                    let by_rest = rest.first(row, &world.cluster, below, |_| true);
                    assert_eq!((by_all, by_rest), (naive, naive), "from {start} without {skip:b}");
                }
            }
        }
    }
}
