//! Keeps pods off nodes that cannot reach the volumes of their claims, and chooses volumes for claims without one.
//!
//! - **Filter**: the volumes of bound claims must be reachable from the node by their node affinity. A claim whose
//!   class waits for a consumer takes the smallest volume there that it can have; failing that, its class must be able
//!   to make one there (provisioner, allowed topologies, published capacity). A claim of another class must be bound
//!   already. Missing, lost and disappearing claims reject the pod. Eviction never helps.
//! - **Score**: how full the chosen volumes, or else the storage that new ones come from, would be, along a curve.
//! - **Reserve**: volumes for claims, and the node where others are to be made. PreBind waits until the claims are
//!   bound.
//! - **Depends on** the single pod: claims, volumes, classes, drivers and capacities.
//! - **Unblocked by** the pod's claims; their volumes, and any volume of their classes; their classes and the drivers
//!   of these; capacity of their classes that is new or grows; a new node, or one whose labels or drivers change, that
//!   is accepted.
//! - **Upstream**: plugins/volumebinding. Of equally large volumes, of several that are reserved for the claim, and of
//!   several capacities that a node can use, the first by name is taken (upstream: by chance).
//! - **Cost**: nothing for pods without claims; else the volumes of the claims' classes once, then a few look-ups a
//!   node.

mod bound;
mod claims;
mod find_volume;
mod hint;
mod pre_bind;
mod provision;
mod score;
mod search;

use std::sync::Arc;

use berth_model::Str;

use crate::cluster::Cluster;
use crate::cluster::storage::claims::has_claims;
use crate::effect::Effect;
use crate::ids::NodeRow;
use crate::ids::name::PluginName;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{
    Filter, FilterHints, Plugin, PreBind, PreFilter, PreScore, QueueingHint, Representative, Score,
    ScoreHints, ZeroScore,
};
use crate::scoring::shape::ShapePoint;
use crate::verdict::{Code, Rejection};

use claims::PodClaims;
use search::Search;

/// The plugin's name in configurations.
pub const NAME: &str = "VolumeBinding";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[
        ExtensionPoint::PreFilter,
        ExtensionPoint::Filter,
        ExtensionPoint::Reserve,
        ExtensionPoint::PreBind,
        ExtensionPoint::PreScore,
        ExtensionPoint::Score,
    ],
    || Arc::new(VolumeBinding::default()),
)
.in_default_profile(0)
.with_arguments();

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
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        if !has_claims(&pod.class.spec) {
            return PreFilter::SKIP_CLASS;
        }
        match PodClaims::of(pod) {
            Err(rejection) => PreFilter::Reject(rejection),
            Ok(None) => PreFilter::Skip,
            Ok(Some(claims)) => {
                let search = Search::new(pod.cluster, claims);
                if search.accepts_all() { PreFilter::Skip } else { PreFilter::Run(Box::new(search)) }
            }
        }
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        // Upstream scores every pod, also those that have no claim.
        if !has_claims(&pod.class.spec) {
            return PreScore::cached(ZeroScore);
        }
        let claims = PodClaims::of(pod).ok().flatten().filter(|claims| !claims.waiting.is_empty());
        PreScore::Run(match claims {
            Some(claims) => {
                Box::new(VolumeScore { search: Search::new(pod.cluster, claims), shape: &self.shape })
            }
            None => Box::new(ZeroScore),
        })
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(hint::may_help(self, pod, event))
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

    fn pre_bind(&self, cluster: &Cluster, effect: &Effect, node: &Str) -> PreBind {
        pre_bind::pre_bind(cluster, effect, node)
    }
}

impl Filter for Search<'_> {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        self.find(node.row).err()
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints {
            accepts_all: self.finds_everywhere(),
            never_errs: !self.may_err(),
            ..FilterHints::default()
        }
    }
}

/// Scores nodes by how full the storage would be.
struct VolumeScore<'a> {
    search: Search<'a>,
    shape: &'a [ShapePoint],
}

impl Score for VolumeScore<'_> {
    fn score(&self, _cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        for (score, &Representative { row, .. }) in out.iter_mut().zip(feasible) {
            *score = self.search.find(row).map_or(0, |found| score::of(&found, self.shape));
        }
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { zero: self.search.has_no_choice(), ignores_counts: true, ..ScoreHints::default() }
    }
}

fn unresolvable(reason: String) -> Rejection {
    Rejection::new(Code::UnschedulableAndUnresolvable, reason.into())
}

#[cfg(test)]
mod tests;
