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
//! - **Unblocked by** company that comes; a pod that goes, or changes its labels, which one of the two wanted away, or
//!   whose going lets the pod be the first of its kind; a new node that is accepted; a node that lies in other domains of
//!   terms that concern the pod; labels of a namespace where terms look at them.
//! - **Upstream**: plugins/interpodaffinity. No known difference.
//! - **Cost**: the classes that have a label which a term demands, and those whose terms demand one of the pod's; then the
//!   nodes with pods of the classes that match; a few array reads a node.

mod filter;
mod incoming;
mod score;
#[cfg(test)]
mod tests;
mod unblocks;

use crate::class::Class;
use crate::event::Event;
use crate::plugin::{Depends, Filter, Plugin, Prepared, Score};
use crate::view::PodView;
use filter::Rules;
use score::Attraction;

/// The plugin's name in configurations.
pub const NAME: &str = "InterPodAffinity";

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
    fn name(&self) -> &'static str {
        NAME
    }

    fn filter_depends(&self, _class: &Class) -> Depends {
        Depends::Domains
    }

    fn score_depends(&self, _class: &Class) -> Depends {
        Depends::Domains
    }

    fn keep_filter(&self, pod: PodView<'_>) -> Prepared<'static> {
        Prepared::Ready(Box::new(Rules::new(pod)))
    }

    fn keep_score(&self, pod: PodView<'_>) -> Option<Box<dyn Score>> {
        let class = pod.class;
        let prefers = !class.preferred_affinity.is_empty() || !class.preferred_anti_affinity.is_empty();
        if self.ignore_preferred_terms_of_existing_pods && !prefers {
            return None;
        }
        Some(Box::new(Attraction::new(pod, self.hard_pod_affinity_weight)))
    }

    fn unblocks(&self, pod: PodView<'_>, event: &Event<'_>) -> bool {
        unblocks::unblocks(self, pod, event)
    }
}
