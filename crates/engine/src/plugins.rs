//! The plugins, one file each, and the registry that lists them.
//!
//! To add a plugin, write its file and add two lines here: the module, and its entry in [`REGISTRY`]. A configuration
//! can then name it, the laws test it, and the documentation lists it.

pub mod best_fit;
pub mod default_binder;
pub mod dynamic_resources;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod least_load;
pub mod node_affinity;
pub mod node_declared_features;
pub mod node_name;
pub mod node_ports;
pub mod node_resources_balanced_allocation;
pub mod node_resources_fit;
pub mod node_unschedulable;
pub mod node_volume_limits;
pub mod pod_topology_spread;
pub mod priority_sort;
pub mod random;
pub mod scheduling_gates;
pub mod taint_toleration;
pub mod volume_binding;
pub mod volume_restrictions;
pub mod volume_zone;
pub mod weighted_least_load;

use berth_model::Str;

use crate::plugin::profile::Profile;
use crate::plugin::registry::ExtensionPoint::{
    Filter, Permit, PlacementGenerate, PlacementScore, PodGroupPostFilter, PostFilter, PreEnqueue, PreFilter,
    Reserve, Score,
};
use crate::plugin::registry::{ExtensionPoint, PluginEntry};

/// Every plugin that a configuration may name: upstream's of the default profile in upstream's order, upstream's
/// others, Berth's own.
///
/// Upstream: `framework/plugins/registry.go` and `apis/config/v1/default_plugins.go`, with default feature gates.
pub static REGISTRY: &[PluginEntry] = &[
    scheduling_gates::ENTRY,
    priority_sort::ENTRY,
    node_name::ENTRY,
    node_unschedulable::ENTRY,
    taint_toleration::ENTRY,
    node_affinity::ENTRY,
    node_ports::ENTRY,
    node_resources_fit::ENTRY,
    volume_restrictions::ENTRY,
    node_volume_limits::ENTRY,
    volume_binding::ENTRY,
    volume_zone::ENTRY,
    pod_topology_spread::ENTRY,
    inter_pod_affinity::ENTRY,
    dynamic_resources::ENTRY,
    PluginEntry::elsewhere(
        DEFAULT_PREEMPTION,
        &[PreEnqueue, PostFilter, PodGroupPostFilter],
        "the engine's preemption",
    )
    .in_default_profile(0)
    .with_arguments(),
    node_resources_balanced_allocation::ENTRY,
    image_locality::ENTRY,
    default_binder::ENTRY,
    node_declared_features::ENTRY,
    PluginEntry::gated("GangScheduling", &[PreEnqueue, Permit], "GenericWorkload"),
    PluginEntry::gated(
        "DeferredPodScheduling",
        &[PreFilter, Filter, Permit],
        "InPlacePodVerticalScalingSchedulerPreemption",
    ),
    PluginEntry::gated("TopologyPlacementGenerator", &[PlacementGenerate], "TopologyAwareWorkloadScheduling"),
    PluginEntry::gated("PodGroupPodsCount", &[PlacementScore], "TopologyAwareWorkloadScheduling"),
    random::ENTRY,
    least_load::ENTRY,
    best_fit::ENTRY,
    weighted_least_load::ENTRY,
];

/// The plugin that lets pods that fit nowhere evict others. It has no file here: the engine's preemption asks the same
/// filters about nodes without some of their pods.
pub const DEFAULT_PREEMPTION: &str = "DefaultPreemption";

/// The entry of the plugin of that name, if there is one.
pub fn find(name: &str) -> Option<&'static PluginEntry> {
    REGISTRY.iter().find(|entry| entry.name == *name)
}

impl Profile {
    /// Upstream's default profile: what kube-scheduler runs without a configuration.
    pub fn standard(scheduler_name: impl Into<Str>) -> Self {
        let mut profile = Self::empty(scheduler_name);
        let runs = |entry: &&PluginEntry| entry.default_weight.is_some();
        for entry in REGISTRY.iter().filter(runs) {
            profile.preempts |= entry.name == *DEFAULT_PREEMPTION;
            let Some(plugin) = entry.build() else { continue };
            let has = |point: ExtensionPoint| entry.extends(point);
            let add = |list: &mut Vec<_>, point| list.extend(has(point).then(|| plugin.clone()));
            add(&mut profile.pre_enqueue, PreEnqueue);
            add(&mut profile.pre_filter, PreFilter);
            add(&mut profile.filter, Filter);
            add(&mut profile.reserve, Reserve);
            if has(Score) {
                let weight = entry.default_weight.filter(|weight| *weight != 0).unwrap_or(1);
                profile.score.push((plugin, weight.into()));
            }
        }
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_registered_once_and_is_the_plugins_own() {
        for (i, entry) in REGISTRY.iter().enumerate() {
            assert!(REGISTRY[..i].iter().all(|other| other.name != entry.name), "{}", entry.name);
            assert!(entry.build().is_none_or(|plugin| plugin.name() == entry.name), "{}", entry.name);
        }
    }
}
