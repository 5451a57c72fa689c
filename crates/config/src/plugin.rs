//! Which plugins there are, and at which extension points each of them runs.
//!
//! Upstream: `framework/plugins/registry.go` and the interfaces that each plugin implements. To add a plugin, add a row
//! to [`PLUGINS`]; it can then be enabled by name, at one point or by `multiPoint`, like any other.

use ExtensionPoint::{
    Bind, Filter, Permit, PlacementGenerate, PlacementScore, PodGroupPostFilter, PostBind, PostFilter,
    PreBind, PreEnqueue, PreFilter, PreScore, QueueSort, Reserve, Score,
};

/// A step of scheduling at which plugins run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "upstream's names, described in its documentation")]
pub enum ExtensionPoint {
    PreFilter,
    Filter,
    PostFilter,
    Reserve,
    PreScore,
    Score,
    PreBind,
    Bind,
    PostBind,
    Permit,
    PreEnqueue,
    QueueSort,
    PlacementGenerate,
    PlacementScore,
    PodGroupPostFilter,
}

impl ExtensionPoint {
    /// All of them, in the order in which upstream sets them up, and so finds problems with them.
    pub const ALL: [Self; 15] = [
        PreFilter,
        Filter,
        PostFilter,
        Reserve,
        PreScore,
        Score,
        PreBind,
        Bind,
        PostBind,
        Permit,
        PreEnqueue,
        QueueSort,
        PlacementGenerate,
        PlacementScore,
        PodGroupPostFilter,
    ];

    /// The field of `plugins` that lists its plugins, as in `preFilter`.
    pub const fn field(self) -> &'static str {
        match self {
            PreFilter => "preFilter",
            Filter => "filter",
            PostFilter => "postFilter",
            Reserve => "reserve",
            PreScore => "preScore",
            Score => "score",
            PreBind => "preBind",
            Bind => "bind",
            PostBind => "postBind",
            Permit => "permit",
            PreEnqueue => "preEnqueue",
            QueueSort => "queueSort",
            PlacementGenerate => "placementGenerate",
            PlacementScore => "placementScore",
            PodGroupPostFilter => "podGroupPostFilter",
        }
    }

    /// Upstream's name for a plugin of this point, as in `PreFilterPlugin`.
    pub fn interface(self) -> String {
        format!("{self:?}Plugin")
    }

    /// Points of pod groups, which run only with the feature gate `GenericWorkload`, off by default.
    pub const fn is_for_pod_groups(self) -> bool {
        matches!(self, PlacementGenerate | PlacementScore | PodGroupPostFilter)
    }
}

/// One plugin of the registry.
#[derive(Debug)]
pub struct Plugin {
    /// The name under which configurations know it.
    pub name: &'static str,
    /// Where it runs.
    pub points: &'static [ExtensionPoint],
    /// The feature gate, off by default, without which upstream's plugin does nothing. Such a plugin is known by name
    /// so that configurations which enable it are read, and left out of what they resolve to.
    pub gate: Option<&'static str>,
}

impl Plugin {
    /// Whether the plugin runs at `point`.
    pub fn extends(&self, point: ExtensionPoint) -> bool {
        self.points.contains(&point)
    }
}

const fn plugin(name: &'static str, points: &'static [ExtensionPoint]) -> Plugin {
    Plugin { name, points, gate: None }
}

const fn gated(name: &'static str, gate: &'static str, points: &'static [ExtensionPoint]) -> Plugin {
    Plugin { name, points, gate: Some(gate) }
}

/// Every plugin that a configuration may name.
pub const PLUGINS: &[Plugin] = &[
    plugin("SchedulingGates", &[PreEnqueue]),
    plugin("PrioritySort", &[QueueSort]),
    plugin("NodeName", &[PreFilter, Filter]),
    plugin("NodeUnschedulable", &[PreFilter, Filter]),
    plugin("TaintToleration", &[PreFilter, Filter, PreScore, Score]),
    plugin("NodeAffinity", &[PreFilter, Filter, PreScore, Score]),
    plugin("NodePorts", &[PreFilter, Filter]),
    plugin("NodeResourcesFit", &[PreFilter, Filter, PreScore, Score, PlacementScore]),
    plugin("VolumeRestrictions", &[PreFilter, Filter]),
    plugin("NodeVolumeLimits", &[PreFilter, Filter]),
    plugin("VolumeBinding", &[PreFilter, Filter, Reserve, PreBind, PreScore, Score]),
    plugin("VolumeZone", &[PreFilter, Filter]),
    plugin("PodTopologySpread", &[PreFilter, Filter, PreScore, Score]),
    plugin("InterPodAffinity", &[PreFilter, Filter, PreScore, Score]),
    plugin(
        "DynamicResources",
        &[PreEnqueue, PreFilter, Filter, PostFilter, PodGroupPostFilter, Score, Reserve, PreBind],
    ),
    plugin("DefaultPreemption", &[PreEnqueue, PostFilter, PodGroupPostFilter]),
    plugin("NodeResourcesBalancedAllocation", &[PreScore, Score]),
    plugin("ImageLocality", &[Score]),
    plugin("DefaultBinder", &[Bind]),
    plugin("NodeDeclaredFeatures", &[PreFilter, Filter]),
    gated("GangScheduling", "GenericWorkload", &[PreEnqueue, Permit]),
    gated(
        "DeferredPodScheduling",
        "InPlacePodVerticalScalingSchedulerPreemption",
        &[PreFilter, Filter, Permit],
    ),
    gated("TopologyPlacementGenerator", "TopologyAwareWorkloadScheduling", &[PlacementGenerate]),
    gated("PodGroupPodsCount", "TopologyAwareWorkloadScheduling", &[PlacementScore]),
    // Berth's own. No default enables them.
    plugin("Random", &[PreScore, Score]),
    plugin("LeastLoad", &[PreScore, Score]),
    plugin("BestFit", &[PreScore, Score]),
    plugin("WeightedLeastLoad", &[PreScore, Score]),
];

/// The plugin of that name, if there is one.
pub fn find(name: &str) -> Option<&'static Plugin> {
    PLUGINS.iter().find(|p| p.name == name)
}

/// Plugins that version v1 removed; upstream names them in an error of their own.
pub(crate) const REMOVED: [&str; 4] = ["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"];

/// Upstream's words for a plugin in [`REMOVED`].
pub(crate) const REMOVED_WORDS: &str = "was invalid in version \"v1\" \
    (KubeSchedulerConfiguration is version \"kubescheduler.config.k8s.io/v1\")";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_registered_twice() {
        for (i, plugin) in PLUGINS.iter().enumerate() {
            assert!(PLUGINS[..i].iter().all(|p| p.name != plugin.name), "{}", plugin.name);
            assert!(!REMOVED.contains(&plugin.name));
        }
    }

    #[test]
    fn points_are_numbered_as_they_are_listed() {
        for (i, point) in ExtensionPoint::ALL.into_iter().enumerate() {
            assert_eq!(point as usize, i);
        }
        assert_eq!(PodGroupPostFilter.interface(), "PodGroupPostFilterPlugin");
    }
}
