//! What is known of a plugin beside what it decides: its name, where it runs, its default weight and how it is made.
//!
//! Each plugin has its entry in its own file; [`crate::plugins::REGISTRY`] lists them.

use std::sync::Arc;

use crate::ids::name::PluginName;
use crate::plugin::Plugin;

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

/// The registry entry of a plugin.
#[derive(Debug)]
pub struct PluginEntry {
    /// The name in configurations.
    pub name: PluginName,
    /// The points at which the plugin runs.
    pub points: &'static [ExtensionPoint],
    /// The weight in the default profile, zero if the default is meant. `None`: no default profile runs the plugin.
    pub default_weight: Option<i32>,
    /// Whether configurations may give arguments to the plugin.
    pub takes_arguments: bool,
    /// Whether the plugin reads measured load.
    pub reads_load: bool,
    /// How the plugin is made.
    pub constructor: Constructor,
}

/// How a plugin is made.
#[derive(Clone, Copy, Debug)]
pub enum Constructor {
    /// With default arguments.
    Default(fn() -> Arc<dyn Plugin>),
    /// The plugin decides nothing in the engine; this does its work.
    Elsewhere(&'static str),
    /// Upstream's plugin does nothing without this feature gate, which is off by default. Configurations that enable it
    /// are read, and the plugin is left out.
    Gated(&'static str),
}

impl PluginEntry {
    /// A plugin without arguments that no default profile runs.
    pub const fn new(
        name: &'static str,
        points: &'static [ExtensionPoint],
        constructor: fn() -> Arc<dyn Plugin>,
    ) -> Self {
        Self::with(name, points, Constructor::Default(constructor))
    }

    /// A plugin whose work something else does.
    pub const fn elsewhere(
        name: &'static str,
        points: &'static [ExtensionPoint],
        worker: &'static str,
    ) -> Self {
        Self::with(name, points, Constructor::Elsewhere(worker))
    }

    /// A plugin that does nothing without a feature gate.
    pub const fn gated(
        name: &'static str,
        points: &'static [ExtensionPoint],
        feature_gate: &'static str,
    ) -> Self {
        Self::with(name, points, Constructor::Gated(feature_gate))
    }

    const fn with(name: &'static str, points: &'static [ExtensionPoint], constructor: Constructor) -> Self {
        Self {
            name: PluginName::new(name),
            points,
            default_weight: None,
            takes_arguments: false,
            reads_load: false,
            constructor,
        }
    }

    /// The default profile runs the plugin, with this weight if it scores.
    pub const fn in_default_profile(mut self, weight: i32) -> Self {
        self.default_weight = Some(weight);
        self
    }

    /// Configurations may give arguments to the plugin.
    pub const fn with_arguments(mut self) -> Self {
        self.takes_arguments = true;
        self
    }

    /// The plugin reads measured load.
    pub const fn reading_load(mut self) -> Self {
        self.reads_load = true;
        self
    }

    /// Whether the plugin runs at a point.
    pub fn extends(&self, point: ExtensionPoint) -> bool {
        self.points.contains(&point)
    }

    /// The feature gate that the plugin needs, if it needs one.
    pub fn feature_gate(&self) -> Option<&'static str> {
        match self.constructor {
            Constructor::Gated(gate) => Some(gate),
            Constructor::Default(_) | Constructor::Elsewhere(_) => None,
        }
    }

    /// The plugin with default arguments; `None` if it decides nothing in the engine.
    pub fn build(&self) -> Option<Arc<dyn Plugin>> {
        match self.constructor {
            Constructor::Default(constructor) => Some(constructor()),
            Constructor::Elsewhere(_) | Constructor::Gated(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_numbered_as_they_are_listed() {
        for (i, point) in ExtensionPoint::ALL.into_iter().enumerate() {
            assert_eq!(point as usize, i);
        }
        assert_eq!(PodGroupPostFilter.interface(), "PodGroupPostFilterPlugin");
    }
}
