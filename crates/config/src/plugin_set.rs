//! The `plugins` of a profile as written: what is enabled and disabled at each point and by `multiPoint`, and how that
//! is merged into the defaults.
//!
//! Upstream: `apis/config/v1/default_plugins.go`.

use crate::fields::Fields;
use crate::path::Path;
use crate::plugin::{self, ExtensionPoint, PluginEntry, REGISTRY};
use crate::quote::quoted;
use crate::sink::Sink;

/// What a user writes to mean every default plugin.
pub(crate) const ALL: &str = "*";

const ENTRY: &[&str] = &["name", "weight"];
const SET: &[&str] = &["enabled", "disabled"];

/// A plugin in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// 0 where unset.
    pub(crate) weight: i32,
    /// Where the user wrote it; for a default, the `multiPoint` of its profile.
    pub(crate) path: Path,
}

/// What is enabled and disabled at one point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PluginSet {
    pub(crate) enabled: Vec<Entry>,
    pub(crate) disabled: Vec<Entry>,
}

/// The sets of all points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PluginSets {
    pub(crate) multi_point: PluginSet,
    by_point: [PluginSet; ExtensionPoint::ALL.len()],
    path: Path,
}

impl PluginSet {
    fn read(fields: &Fields<'_>) -> Self {
        let entries = |name| {
            fields.objects(name, ENTRY, |entry| Entry {
                name: entry.text("name").unwrap_or_default(),
                weight: entry.int32("weight").unwrap_or_default(),
                path: entry.path().clone(),
            })
        };
        Self { enabled: entries("enabled"), disabled: entries("disabled") }
    }

    /// Leaves out the plugins that do not exist. At a point that needs a plugin the default ones then stay enabled.
    fn leave_out_unknown(&mut self, point: &str, sink: &Sink) {
        let before = self.enabled.len();
        self.enabled.retain(|entry| {
            let is_known = plugin::find(&entry.name).is_some();
            if !is_known {
                sink.warn(&entry.path, format!("{} does not exist; it is left out", quoted(&entry.name)));
            }
            is_known
        });
        if self.enabled.is_empty() && before > 0 && matches!(point, "queueSort" | "bind") {
            self.disabled.clear();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.enabled.is_empty() && self.disabled.is_empty()
    }

    pub(crate) fn disables(&self, name: &str) -> bool {
        self.disabled.iter().any(|d| d.name == name)
    }

    /// Puts what a user wrote into the defaults: a default that is enabled again keeps its place and takes the new
    /// weight, and what is new goes to the end. A plugin that is written twice stays twice, and expansion refuses it.
    fn merge(&self, custom: Self) -> Self {
        let mut enabled = Vec::new();
        let mut used = Vec::new();
        if !custom.disables(ALL) {
            for default in self.enabled.iter().filter(|d| !custom.disables(&d.name)) {
                match custom.enabled.iter().rposition(|c| c.name == default.name) {
                    Some(i) => {
                        used.push(i);
                        enabled.push(custom.enabled[i].clone());
                    }
                    None => enabled.push(default.clone()),
                }
            }
        }
        let rest = custom.enabled.into_iter().enumerate().filter(|(i, _)| !used.contains(i));
        enabled.extend(rest.map(|(_, entry)| entry));
        Self { enabled, disabled: custom.disabled }
    }
}

impl PluginSets {
    /// Reads `plugins` of the profile at `profile` and merges it into the defaults.
    pub(crate) fn read(profile: &Fields<'_>) -> Self {
        let names: Vec<&str> = ExtensionPoint::ALL.iter().map(|p| p.field()).chain(["multiPoint"]).collect();
        let fields = profile.object("plugins", &names);
        let set = |name| {
            let mut set = PluginSet::read(&fields.object(name, SET));
            if profile.sink().ignores_unknown_plugins {
                set.leave_out_unknown(name, profile.sink());
            }
            set
        };
        Self {
            multi_point: defaults(&fields.at("multiPoint")).merge(set("multiPoint")),
            by_point: ExtensionPoint::ALL.map(|p| set(p.field())),
            path: fields.path().clone(),
        }
    }

    pub(crate) fn at(&self, point: ExtensionPoint) -> &PluginSet {
        &self.by_point[point as usize]
    }

    /// Where the user writes the plugins of `point`.
    pub(crate) fn path(&self, point: ExtensionPoint) -> Path {
        self.path.child(point.field())
    }

    /// Whether a plugin of that name is set up, whatever it is then used for.
    pub(crate) fn need(&self, name: &str) -> bool {
        self.by_point.iter().chain([&self.multi_point]).any(|s| s.enabled.iter().any(|e| e.name == name))
    }

    /// The sets with their points; the set of `multiPoint` has none.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Option<ExtensionPoint>, &PluginSet)> {
        let points = ExtensionPoint::ALL.into_iter().map(|p| (Some(p), self.at(p)));
        points.chain([(None, &self.multi_point)])
    }
}

/// The default plugins and weights, in upstream's order, with default feature gates.
fn defaults(path: &Path) -> PluginSet {
    let entry = |entry: &PluginEntry| {
        let weight = entry.default_weight?;
        Some(Entry { name: entry.name.to_string(), weight, path: path.clone() })
    };
    PluginSet { enabled: REGISTRY.iter().filter_map(entry).collect(), disabled: Vec::new() }
}

/// Names plugins that version v1 removed, and warns of what is written without effect.
///
/// Upstream: `validatePluginConfig` in `apis/config/validation/validation.go`; the warnings are Berth's.
pub(crate) fn validate(sets: &PluginSets, sink: &crate::sink::Sink) {
    for (point, set) in sets.all() {
        // Upstream looks for removed plugins at these points only; elsewhere they are plugins that do not exist.
        let looks = point.is_some_and(|p| {
            !matches!(p, ExtensionPoint::PlacementGenerate | ExtensionPoint::PlacementScore)
        });
        for entry in &set.enabled {
            if looks && plugin::REMOVED.contains(&entry.name.as_str()) {
                sink.invalid_text(&entry.path, &entry.name, plugin::REMOVED_WORDS);
            }
            if entry.weight != 0 && !weighs(point, &entry.name) {
                sink.warn(&entry.path.child("weight"), "no effect: weights are of plugins that score");
            }
        }
        for entry in set.disabled.iter().filter(|e| e.name != ALL && plugin::find(&e.name).is_none()) {
            sink.warn(&entry.path, format!("no effect: there is no plugin {:?} to disable", entry.name));
        }
        if let Some(point) = point.filter(|p| p.is_for_pod_groups() && !set.is_empty()) {
            sink.warn(
                &sets.path(point),
                "no effect: pod groups need the feature gate GenericWorkload, which is off by default",
            );
        }
    }
}

fn weighs(point: Option<ExtensionPoint>, name: &str) -> bool {
    let scores = |p: ExtensionPoint| matches!(p, ExtensionPoint::Score | ExtensionPoint::PlacementScore);
    match point {
        Some(point) => scores(point),
        None => plugin::find(name).is_none_or(|p| p.points.iter().any(|p| scores(*p))),
    }
}
