//! Puts pods near pods that they (or those) want near, and away from pods that they (or those) want away.
//!
//! - **Filter**: three questions in this order. Does the node lie, by each required affinity term, in a domain with a
//!   pod that satisfies all terms at once (or is the pod the first of a group that wants its own kind)? If not, no
//!   eviction helps. Does its domain hold a pod that the pod's required anti-affinity excludes, or one whose required
//!   anti-affinity excludes the pod? Then evicting may help.
//! - **Score**: the weights of preferred terms, the pod's and those of running pods, summed over the domains that the
//!   node lies in; required affinity of running pods counts with a configured weight. Scaled so that the lowest is 0
//!   and the highest 100.
//! - **Depends on** the classes' terms, the labels of namespaces, and how many pods of each class a domain has.
//! - **Unblocked by** a pod that comes and satisfies the affinity; a pod that goes, or changes its labels, which one of
//!   the two wanted away, or whose going lets the pod be the first of its kind; a new node that is accepted; a node
//!   that lies in other domains of terms that concern the pod; labels of a namespace where terms look at them.
//! - **Upstream**: plugins/interpodaffinity. No known difference.
//! - **Cost**: the classes that have a label which a term demands, and those whose terms demand one of the pod's; then
//!   the nodes with pods of the classes that match; a few array reads a node.

mod explain;
mod filter;
mod hint;
mod incoming;
mod score;
#[cfg(test)]
mod tests;
use std::sync::Arc;

use crate::ids::name::PluginName;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{Plugin, PreFilter, PreScore, QueueingHint};
use filter::AffinityFilter;
use score::AffinityScore;

/// The plugin's name in configurations.
pub const NAME: &str = "InterPodAffinity";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[ExtensionPoint::PreFilter, ExtensionPoint::Filter, ExtensionPoint::PreScore, ExtensionPoint::Score],
    || Arc::new(InterPodAffinity::default()),
)
.in_default_profile(2)
.with_arguments();

/// The plugin with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct InterPodAffinity {
    /// What the required affinity of a running pod towards the pod is worth in scores, 0 to 100.
    pub hard_pod_affinity_weight: i64,
    /// Whether a pod without preferred terms of its own goes unscored, whatever running pods prefer.
    pub ignore_preferred_terms_of_existing_pods: bool,
}

impl Default for InterPodAffinity {
    fn default() -> Self {
        Self { hard_pod_affinity_weight: 1, ignore_preferred_terms_of_existing_pods: false }
    }
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        PreFilter::cached(AffinityFilter::new(pod))
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let class = pod.class;
        let prefers = !class.preferred_affinity.is_empty() || !class.preferred_anti_affinity.is_empty();
        if self.ignore_preferred_terms_of_existing_pods && !prefers {
            return PreScore::SKIP_CLASS;
        }
        PreScore::cached(AffinityScore::new(pod, self.hard_pod_affinity_weight))
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(hint::may_help(self, pod, event))
    }
}
