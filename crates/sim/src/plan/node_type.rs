//! Types of nodes: what can be added, at which price, and how many.

use std::collections::BTreeMap;
use std::fmt;

use berth_controllers::daemon_set::fits;
use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::node::Node;
use berth_model::pod::{Pod, PodSpec};
use berth_model::selector::{NodeSelector, Operator};

/// The annotation of a node, or of a type of nodes, that tells its price in any currency and for any time.
pub const PRICE: &str = "berth.dev/price";
const HOSTNAME: &str = "kubernetes.io/hostname";
const NODE_NAME: &str = "metadata.name";

/// A price in millionths of the currency's unit, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(pub u64);

impl Price {
    /// The price of a node without one, where no node has one: then the number of nodes is what counts.
    pub const ONE: Self = Self(1_000_000);

    /// Reads a decimal number, as in `0.192`; `None` unless it is above zero, below a thousand million, and has at most
    /// six decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
        if whole.is_empty() || whole.len() > 9 || part.len() > 6 || !digits(whole) || !digits(part) {
            return None;
        }
        let millionths: u64 = format!("{whole}{part:0<6}").parse().ok()?;
        (millionths > 0).then_some(Self(millionths))
    }

    /// The price of this many nodes.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(count.into()))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A type of nodes that can be added.
#[derive(Clone, Debug)]
pub struct NodeType {
    /// A node of the type; its name is the name of the type.
    pub node: Node,
    /// What a node costs.
    pub price: Price,
    /// How many can be added at most.
    pub max: u32,
}

/// A type with the daemon pods that each of its nodes gets.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) of: NodeType,
    /// The pods that DaemonSets make for the node that stands for the type.
    pub(super) daemons: Vec<Pod>,
    /// What a node has beside its daemon pods.
    room: Amounts,
    /// The names of nodes of the cluster, which new nodes must not have.
    taken: Vec<Str>,
}

/// How pods fill nodes of a type by their requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Packed {
    /// How many of the pods an empty node takes, each alone.
    pub(super) fitting: usize,
    /// How many an empty node takes together, first come first served.
    pub(super) on_one: usize,
    /// The parts of the node that these take, added up.
    pub(super) share: f64,
}

impl Candidate {
    pub(super) fn new(of: NodeType, daemons: Vec<Pod>, cluster: &Cluster) -> Self {
        let prefix = format!("{}-", of.node.name);
        let taken = cluster.nodes().by_name().map(|(name, _)| name.clone());
        let taken = taken.filter(|name| name.starts_with(&prefix)).collect();
        let mut room =
            of.node.allocatable.iter().map(|(name, amount)| (name.clone(), amount.nanos())).collect();
        daemons.iter().for_each(|pod| subtract(&mut room, &requests(&pod.spec), 1));
        Self { of, daemons, room, taken }
    }

    /// Packs pods on an empty node of the type: specs, and how many pods have each.
    pub(super) fn pack(&self, specs: &[(&PodSpec, usize)]) -> Packed {
        let mut packed = Packed::default();
        let mut left = self.room.clone();
        for (spec, count) in specs {
            let taken = requests(spec);
            if copies(&self.room, &taken, *count) == 0 || !fits(&self.of.node, spec, None).0 {
                continue;
            }
            packed.fitting += count;
            let number = copies(&left, &taken, *count);
            packed.on_one += number;
            subtract(&mut left, &taken, number);
            let share = |(name, amount): (&Str, &i128)| {
                let room = self.room.get(name).copied().unwrap_or(0);
                if room > 0 { *amount as f64 / room as f64 } else { 0.0 }
            };
            packed.share += taken.iter().map(share).fold(0.0, f64::max) * number as f64;
        }
        packed
    }

    /// The names of the first `count` nodes: the name of the type and a number.
    pub(super) fn names(&self, count: u32) -> Vec<Str> {
        let names = (1_u64..).map(|number| Str::from(format!("{}-{number}", self.of.node.name)));
        names.filter(|name| !self.taken.contains(name)).take(count as usize).collect()
    }

    /// A node of the type.
    pub(super) fn node(&self, name: &Str) -> Node {
        named(&self.of.node, name)
    }

    /// A daemon pod, for the node of this name.
    pub(super) fn daemon(&self, pod: &Pod, name: &Str) -> Pod {
        let mut spec = (*pod.spec).clone();
        if let Some(required) = &mut spec.node_affinity.required {
            retarget(required, &self.of.node.name, name);
        }
        let prefix = pod.name.strip_suffix(&*self.of.node.name).unwrap_or(&pod.name);
        Pod { name: format!("{prefix}{name}").into(), spec: spec.into(), ..pod.clone() }
    }
}

/// Amounts by resource, in thousand millionths.
type Amounts = BTreeMap<Str, i128>;

/// What a pod takes of its node, one of the allowed pods included.
fn requests(spec: &PodSpec) -> Amounts {
    let exact = spec.total_requests().exact.into_iter().map(|(name, amount)| (name, amount.nanos()));
    exact.chain([(Str::from("pods"), 1_000_000_000)]).collect()
}

/// How many times an amount is in a room, at most `limit`.
fn copies(room: &Amounts, taken: &Amounts, limit: usize) -> usize {
    let taken = taken.iter().filter(|(_, amount)| **amount > 0);
    let each = taken.map(|(name, amount)| room.get(name).copied().unwrap_or(0).max(0) / amount);
    each.min().map_or(limit, |copies| usize::try_from(copies).unwrap_or(limit).min(limit))
}

fn subtract(room: &mut Amounts, taken: &Amounts, times: usize) {
    for (name, amount) in taken {
        if let Some(left) = room.get_mut(name) {
            *left -= amount * times as i128;
        }
    }
}

/// A node like another one, under this name.
pub(super) fn named(node: &Node, name: &Str) -> Node {
    let mut labels: Labels = node.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    labels.insert(HOSTNAME.into(), name.clone());
    Node { name: name.clone(), labels, ..node.clone() }
}

/// Whether a pending pod is the daemon pod of this node.
pub(super) fn is_daemon_of(cluster: &Cluster, row: PodRow, node: &str) -> bool {
    let pod = &cluster.pods().entry(row).pod;
    let fields = pod.spec.node_affinity.required.iter().flat_map(|selector| &selector.terms);
    let mut fields = fields.flat_map(|term| &term.fields);
    pod.spec.controller.as_ref().is_some_and(|owner| &*owner.kind == "DaemonSet")
        && fields.any(|field| {
            &*field.key == NODE_NAME
                && field.operator == Operator::In
                && field.values.iter().any(|v| &**v == node)
        })
}

fn retarget(selector: &mut NodeSelector, from: &Str, to: &Str) {
    let fields = selector.terms.iter_mut().flat_map(|term| &mut term.fields);
    for value in fields.flat_map(|field| &mut field.values).filter(|value| *value == from) {
        *value = to.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_decimals_above_zero() {
        let cases = [
            ("0.192", Some(192_000), "0.192"),
            ("3", Some(3_000_000), "3"),
            ("10.50", Some(10_500_000), "10.5"),
            ("0.000001", Some(1), "0.000001"),
        ];
        for (text, expected, printed) in cases {
            let price = Price::parse(text);
            assert_eq!(price.map(|price| price.0), expected, "{text}");
            assert_eq!(price.map(|price| price.to_string()).as_deref(), Some(printed));
        }
        for text in ["", "0", "-1", "1e3", ".5", "0.0000001", "1.2.3", "free"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }
}
