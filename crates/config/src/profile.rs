//! A profile: a named way to schedule, which pods select by `schedulerName`.

use crate::args::PluginArgs;

/// A profile with everything decided: which plugins run where, in which order, with which weights and arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedProfile {
    /// Pods select the profile by this `schedulerName`.
    pub scheduler_name: String,
    /// Percent of all nodes to look at before choosing, 0 to 100; 0 lets upstream choose. The profile's own value, or
    /// else that of the configuration. Berth looks at every node, and warns where a configuration asks for less.
    pub percentage_of_nodes_to_score: i32,
    /// The plugins at each extension point.
    pub points: ExtensionPoints,
    /// The arguments of all plugins that take some, with defaults where the configuration has none.
    pub args: PluginArgs,
}

/// The names of the plugins at each extension point, in the order in which they run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "upstream's extension points, described in its documentation")]
pub struct ExtensionPoints {
    pub pre_enqueue: Vec<&'static str>,
    /// Exactly one.
    pub queue_sort: Vec<&'static str>,
    pub pre_filter: Vec<&'static str>,
    pub filter: Vec<&'static str>,
    pub post_filter: Vec<&'static str>,
    pub pre_score: Vec<&'static str>,
    pub score: Vec<WeightedPlugin>,
    pub reserve: Vec<&'static str>,
    pub permit: Vec<&'static str>,
    pub pre_bind: Vec<&'static str>,
    /// At least one.
    pub bind: Vec<&'static str>,
    pub post_bind: Vec<&'static str>,
    /// Pod groups only, as are the two below: nothing runs here with default feature gates.
    pub placement_generate: Vec<&'static str>,
    pub placement_score: Vec<WeightedPlugin>,
    pub pod_group_post_filter: Vec<&'static str>,
}

/// A plugin that scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightedPlugin {
    /// The plugin.
    pub name: &'static str,
    /// Its scores are multiplied by this; never 0, and below 0 only where a configuration says so.
    pub weight: i32,
}
