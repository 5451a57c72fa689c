//! The `pluginConfig` of a profile: arguments by plugin name.

use crate::args::PluginArgs;
use crate::arguments::{ARGUMENTS, arguments_of};
use crate::document::{Node, Value};
use crate::fields::Fields;
use crate::path::Path;
use crate::plugin::{self, ExtensionPoint};
use crate::plugin_set::PluginSets;
use crate::quote::quoted;
use crate::sink::Sink;

const GROUP: &str = "kubescheduler.config.k8s.io";
const VERSION: &str = "kubescheduler.config.k8s.io/v1";
const FIT: &str = "NodeResourcesFit";

/// One item of `pluginConfig`.
#[derive(Debug)]
pub(crate) struct PluginConfig<'a> {
    name: String,
    /// Of any form, where no plugin says what form it must have.
    args: Option<&'a Node>,
    path: Path,
}

impl<'a> PluginConfig<'a> {
    /// Reads `pluginConfig` of a profile.
    pub(crate) fn read(profile: &Fields<'a>) -> Vec<Self> {
        profile.objects("pluginConfig", &["name", "args"], |item| Self {
            name: item.text("name").unwrap_or_default(),
            args: item.get("args"),
            path: item.path().clone(),
        })
    }
}

/// The arguments of `plugin` as JSON; null where there are none.
pub(crate) fn raw_args(configs: &[PluginConfig<'_>], plugin: &str) -> serde_json::Value {
    let config = configs.iter().find(|c| c.name == plugin);
    config.and_then(|c| c.args).map_or(serde_json::Value::Null, |args| args.value.to_json())
}

/// Whether NodeResourcesFit has arguments, be they defaults.
pub(crate) fn has_fit(configs: &[PluginConfig<'_>], sets: &PluginSets) -> bool {
    sets.need(FIT) || configs.iter().any(|c| c.name == FIT)
}

/// Reads and validates the arguments of all plugins.
///
/// Upstream validates those of NodeResourcesFit only when it sets the plugin up, and so not where it does not.
pub(crate) fn read_args(configs: &[PluginConfig<'_>], sets: &PluginSets, sink: &Sink) -> PluginArgs {
    let mut args = PluginArgs::default();
    for (i, config) in configs.iter().enumerate() {
        if configs[..i].iter().any(|c| c.name == config.name) {
            sink.duplicate(&config.path, &config.name);
        }
        let Some(arguments) = arguments_of(&config.name) else {
            without_args(config, sink);
            continue;
        };
        let path = config.path.child("args");
        let known = [arguments.fields, &["apiVersion", "kind"]].concat();
        let fields = Fields::open(config.args, path.clone(), &known, sink);
        if is_of_kind(config, &fields, sink) {
            (arguments.read)(&fields, &mut args);
        }
        if !sets.need(&config.name) {
            sink.warn(&config.path, format!("no effect: the profile does not run {}", config.name));
            if config.name == FIT {
                sink.pardon(&path);
            }
        }
    }
    refuse_unset(configs, sets, sink);
    args
}

/// Upstream sets no default arguments for what only `podGroupPostFilter` enables, and then cannot do without them.
fn refuse_unset(configs: &[PluginConfig<'_>], sets: &PluginSets, sink: &Sink) {
    let pod_group = Some(ExtensionPoint::PodGroupPostFilter);
    for name in ["DefaultPreemption", "DynamicResources"] {
        let mut uses = sets
            .all()
            .flat_map(|(p, set)| set.enabled.iter().filter(|e| e.name == name).map(move |e| (p, e)));
        if let Some((point, entry)) = uses.next()
            && point == pod_group
            && uses.all(|(p, _)| p == pod_group)
            && !configs.iter().any(|c| c.name == name)
        {
            let words = format!("got args of type <nil>, want *{name}Args");
            sink.plugins(&entry.path, format!("initializing plugin {}: {words}", quoted(name)));
        }
    }
}

/// Arguments may say what kind they are; if so, it must be that of their plugin.
fn is_of_kind(config: &PluginConfig<'_>, fields: &Fields<'_>, sink: &Sink) -> bool {
    let expected = format!("{}Args", config.name);
    let version = fields.text("apiVersion").filter(|v| !v.is_empty()).unwrap_or_else(|| VERSION.to_owned());
    let kind = fields.text("kind").filter(|k| !k.is_empty()).unwrap_or_else(|| expected.clone());
    let is_registered = |kind: &str| {
        kind == "KubeSchedulerConfiguration"
            || ARGUMENTS.iter().any(|arguments| kind == format!("{}Args", arguments.plugin))
    };
    if version != VERSION || !is_registered(&kind) {
        let words = format!("no kind {} is registered for version {}", quoted(&kind), quoted(&version));
        sink.plugins(&config.path, format!("decoding args for plugin {}: {words}", config.name));
        return false;
    }
    if kind != expected {
        let name = &config.name;
        let words = format!("args for plugin {name} were not of type {expected}.{GROUP}, got {kind}.{GROUP}");
        sink.plugins(&config.path, words);
        return false;
    }
    true
}

/// An item whose plugin takes no arguments, or does not exist. Upstream ignores it in silence.
fn without_args(config: &PluginConfig<'_>, sink: &Sink) {
    let (name, path) = (config.name.as_str(), &config.path);
    if plugin::REMOVED.contains(&name) {
        sink.invalid_text(path, name, plugin::REMOVED_WORDS);
    } else if name == "NodeResourcesFitArgs" {
        // A slip in upstream's validation: it looks for arguments of that type under the type's own name.
        let found = config.args.map_or(&Value::Null, |n| &n.value).to_json();
        sink.invalid(&path.child("args"), found, "has to match plugin args");
    } else if plugin::find(name).is_none() {
        sink.warn(path, format!("no effect: there is no plugin {name:?}"));
    } else if config.args.is_some() {
        sink.warn(path, format!("no effect: {name} takes no args"));
    }
}
