//! Keeps pods off nodes that cannot reach the volumes of their claims, and chooses volumes for claims without one.
//!
//! - **Filter**: the volumes of bound claims must be reachable from the node by their node affinity. A claim whose class
//!   waits for a consumer takes the smallest volume there that it can have; failing that, its class must be able to
//!   make one there (provisioner, allowed topologies, published capacity). A claim of another class must be bound
//!   already. Missing, lost and disappearing claims reject the pod. Eviction never helps.
//! - **Score**: how full the chosen volumes, or else the storage that new ones come from, would be, along a curve.
//! - **Reserve**: volumes for claims, and the node where others are to be made.
//! - **Depends on** the cluster: claims, volumes, classes, drivers and capacities.
//! - **Unblocked by** the pod's claims; their volumes, and any volume of their classes; their classes and the drivers of
//!   these; capacity of their classes that is new or grows; a new node, or one whose labels or drivers change, that is
//!   accepted.
//! - **Upstream**: plugins/volumebinding. Of equally large volumes, of several that are reserved for the claim, and of
//!   several capacities that a node can use, the first by name is taken (upstream: by chance).
//! - **Cost**: nothing for pods without claims; else the volumes of the claims' classes once, then a few look-ups a node.

mod bound;
mod claims;
mod find_volume;
mod provision;
mod score;
mod search;
mod unblocks;

use berth_model::Str;

use crate::class::Class;
use crate::cluster::{Change, Cluster};
use crate::effect::Effect;
use crate::event::Event;
use crate::ids::NodeRow;
use crate::plugin::{Depends, Filter, Group, Plugin, Prepared, Score};
use crate::pod_claims::has_claims;
use crate::shape::ShapePoint;
use crate::verdict::{Code, Rejection};
use crate::view::{NodeView, PodView};

use claims::PodClaims;
use search::Search;

/// The plugin's name in configurations.
pub const NAME: &str = "VolumeBinding";

/// The plugin with its arguments (`VolumeBindingArgs`), but for the timeout, which the profile has.
#[derive(Clone, Debug)]
pub struct VolumeBinding {
    /// The curve from utilization to score.
    pub shape: Vec<ShapePoint>,
}

impl Default for VolumeBinding {
    /// Emptier storage scores higher.
    fn default() -> Self {
        let shape = [(0, 10), (100, 0)].map(|(utilization, score)| ShapePoint { utilization, score });
        Self { shape: shape.into() }
    }
}

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        NAME
    }

    fn filter_depends(&self, class: &Class) -> Depends {
        if has_claims(&class.spec) { Depends::Pod } else { Depends::NodeFacts }
    }

    fn score_depends(&self, class: &Class) -> Depends {
        if has_claims(&class.spec) { Depends::Pod } else { Depends::NodeFacts }
    }

    fn prepare_filter<'a>(&'a self, pod: PodView<'a>) -> Prepared<'a> {
        match PodClaims::of(pod) {
            Err(rejection) => Prepared::Reject(rejection),
            Ok(None) => Prepared::Nothing,
            Ok(Some(claims)) => {
                let search = Search::new(pod.cluster, claims);
                if search.accepts_all() { Prepared::Nothing } else { Prepared::Ready(Box::new(search)) }
            }
        }
    }

    // Upstream scores every pod, also those that have no claim.
    fn keep_score(&self, _pod: PodView<'_>) -> Option<Box<dyn Score>> {
        // Asked for pods without claims only.
        Some(Box::new(NothingToChoose))
    }

    fn prepare_score<'a>(&'a self, pod: PodView<'a>) -> Option<Box<dyn Score + 'a>> {
        let claims = PodClaims::of(pod).ok().flatten().filter(|claims| !claims.waiting.is_empty());
        Some(match claims {
            Some(claims) => {
                Box::new(Fullness { search: Search::new(pod.cluster, claims), shape: &self.shape })
            }
            None => Box::new(NothingToChoose),
        })
    }

    fn unblocks(&self, pod: PodView<'_>, event: &Event<'_>) -> bool {
        unblocks::unblocks(self, pod, event)
    }

    fn reserve(&self, pod: PodView<'_>, node: NodeRow) -> Vec<Effect> {
        let Some(claims) = PodClaims::of(pod).ok().flatten().filter(|claims| !claims.waiting.is_empty())
        else {
            return Vec::new();
        };
        let search = Search::new(pod.cluster, claims);
        let Ok(found) = search.find(node) else { return Vec::new() };
        let name: &Str = pod.cluster.nodes().name(node);
        let bind = found.bindings.iter().map(|(claim, volume)| Effect::BindVolume {
            volume: volume.name.clone(),
            namespace: claim.namespace.clone(),
            claim: claim.name.clone(),
        });
        let provision = found.provisions.iter().map(|(claim, _)| Effect::ProvisionVolume {
            namespace: claim.namespace.clone(),
            claim: claim.name.clone(),
            node: name.clone(),
        });
        bind.chain(provision).collect()
    }
}

impl Filter for Search<'_> {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        self.find(node.row).err()
    }

    fn accepts_all(&self) -> bool {
        self.finds_everywhere()
    }

    fn may_fail(&self) -> bool {
        self.has_riddle()
    }
}

/// Scores nodes by how full the storage would be.
struct Fullness<'a> {
    search: Search<'a>,
    shape: &'a [ShapePoint],
}

impl Score for Fullness<'_> {
    fn score(&self, _cluster: &Cluster, feasible: &[Group], out: &mut [i64]) {
        for (score, &Group { row, .. }) in out.iter_mut().zip(feasible) {
            *score = self.search.find(row).map_or(0, |found| score::of(&found, self.shape));
        }
    }

    fn is_zero(&self) -> bool {
        self.search.has_no_choice()
    }
}

/// Scores all nodes zero.
struct NothingToChoose;

impl Score for NothingToChoose {
    fn score(&self, _cluster: &Cluster, _feasible: &[Group], out: &mut [i64]) {
        out.fill(0);
    }

    fn is_zero(&self) -> bool {
        true
    }

    fn follow(&mut self, _cluster: &Cluster, change: Change) -> bool {
        change.spares_others()
    }
}

fn unresolvable(reason: String) -> Rejection {
    Rejection::new(Code::UnschedulableAndUnresolvable, reason.into())
}

#[cfg(test)]
mod tests;
