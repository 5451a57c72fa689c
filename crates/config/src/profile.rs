//! A profile: a named way to schedule, which pods select by `schedulerName`.

use berth_engine::name::PluginName;
use berth_engine::tie_break::TieBreak;

use crate::args::PluginArgs;

/// A profile with everything decided: which plugins run where, in which order, with which weights and arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedProfile {
    /// Pods select the profile by this `schedulerName`.
    pub scheduler_name: String,
    /// Percent of all nodes to look at before choosing, 0 to 100; 0 lets upstream choose. The profile's own value, or
    /// else that of the configuration. Berth looks at every node, and warns where a configuration asks for less.
    pub percentage_of_nodes_to_score: i32,
    /// Which of several nodes with the best score is chosen. The field `tieBreak` is an extension: kube-scheduler does
    /// not know it.
    pub tie_break: TieBreak,
    /// The plugins at each extension point.
    pub points: ExtensionPoints,
    /// The arguments of all plugins that take some, with defaults where the configuration has none.
    pub args: PluginArgs,
}

/// The names of the plugins at each extension point, in the order in which they run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "upstream's extension points, described in its documentation")]
pub struct ExtensionPoints {
    pub pre_enqueue: Vec<PluginName>,
    /// Exactly one.
    pub queue_sort: Vec<PluginName>,
    pub pre_filter: Vec<PluginName>,
    pub filter: Vec<PluginName>,
    pub post_filter: Vec<PluginName>,
    pub pre_score: Vec<PluginName>,
    pub score: Vec<WeightedPlugin>,
    pub reserve: Vec<PluginName>,
    pub permit: Vec<PluginName>,
    pub pre_bind: Vec<PluginName>,
    /// At least one.
    pub bind: Vec<PluginName>,
    pub post_bind: Vec<PluginName>,
    /// Pod groups only, as are the two below: nothing runs here with default feature gates.
    pub placement_generate: Vec<PluginName>,
    pub placement_score: Vec<WeightedPlugin>,
    pub pod_group_post_filter: Vec<PluginName>,
}

/// A plugin that scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightedPlugin {
    /// The plugin.
    pub name: PluginName,
    /// Its scores are multiplied by this; never 0, and below 0 only where a configuration says so.
    pub weight: i32,
}
