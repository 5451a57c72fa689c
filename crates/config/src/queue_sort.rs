//! The queue is shared by all profiles, so all must sort it alike.
//!
//! Upstream: `validateCommonQueueSort` in `apis/config/validation/validation.go`, `cfgValidator` in
//! `profile/profile.go`.

use berth_engine::name::PluginName;

use crate::path::Path;
use crate::plugin::ExtensionPoint;
use crate::plugin_config::{PluginConfig, raw_args};
use crate::plugin_set::{Entry, PluginSet, PluginSets};
use crate::quote::quoted;
use crate::sink::Sink;
use serde_json::json;

/// What queue sorting depends on in one profile.
pub(crate) struct SortOf<'a> {
    pub(crate) scheduler_name: &'a str,
    pub(crate) sets: &'a PluginSets,
    pub(crate) configs: &'a [PluginConfig<'a>],
    /// The plugin that sorts in the end.
    pub(crate) resolved: Option<PluginName>,
}

/// Compares every profile with the first.
pub(crate) fn validate(profiles: &[SortOf<'_>], sink: &Sink) {
    let Some((first, others)) = profiles.split_first() else { return };
    let path = |i: usize| Path::root().child("profiles").index(i);
    let canon = first.sets.at(ExtensionPoint::QueueSort);
    if canon.enabled.len() > 1 {
        let path = path(0).child("plugins").child("queueSort").child("Enabled");
        sink.invalid(&path, canon.enabled.len(), "only one queue sort plugin can be enabled");
    }
    for (i, other) in (1..).zip(others) {
        let current = other.sets.at(ExtensionPoint::QueueSort);
        if shown(canon) != shown(current) {
            let path = path(i).child("plugins").child("queueSort");
            sink.invalid(&path, shown(current), "must be the same for all profiles");
        }
        let args = |plugin: &str| (raw_args(first.configs, plugin), raw_args(other.configs, plugin));
        if let Some(plugin) = canon.enabled.first() {
            let (expected, found) = args(&plugin.name);
            // A profile without arguments for the plugin passes here, and fails below.
            if expected != found && !found.is_null() {
                let path = path(i).child("pluginConfig").child("args");
                sink.invalid(&path, found, "queueSort must be the same for all profiles");
                continue;
            }
        }
        if let Some((expected, found)) = other.resolved.as_deref().map(args)
            && expected != found
        {
            let name = quoted(other.scheduler_name);
            sink.plugins(
                &path(i).child("pluginConfig"),
                format!("different queue sort plugin args for profile {name}"),
            );
        }
    }
}

/// A set as upstream shows it, and compares it.
fn shown(set: &PluginSet) -> String {
    let entries = |entries: &[Entry], weigh: bool| {
        let weight = |e: &Entry| if weigh { e.weight } else { 0 };
        let items: Vec<String> = entries
            .iter()
            .map(|e| format!("{{\"Name\":{},\"Weight\":{}}}", json!(e.name), weight(e)))
            .collect();
        if items.is_empty() { "null".to_owned() } else { format!("[{}]", items.join(",")) }
    };
    // Merging with the defaults drops the weights of what is disabled.
    let (enabled, disabled) = (entries(&set.enabled, true), entries(&set.disabled, false));
    format!("{{\"Enabled\":{enabled},\"Disabled\":{disabled}}}")
}
