//! From enabled and disabled plugins to the ordered list of plugins at each point.
//!
//! Order at a point: first the plugins that both the point and `multiPoint` enable, as the point orders them; then
//! those of `multiPoint`; then those of the point alone. The weight of a plugin is the one at `score`, or else the one
//! in `multiPoint`, or else 1.
//!
//! Upstream: `NewFramework`, `updatePluginList`, `expandMultiPointPlugins` and `getValidScoreWeights` in
//! `framework/runtime/framework.go`. Upstream stops at the first problem; here all of them are found.

use berth_engine::name::PluginName;

use crate::path::Path;
use crate::plugin::{self, ExtensionPoint, PluginEntry};
use crate::plugin_set::{ALL, Entry, PluginSet, PluginSets};
use crate::profile::{ExtensionPoints, WeightedPlugin};
use crate::quote::quoted;
use crate::sink::Sink;

/// The best score that a plugin gives a node.
const SCORE_MAX: i64 = 100;

/// The plugins that run at each point. Problems go to `sink`; the result is then of no use.
pub(crate) fn expand(
    sets: &PluginSets,
    profile: &Path,
    scheduler_name: &str,
    sink: &Sink,
) -> ExtensionPoints {
    let multi_point = known_of_multi_point(sets, sink);
    let at = |point| {
        let set = sets.at(point);
        let own = own_plugins(set, point, sink);
        arrange(&own, &multi_point, set, point, sink)
    };
    // In upstream's order, in which the first point that a problem concerns is the one named.
    let [pre_filter, filter, post_filter, reserve, pre_score, score, rest @ ..] = ExtensionPoint::ALL.map(at);
    let [pre_bind, bind, post_bind, permit, pre_enqueue, queue_sort, rest @ ..] = rest;
    let [placement_generate, placement_score, pod_group_post_filter] = rest;

    let quoted_name = quoted(scheduler_name);
    if queue_sort.len() != 1 {
        let count = queue_sort.len();
        sink.plugins(
            &sets.path(ExtensionPoint::QueueSort),
            format!(
                "only one queue sort plugin required for profile with scheduler name {quoted_name}, but got {count}"
            ),
        );
    }
    if bind.is_empty() {
        sink.plugins(
            &sets.path(ExtensionPoint::Bind),
            format!("at least one bind plugin is needed for profile with scheduler name {quoted_name}"),
        );
    }
    let score = weigh(&score, sets, ExtensionPoint::Score, profile, sink);
    let placement_score = weigh(&placement_score, sets, ExtensionPoint::PlacementScore, profile, sink);
    leave_out_gated(sets, sink);
    name_idle_disabling(
        sets.at(ExtensionPoint::PreFilter),
        ExtensionPoint::PreFilter,
        &pre_filter,
        &filter,
        sink,
    );
    let scorers: Vec<_> = score.iter().filter_map(|s| plugin::find(&s.name)).collect();
    name_idle_disabling(
        sets.at(ExtensionPoint::PreScore),
        ExtensionPoint::PreScore,
        &pre_score,
        &scorers,
        sink,
    );
    ExtensionPoints {
        pre_enqueue: served(&pre_enqueue),
        queue_sort: served(&queue_sort),
        pre_filter: served(&pre_filter),
        filter: served(&filter),
        post_filter: served(&post_filter),
        pre_score: served(&pre_score),
        score,
        reserve: served(&reserve),
        permit: served(&permit),
        pre_bind: served(&pre_bind),
        bind: served(&bind),
        post_bind: served(&post_bind),
        placement_generate: served(&placement_generate),
        placement_score,
        pod_group_post_filter: served(&pod_group_post_filter),
    }
}

/// The plugins that `multiPoint` enables and that exist.
fn known_of_multi_point<'a>(sets: &'a PluginSets, sink: &Sink) -> Vec<(&'a Entry, &'static PluginEntry)> {
    // Upstream notices, and names the point, where it first expands `multiPoint`.
    let mut expanded = ExtensionPoint::ALL.into_iter().filter(|p| !sets.at(*p).disables(ALL));
    let interface = expanded.next().unwrap_or(ExtensionPoint::ALL[0]).interface();
    let known = |entry: &'a Entry| {
        let plugin = plugin::find(&entry.name);
        if plugin.is_none() {
            sink.plugins(&entry.path, format!("{interface} {} does not exist", quoted(&entry.name)));
        }
        plugin.map(|plugin| (entry, plugin))
    };
    sets.multi_point.enabled.iter().filter_map(known).collect()
}

/// The plugins that a point itself enables.
fn own_plugins(set: &PluginSet, point: ExtensionPoint, sink: &Sink) -> Vec<&'static PluginEntry> {
    let mut own: Vec<&'static PluginEntry> = Vec::new();
    for entry in &set.enabled {
        let interface = point.interface();
        let name = quoted(&entry.name);
        match plugin::find(&entry.name) {
            None => sink.plugins(&entry.path, format!("{interface} {name} does not exist")),
            Some(plugin) if !plugin.extends(point) => {
                sink.plugins(&entry.path, format!("plugin {name} does not extend {interface} plugin"));
            }
            Some(plugin) if own.iter().any(|p| p.name == plugin.name) => {
                sink.plugins(&entry.path, already_registered(plugin, point));
            }
            Some(plugin) => own.push(plugin),
        }
    }
    own
}

/// Merges the plugins of a point with those of `multiPoint` that extend it and that it does not disable.
fn arrange(
    own: &[&'static PluginEntry],
    multi_point: &[(&Entry, &'static PluginEntry)],
    set: &PluginSet,
    point: ExtensionPoint,
    sink: &Sink,
) -> Vec<&'static PluginEntry> {
    if set.disables(ALL) {
        return own.to_vec();
    }
    let mut overridden: Vec<&str> = Vec::new();
    let mut inherited: Vec<&'static PluginEntry> = Vec::new();
    for (entry, plugin) in multi_point.iter().filter(|(_, p)| p.extends(point) && !set.disables(&p.name)) {
        if own.iter().any(|p| p.name == plugin.name) {
            overridden.push(&plugin.name);
        } else if inherited.iter().any(|p| p.name == plugin.name) {
            sink.plugins(&entry.path, already_registered(plugin, point));
        } else {
            inherited.push(plugin);
        }
    }
    let (first, last): (Vec<_>, Vec<_>) = own.iter().copied().partition(|p| overridden.contains(&&*p.name));
    [first, inherited, last].concat()
}

fn already_registered(plugin: &PluginEntry, point: ExtensionPoint) -> String {
    format!("plugin {} already registered as {}", quoted(&plugin.name), quoted(&point.interface()))
}

/// Gives each plugin its weight, and refuses weights whose sum could overflow.
fn weigh(
    plugins: &[&'static PluginEntry],
    sets: &PluginSets,
    point: ExtensionPoint,
    profile: &Path,
    sink: &Sink,
) -> Vec<WeightedPlugin> {
    let mut weights: Vec<WeightedPlugin> = Vec::new();
    let mut total: i64 = 0;
    for entry in sets.at(point).enabled.iter().chain(&sets.multi_point.enabled) {
        let Some(plugin) = plugin::find(&entry.name).filter(|p| p.extends(point)) else { continue };
        if weights.iter().any(|w| w.name == plugin.name) {
            continue;
        }
        let weight = if entry.weight == 0 { 1 } else { entry.weight };
        weights.push(WeightedPlugin { name: plugin.name.clone(), weight });
        let most = i64::from(weight) * SCORE_MAX;
        // Upstream's check wraps around once negative weights have made the total negative: it then refuses what
        // could not overflow, and so must we.
        if most > i64::MAX.wrapping_sub(total) {
            let kind = if point == ExtensionPoint::Score { "score" } else { "placement score" };
            sink.plugins(
                &profile.child("plugins"),
                format!("{kind} plugins: total score of Score plugins could overflow"),
            );
            break;
        }
        total += most;
        if weight < 0 {
            sink.warn(
                &entry.path.child("weight"),
                "below zero: the nodes that the plugin likes best go last",
            );
        }
    }
    let weight_of = |p: &&'static PluginEntry| weights.iter().find(|w| w.name == p.name).cloned();
    plugins.iter().filter(|p| p.feature_gate().is_none()).filter_map(weight_of).collect()
}

fn served(plugins: &[&'static PluginEntry]) -> Vec<PluginName> {
    plugins.iter().filter(|p| p.feature_gate().is_none()).map(|p| p.name.clone()).collect()
}

fn leave_out_gated(sets: &PluginSets, sink: &Sink) {
    for (_, set) in sets.all() {
        for entry in &set.enabled {
            if let Some(gate) = plugin::find(&entry.name).and_then(PluginEntry::feature_gate) {
                let name = &entry.name;
                sink.warn(
                    &entry.path,
                    format!("{name} is left out: it needs the feature gate {gate}, which is off by default"),
                );
            }
        }
    }
}

/// A plugin that judges nodes prepares for it, also where the point at which upstream prepares is disabled for it.
fn name_idle_disabling(
    set: &PluginSet,
    point: ExtensionPoint,
    preparing: &[&PluginEntry],
    judging: &[&PluginEntry],
    sink: &Sink,
) {
    let is_idle = |p: &&&PluginEntry| p.extends(point) && preparing.iter().all(|other| other.name != p.name);
    for entry in &set.disabled {
        let names: Vec<&str> = judging
            .iter()
            .filter(is_idle)
            .map(|p| &*p.name)
            .filter(|name| entry.name == ALL || entry.name == *name)
            .collect();
        if !names.is_empty() {
            let names = names.join(", ");
            sink.warn(&entry.path, format!("no effect on {names}: what judges nodes prepares for it"));
        }
    }
}
