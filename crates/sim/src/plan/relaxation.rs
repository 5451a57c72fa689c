//! What any plan needs at least: linear constraints on the numbers of nodes that every set of nodes fulfils on which
//! all pods fit.
//!
//! The constraints look at each resource, at each set of types that some pods are confined to, and at how many pods of
//! one spec fit on one node. They leave out everything else (spreading, affinity, volumes), and they let pods use all
//! room that today's nodes have, so that the cheapest numbers that fulfil them are a lower bound. An integer program
//! finds these numbers.

use std::collections::{BTreeMap, BTreeSet};

use berth_controllers::daemon_set::fits;
use berth_engine::cluster::Cluster;
use berth_engine::ids::{NodeRow, PodRow, ResourceId};
use berth_engine::pod_class::PodClass;
use berth_model::pod::PodSpec;
use microlp::{ComparisonOp, OptimizationDirection, Problem, SolutionStatus, SolveOptions};

use super::node_type::{Candidate, Price};

/// After this many steps of the search the integer program gives up, and its linear relaxation is the bound.
const MAX_STEPS: u64 = 20_000;
const HOSTNAME: &str = "kubernetes.io/hostname";

/// `sum of amounts[t] * count[t] >= least`, over all types `t`.
type Constraints = BTreeMap<Vec<i64>, i64>;

/// The constraints, and what is minimized under them.
#[derive(Clone, Debug)]
pub(super) struct Relaxation {
    constraints: Constraints,
    prices: Vec<Price>,
    max: Vec<u32>,
}

/// Room by resource, the number of pods last.
pub(super) type Room = Vec<i64>;

/// The resources whose room decides, and the room of nodes. Amounts are in the engine's units.
pub(super) struct Rooms {
    resources: Vec<ResourceId>,
}

impl Rooms {
    /// Resources that device classes serve are left out: a node need not offer them.
    pub(super) fn new(cluster: &Cluster) -> Self {
        let decides = |name: &str| cluster.devices().class_of_resource(name).is_none();
        let all = cluster.resources().iter().filter(|(_, name)| decides(name));
        Self { resources: all.map(|(id, _)| id).collect() }
    }

    /// What a node has left.
    pub(super) fn free(&self, cluster: &Cluster, row: NodeRow) -> Room {
        let nodes = cluster.nodes();
        let left =
            |id: &ResourceId| nodes.allocatable(row, *id).saturating_sub(nodes.requested(row, *id)).max(0);
        let pods = nodes.allowed_pods(row) - i64::try_from(nodes.pods(row).len()).unwrap_or(i64::MAX);
        self.resources.iter().map(left).chain([pods.max(0)]).collect()
    }

    /// What a pod takes.
    pub(super) fn taken(&self, class: &PodClass) -> Room {
        let of = |id: &ResourceId| {
            class.requests.iter().find(|(known, _)| known == id).map_or(0, |(_, n)| (*n).max(0))
        };
        self.resources.iter().map(of).chain([1]).collect()
    }
}

/// How many times an amount is in a room, at most `limit`.
fn copies(room: &[i64], taken: &[i64], limit: i64) -> i64 {
    let each = room.iter().zip(taken).filter(|(_, taken)| **taken > 0).map(|(room, taken)| room / taken);
    each.min().unwrap_or(limit).clamp(0, limit)
}

/// Pods of one spec that must be placed.
struct Demand {
    count: i64,
    taken: Room,
    /// How many fit on an empty node of each type; zero if the type is none for them.
    per_node: Vec<i64>,
    /// How many of them today's nodes could take, each node by itself.
    on_existing: i64,
}

impl Demand {
    fn new(
        cluster: &Cluster,
        class: &PodClass,
        count: i64,
        rooms: &[(NodeRow, Room)],
        types: &[(&Candidate, Room)],
        taken: Room,
    ) -> Self {
        let spec = &class.spec;
        // New nodes always have a host name.
        let [on_unnamed, on_named] =
            [false, true].map(|has_name| if is_exclusive(spec, has_name) { 1 } else { count });
        let per_node = types.iter().map(|(candidate, room)| match copies(room, &taken, on_named) {
            0 => 0,
            copies if fits(&candidate.of.node, spec, None).0 => copies,
            _ => 0,
        });
        let per_node = per_node.collect();
        let mut on_existing = 0;
        for (row, room) in rooms {
            let node = cluster.nodes().object(*row);
            let limit = if node.labels.contains_key(HOSTNAME) { on_named } else { on_unnamed };
            let copies = copies(room, &taken, limit);
            if copies > 0 && fits(node, spec, None).0 {
                on_existing += copies;
            }
            if on_existing >= count {
                break;
            }
        }
        Self { count, taken, per_node, on_existing: on_existing.min(count) }
    }

    fn types(&self) -> Vec<bool> {
        self.per_node.iter().map(|copies| *copies > 0).collect()
    }

    /// Whether all of these pods must go to new nodes of these types.
    fn is_confined_to(&self, types: &[bool]) -> bool {
        self.on_existing == 0 && self.per_node.iter().zip(types).all(|(copies, among)| *copies == 0 || *among)
    }
}

/// Whether a node, which may have a host name, takes only one pod of this spec: they exclude each other by host name or
/// host port.
fn is_exclusive(spec: &PodSpec, has_name: bool) -> bool {
    let has_ports = spec.containers.iter().chain(&spec.init_containers).any(|c| !c.host_ports.is_empty());
    has_ports
        || has_name
            && spec.pod_anti_affinity.required.iter().any(|term| {
                &*term.topology_key == HOSTNAME
                    && term.namespaces.is_empty()
                    && term.namespace_selector.is_none()
                    && term.selector.as_ref().is_some_and(|selector| selector.matches(&spec.labels))
            })
}

impl Relaxation {
    /// The constraints for these pods. `rooms` is what an empty node of each type has beside its daemon pods.
    pub(super) fn new(cluster: &Cluster, pods: &[PodRow], candidates: &[Candidate], types: &[Room]) -> Self {
        let rooms = Rooms::new(cluster);
        let existing: Vec<(NodeRow, Room)> =
            cluster.nodes().by_name().map(|(_, row)| (row, rooms.free(cluster, row))).collect();
        let types: Vec<(&Candidate, Room)> = candidates.iter().zip(types.iter().cloned()).collect();
        let mut counts = BTreeMap::new();
        for pod in pods {
            *counts.entry(cluster.pods().entry(*pod).class).or_insert(0_i64) += 1;
        }
        let demands = counts.into_iter().map(|(id, count)| {
            let class = cluster.pods().class(id);
            Demand::new(cluster, class, count, &existing, &types, rooms.taken(class))
        });
        // Pods that fit on no type cannot be helped; what they take of today's nodes is left out.
        let demands: Vec<Demand> =
            demands.filter(|demand| demand.per_node.iter().any(|copies| *copies > 0)).collect();
        let room = |at: usize| -> Vec<i64> { types.iter().map(|(_, room)| room[at]).collect() };
        let mut relaxation = Self {
            constraints: Constraints::new(),
            prices: candidates.iter().map(|candidate| candidate.of.price).collect(),
            max: candidates.iter().map(|candidate| candidate.of.max).collect(),
        };
        for demand in &demands {
            relaxation.demand(demand.per_node.clone(), demand.count - demand.on_existing);
        }
        let mut sets: BTreeSet<Vec<bool>> =
            demands.iter().filter(|d| d.on_existing == 0).map(Demand::types).collect();
        sets.insert(vec![true; types.len()]);
        let resources = rooms.resources.len() + 1;
        for at in 0..resources {
            let total: i64 =
                demands.iter().map(|d| d.taken[at].saturating_mul(d.count)).fold(0, i64::saturating_add);
            let free: i64 = existing.iter().map(|(_, room)| room[at]).fold(0, i64::saturating_add);
            relaxation.demand(room(at), total.saturating_sub(free));
            for set in &sets {
                relaxation.confined(&demands, set, at, &room(at));
            }
        }
        relaxation
    }

    /// Constraints of the pods that must go to new nodes of some types, by one resource.
    fn confined(&mut self, demands: &[Demand], set: &[bool], at: usize, room: &[i64]) {
        let among = |amounts: &mut dyn Iterator<Item = i64>| -> Vec<i64> {
            amounts.zip(set).map(|(amount, among)| if *among { amount } else { 0 }).collect()
        };
        let confined = || demands.iter().filter(|demand| demand.is_confined_to(set));
        let needed = confined().map(|d| d.taken[at].saturating_mul(d.count)).fold(0, i64::saturating_add);
        self.demand(among(&mut room.iter().copied()), needed);
        // Of pods that take more than a half of every node, no two share one.
        let is_large = |demand: &&Demand| {
            demand.per_node.iter().zip(room).all(|(copies, room)| *copies == 0 || demand.taken[at] > room / 2)
        };
        let large: i64 = confined().filter(is_large).map(|demand| demand.count).sum();
        self.demand(among(&mut set.iter().map(|_| 1)), large);
    }

    fn demand(&mut self, amounts: Vec<i64>, least: i64) {
        if least > 0 {
            let known = self.constraints.entry(amounts).or_insert(least);
            *known = (*known).max(least);
        }
    }

    /// What the nodes cost together.
    pub(super) fn cost(&self, counts: &[u32]) -> Price {
        let each = self.prices.iter().zip(counts).map(|(price, count)| price.times(*count).0);
        Price(each.fold(0, u64::saturating_add))
    }

    /// Whether these numbers of nodes fulfil all constraints and bounds.
    pub(super) fn allows(&self, counts: &[u32]) -> bool {
        let within = counts.iter().zip(&self.max).all(|(count, max)| count <= max);
        within
            && self.constraints.iter().all(|(amounts, least)| {
                let sum =
                    amounts.iter().zip(counts).map(|(a, c)| i128::from(*a) * i128::from(*c)).sum::<i128>();
                sum >= i128::from(*least)
            })
    }

    /// The lower bound, and numbers of nodes that are close to it. Without a solution the bound is zero: not all pods
    /// fit within the allowed numbers.
    pub(super) fn solve(&self) -> (Price, Vec<u32>) {
        if self.constraints.is_empty() {
            return (Price(0), vec![0; self.prices.len()]);
        }
        if let Some((values, true)) = self.program(true) {
            let counts: Vec<u32> = values.iter().map(|value| value.round().max(0.0) as u32).collect();
            if self.allows(&counts) {
                return (self.cost(&counts), counts);
            }
        }
        let Some((values, true)) = self.program(false) else { return (Price(0), vec![0; self.prices.len()]) };
        let cost: f64 = values.iter().zip(&self.prices).map(|(value, price)| value * price.0 as f64).sum();
        let up = |(value, max): (&f64, &u32)| (value.ceil().max(0.0) as u32).min(*max);
        // A margin for the rounding of floating-point numbers.
        (Price((cost * (1.0 - 1e-6)).floor().max(0.0) as u64), values.iter().zip(&self.max).map(up).collect())
    }

    /// The cheapest numbers, and whether they are proven to be.
    fn program(&self, integer: bool) -> Option<(Vec<f64>, bool)> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let highest = self.prices.iter().map(|price| price.0).max().unwrap_or(1).max(1) as f64;
        let variables: Vec<_> = self
            .prices
            .iter()
            .zip(&self.max)
            .map(|(price, max)| {
                let price = price.0 as f64 / highest;
                let max = i32::try_from(*max).unwrap_or(i32::MAX);
                match integer {
                    true => problem.add_integer_var(price, (0, max)),
                    false => problem.add_var(price, (0.0, f64::from(max))),
                }
            })
            .collect();
        for (amounts, least) in &self.constraints {
            let terms: Vec<_> = variables
                .iter()
                .zip(amounts)
                .filter(|(_, amount)| **amount > 0)
                .map(|(variable, amount)| (*variable, (*amount as f64 / *least as f64).min(1.0)))
                .collect();
            problem.add_constraint(terms, ComparisonOp::Ge, 1.0);
        }
        let mut options = SolveOptions::default();
        options.node_limit = Some(MAX_STEPS);
        let solution = problem.solve_with(options).ok()?.into_solution().ok()?;
        let values = variables.iter().map(|variable| solution.var_value(*variable)).collect();
        Some((values, solution.status() == SolutionStatus::Optimal))
    }
}
