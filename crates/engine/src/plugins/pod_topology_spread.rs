//! Spreads pods that belong together evenly over topology domains.
//!
//! - **Filter** (constraints that decide): a node without the constraint's label is rejected, and no eviction helps.
//!   Otherwise the pods that the constraint selects are counted in the node's domain; with the pod itself they may
//!   exceed the count of the emptiest domain by `maxSkew` at most. Evicting pods may help.
//! - **Score** (constraints that prefer): the same counts, weighted by the logarithm of the number of domains, so that
//!   few large domains do not drown many small ones; the emptiest domain scores 100.
//! - A pod without constraints gets default ones, which count the pods of its services and its controller.
//! - **Depends on** the constraints, which nodes the pod's node affinity and tolerations admit, and how many pods of
//!   each class a domain has.
//! - **Unblocked by** a pod that a constraint selects when it comes, goes or starts to terminate, or one whose labels
//!   change that; a node that takes part when it comes, goes or moves to another domain, or one that starts or ceases
//!   to take part.
//! - **Upstream**: plugins/podtopologyspread, plugins/helper/spread.go. No known difference, also where upstream is
//!   odd: terminating pods, and pods under a selector that selects everything, are not counted at first, but preemption
//!   subtracts them when it takes them away.
//! - **Cost**: the classes that have a label which a constraint demands, and one pass over the rows for a pod; a few
//!   array reads a node.

mod constraint;
mod eligible;
mod filter;
mod hint;
mod score;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use berth_model::affinity::SpreadConstraint;

use crate::ids::name::PluginName;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{Plugin, PreFilter, PreScore, QueueingHint};
use crate::pod_class::PodClass;
use constraint::Constraint;
use filter::SpreadFilter;
use score::SpreadScore;

/// The plugin's name in configurations.
pub const NAME: &str = "PodTopologySpread";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[ExtensionPoint::PreFilter, ExtensionPoint::Filter, ExtensionPoint::PreScore, ExtensionPoint::Score],
    || Arc::new(PodTopologySpread::default()),
)
.in_default_profile(2)
.with_arguments();

/// The plugin with its arguments.
#[derive(Clone, Debug, Default)]
pub struct PodTopologySpread {
    /// The constraints of pods that have none.
    pub defaulting: Defaulting,
}

/// The constraints of pods that have none.
#[derive(Clone, Debug, Default)]
pub enum Defaulting {
    /// Upstream's: prefer at most 3 more pods on a node and at most 5 more in a zone. Nodes without a zone take part.
    #[default]
    System,
    /// These; their selectors are not used.
    List(Vec<SpreadConstraint>),
}

impl PodTopologySpread {
    /// Whether pods without constraints get some once a service or controller selects them.
    fn may_have_defaults(&self, class: &PodClass, required: bool) -> bool {
        class.spread.is_empty()
            && match &self.defaulting {
                Defaulting::System => !required,
                Defaulting::List(list) => list.iter().any(|c| c.required == required),
            }
    }
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        let constraints = Constraint::of(pod, &self.defaulting, true);
        if constraints.is_empty() && !self.may_have_defaults(pod.class, true) {
            return PreFilter::SKIP_CLASS;
        }
        PreFilter::cached(SpreadFilter::new(pod, constraints))
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        let constraints = Constraint::of(pod, &self.defaulting, false);
        if constraints.is_empty() && !self.may_have_defaults(pod.class, false) {
            return PreScore::SKIP_CLASS;
        }
        let by_system = pod.class.spread.is_empty() && matches!(self.defaulting, Defaulting::System);
        PreScore::cached(SpreadScore::new(pod, constraints, !by_system))
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(hint::may_help(&Constraint::of(pod, &self.defaulting, true), pod, event))
    }
}
