//! The arguments of plugins, each with its defaults and its validation in a file of its own.
//!
//! Those of Berth's own plugins (Random, LeastLoad, BestFit, WeightedLeastLoad) are in docs/algorithms.md.
//!
//! Upstream: `kube-scheduler/config/v1/types_pluginargs.go`, `apis/config/v1/defaults.go` and
//! `apis/config/validation/validation_pluginargs.go`.

mod balanced_allocation;
mod best_fit;
mod default_preemption;
mod dynamic_resources;
mod freshness;
mod inter_pod_affinity;
mod least_load;
mod node_affinity;
mod node_resources_fit;
mod node_selector;
mod pod_topology_spread;
mod random;
mod resource;
mod shape;
mod volume_binding;
mod weighted_least_load;

pub use balanced_allocation::BalancedAllocationArgs;
pub use best_fit::BestFitArgs;
pub use default_preemption::DefaultPreemptionArgs;
pub use dynamic_resources::DynamicResourcesArgs;
pub use inter_pod_affinity::InterPodAffinityArgs;
pub use least_load::LeastLoadArgs;
pub use node_affinity::{AddedAffinity, NodeAffinityArgs, PreferredTerm};
pub use node_resources_fit::{NodeResourcesFitArgs, ScoringStrategy};
pub use node_selector::{FieldRequirement, LabelRequirement, NodeSelectorTerm, Operator};
pub use pod_topology_spread::{
    NodeInclusionPolicy, PodTopologySpreadArgs, SpreadConstraint, SpreadDefaulting, WhenUnsatisfiable,
};
pub use random::RandomArgs;
pub use resource::ResourceWeight;
pub use shape::ShapePoint;
pub use volume_binding::VolumeBindingArgs;
pub use weighted_least_load::{WeightSource, WeightedLeastLoadArgs};

/// The arguments of every plugin that takes some, whether or not a profile runs it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PluginArgs {
    /// Of DefaultPreemption.
    pub default_preemption: DefaultPreemptionArgs,
    /// Of DynamicResources.
    pub dynamic_resources: DynamicResourcesArgs,
    /// Of InterPodAffinity.
    pub inter_pod_affinity: InterPodAffinityArgs,
    /// Of NodeAffinity.
    pub node_affinity: NodeAffinityArgs,
    /// Of NodeResourcesBalancedAllocation.
    pub balanced_allocation: BalancedAllocationArgs,
    /// Of NodeResourcesFit.
    pub node_resources_fit: NodeResourcesFitArgs,
    /// Of PodTopologySpread.
    pub pod_topology_spread: PodTopologySpreadArgs,
    /// Of VolumeBinding.
    pub volume_binding: VolumeBindingArgs,
    /// Of Random.
    pub random: RandomArgs,
    /// Of LeastLoad.
    pub least_load: LeastLoadArgs,
    /// Of BestFit.
    pub best_fit: BestFitArgs,
    /// Of WeightedLeastLoad.
    pub weighted_least_load: WeightedLeastLoadArgs,
}
