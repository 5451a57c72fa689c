//! Which nodes must be added so that all pods fit, and what they cost: `NodePlan` of `berth.dev/v1alpha1`.
//!
//! No running pod is evicted for the pending ones. The plan is what simulations with the real scheduler say: with these
//! nodes it places every pod. The bound is proven: no cheaper nodes of these types are enough.

mod node_type;
mod relaxation;
mod remove;
mod search;
mod simulator;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::UnixSeconds;
use berth_model::manifests::{Manifests, Place};
use berth_model::object::Object;
use serde::Serialize;

use crate::report::API_VERSION;
use crate::run::Options;
use crate::world::World;
use node_type::{Candidate, is_daemon_of};
pub use node_type::{NodeType, PRICE, Price};
use relaxation::{Relaxation, Room, Rooms};
pub use remove::{KeptNode, Move, NodeRemoval, RemovedNode, remove};
use search::{Found, Search};
use simulator::Simulator;

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePlan {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `NodePlan`.
    pub kind: &'static str,
    /// The nodes to add, by type, in the order of the types.
    pub add: Vec<AddedNodes>,
    /// What they cost together.
    pub cost: String,
    /// It is proven that no cheaper nodes of these types are enough than this.
    pub lower_bound: String,
    /// Whether the plan is proven to be the cheapest.
    pub optimal: bool,
    /// By which part of the lower bound the plan may be too dear; 0 if it is optimal, absent if nothing is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// Pods that are placed on nodes of today.
    pub placed_on_existing: usize,
    /// Pods that are placed on new nodes, their daemon pods excepted.
    pub placed_on_new: usize,
    /// Pods that stay pending whatever is added.
    pub pending: Vec<UnplacedPod>,
    /// The most nodes that were tried for the pending pods in vain, by type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedNodes>,
    /// How many simulations were made.
    pub simulations: usize,
    /// What is odd about the input, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Nodes of one type to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddedNodes {
    /// The name of the type.
    #[serde(rename = "type")]
    pub of: String,
    /// How many.
    pub count: u32,
    /// What one costs.
    pub price: String,
    /// What all of them cost.
    pub cost: String,
}

/// Nodes of one type that were tried in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedNodes {
    /// The name of the type.
    #[serde(rename = "type")]
    pub of: String,
    /// How many.
    pub count: u32,
}

/// A pod that stays pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnplacedPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Why, in upstream's words, after all nodes of the plan were added.
    pub message: String,
    /// Why, with the nodes of [`NodePlan::tried`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_with_tried: Option<String>,
}

/// Finds the cheapest nodes of these types that let all pods of the input fit.
///
/// # Errors
/// What is wrong with the input, or with [`Options::verify`] the first decision that differs from the scan's.
pub fn plan(
    manifests: Manifests,
    now: Option<UnixSeconds>,
    types: Vec<NodeType>,
    profiles: Vec<Profile>,
    options: Options,
) -> Result<NodePlan, String> {
    let options = Options { preemption: false, ..options };
    let mut with_types = manifests.clone();
    for one in &types {
        with_types.add(Object::Node(one.node.clone()), Place::start("node types".into()));
    }
    let mut world = World::admitted(with_types, now).map_err(|problems| problems.to_string())?;
    let turns = turns(&world, &types);
    let prepared = prepare(&mut world, &turns, types);
    let waiting: Vec<PodRow> = turns.iter().filter_map(|turn| turn.ok()).collect();
    let scheduler = Scheduler::new(world.cluster.clone(), profiles.clone());
    let must_fit: Vec<PodRow> = waiting
        .iter()
        .copied()
        .filter(|&row| {
            let is_known = options.all_schedulers || scheduler.profile_of(row).is_some();
            is_known && world.cluster.pods().class_of(row).spec.scheduling_gates.is_empty()
        })
        .collect();
    let (candidates, rooms): (Vec<Candidate>, Vec<Room>) = prepared.into_iter().unzip();
    // Rollouts free room on the way, which the constraints do not know of.
    let counted: &[PodRow] = if world.rollouts.is_empty() { &must_fit } else { &[] };
    let relaxation = Relaxation::new(&world.cluster, counted, &candidates, &rooms);
    let mut simulator = if world.rollouts.is_empty() {
        Simulator::in_trials(scheduler, turns, candidates, options)
    } else {
        Simulator::from_manifests(manifests, now, profiles, candidates, options)
    };
    let specs: BTreeSet<_> = waiting.iter().map(|&row| world.cluster.pods().entry(row).class).collect();
    let work = waiting.len() + specs.len() * world.cluster.nodes().len();
    let found = Search::new(&mut simulator, &relaxation, work).finish()?;
    report(&mut simulator, &relaxation, found)
}

/// The pending pods in input order: their rows, or type and number of the daemon pods of nodes that stand for types.
fn turns(world: &World, types: &[NodeType]) -> Vec<Result<PodRow, (usize, usize)>> {
    let mut numbers = vec![0; types.len()];
    let turn = |&row: &PodRow| {
        let is_of = |of: &NodeType| is_daemon_of(&world.cluster, row, &of.node.name);
        let Some(at) = types.iter().position(is_of) else { return Ok(row) };
        numbers[at] += 1;
        Err((at, numbers[at] - 1))
    };
    world.waiting.iter().map(turn).collect()
}

/// Takes the nodes that stand for types out of the world, with their daemon pods; tells what room they had.
fn prepare(
    world: &mut World,
    turns: &[Result<PodRow, (usize, usize)>],
    types: Vec<NodeType>,
) -> Vec<(Candidate, Room)> {
    let rooms = Rooms::new(&world.cluster);
    let mut daemons: Vec<Vec<PodRow>> = vec![Vec::new(); types.len()];
    for (turn, &row) in turns.iter().zip(&world.waiting) {
        if let Err((at, _)) = turn {
            daemons[*at].push(row);
        }
    }
    world.waiting.retain(|row| !daemons.iter().flatten().any(|daemon| daemon == row));
    let cluster = &mut world.cluster;
    let mut prepared = Vec::new();
    for (of, rows) in types.into_iter().zip(daemons) {
        let mut room =
            cluster.nodes().find(&of.node.name).map_or_else(Vec::new, |row| rooms.free(cluster, row));
        let mut pods = Vec::new();
        for row in rows {
            let taken = rooms.taken(cluster.pods().class_of(row));
            room.iter_mut().zip(&taken).for_each(|(room, taken)| *room = (*room - taken).max(0));
            pods.push(cluster.pods().entry(row).pod.clone());
            cluster.remove_pod(row);
        }
        remove_node(cluster, &of.node.name);
        prepared.push((Candidate::new(of, pods, cluster), room));
    }
    prepared
}

fn remove_node(cluster: &mut Cluster, name: &str) {
    if let Some(row) = cluster.nodes().find(name) {
        cluster.remove_node(row);
    }
}

fn report(simulator: &mut Simulator, relaxation: &Relaxation, found: Found) -> Result<NodePlan, String> {
    let Found { counts, hopeless, bound, tried } = found;
    let end = simulator.simulate(&counts)?;
    let cost = relaxation.cost(&counts);
    let added = simulator.candidates.iter().zip(&counts).filter(|(_, count)| **count > 0);
    let added = added.map(|(candidate, count)| AddedNodes {
        of: candidate.of.node.name.to_string(),
        count: *count,
        price: candidate.of.price.to_string(),
        cost: candidate.of.price.times(*count).to_string(),
    });
    let (most, pending_with_most) = tried.unwrap_or_default();
    let pending = hopeless.into_iter().map(|open| {
        let now = end.pending.iter().find(|pending| pending.name == open.name);
        let then = pending_with_most.iter().find(|pending| pending.name == open.name && !open.beyond_help);
        UnplacedPod {
            namespace: open.name.0.to_string(),
            name: open.name.1.to_string(),
            message: now.map_or(open.message, |now| now.message.clone()),
            message_with_tried: then.map(|then| then.message.clone()),
        }
    });
    let tried = simulator.candidates.iter().zip(&most).filter(|(_, count)| **count > 0);
    let tried = tried.map(|(of, count)| TriedNodes { of: of.of.node.name.to_string(), count: *count });
    let tried: Vec<TriedNodes> = tried.collect();
    let optimal = cost <= bound;
    let gap = (bound.0 > 0 || optimal).then(|| {
        let above = cost.0.saturating_sub(bound.0) as f64 / bound.0.max(1) as f64;
        (above * 1e6).round() / 1e6
    });
    Ok(NodePlan {
        api_version: API_VERSION,
        kind: "NodePlan",
        add: added.collect(),
        cost: cost.to_string(),
        lower_bound: bound.min(cost).to_string(),
        optimal,
        gap,
        placed_on_existing: end.placed.0,
        placed_on_new: end.placed.1,
        pending: pending.collect(),
        tried,
        simulations: simulator.count,
        warnings: Vec::new(),
    })
}
