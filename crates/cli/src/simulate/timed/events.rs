//! The file of events: what happens at which time.

use std::fs;
use std::path::Path;

use berth_cluster::Millis;
use berth_cluster::command::{Command, NodeQuery, Scheduled};
use berth_model::execution::duration_millis;
use berth_model::manifests::Manifests;
use berth_model::object::Object;
use berth_sim::change::nodes::{find, with_full_keys};
use berth_sim::change::{self};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::object_name;
use crate::changes::{node_set, scale};
use crate::failure::Failure;
use crate::simulate::SimulateArgs;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    events: Vec<Spanned<Event>>,
}

/// An event: a time, and one thing that happens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    at: Option<String>,
    every: Option<String>,
    fail: Option<String>,
    recover: Option<String>,
    cordon: Option<String>,
    uncordon: Option<String>,
    drain: Option<String>,
    /// With `drain`: also pods without a controller.
    force: Option<bool>,
    remove: Option<String>,
    apply: Option<String>,
    delete: Option<String>,
    scale: Option<String>,
}

/// Reads the events.
///
/// # Errors
/// All that is wrong with the file, with line and field.
pub(super) fn read(
    path: &Path,
    manifests: &Manifests,
    args: &SimulateArgs,
) -> Result<Vec<Scheduled>, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(&name, &error))?;
    let file: File = serde_saphyr::from_str(&text)
        .map_err(|error| Failure::input(format!("{name}: cannot be read as events: {error}")))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let reader = Reader { manifests, args, folder };
    let (mut commands, mut problems) = (Vec::new(), Vec::new());
    for event in &file.events {
        match reader.event(&event.value) {
            Ok(command) => commands.push(command),
            Err(problem) => problems.push(format!("{name}:{}: {problem}", event.referenced.line())),
        }
    }
    if problems.is_empty() { Ok(commands) } else { Err(Failure::inputs(problems)) }
}

struct Reader<'a> {
    manifests: &'a Manifests,
    args: &'a SimulateArgs,
    folder: &'a Path,
}

impl Reader<'_> {
    fn event(&self, event: &Event) -> Result<Scheduled, String> {
        let at = time("at", event.at.as_deref())?;
        let every = time("every", event.every.as_deref())?;
        if every == Some(0) {
            return Err("every: expected a duration that is not 0".to_owned());
        }
        let Some(first) = at.or(every) else {
            return Err("at: missing; expected the time of the event, as in at: 2h".to_owned());
        };
        let (command, text) = self.command(event)?;
        Ok(Scheduled { at: first, every, command, text })
    }

    /// What happens, and how the report calls it.
    fn command(&self, event: &Event) -> Result<(Command, String), String> {
        type Make = fn(NodeQuery) -> Command;
        let of_nodes: [(&str, &Option<String>, Make); 5] = [
            ("fail", &event.fail, Command::Fail),
            ("recover", &event.recover, Command::Recover),
            ("cordon", &event.cordon, Command::Cordon),
            ("uncordon", &event.uncordon, Command::Uncordon),
            ("remove", &event.remove, Command::Remove),
        ];
        let mut found: Vec<(Command, String)> = Vec::new();
        for (field, text, make) in of_nodes {
            if let Some(text) = text {
                found.push((make(self.nodes(field, text)?), format!("{field} {text}")));
            }
        }
        if let Some(text) = &event.drain {
            let (nodes, force) = (self.nodes("drain", text)?, event.force.unwrap_or(false));
            found.push((Command::Drain { nodes, force }, format!("drain {text}")));
        } else if event.force.is_some() {
            return Err("force: belongs to drain".to_owned());
        }
        if let Some(text) = &event.apply {
            found.push((Command::Apply(self.objects(text)?), format!("apply {text}")));
        }
        if let Some(text) = &event.delete {
            let key =
                object_name::find(text, self.manifests).map_err(|problem| format!("delete: {problem}"))?;
            found.push((Command::Delete(key), format!("delete {text}")));
        }
        if let Some(text) = &event.scale {
            let asked = scale(text).map_err(|problem| format!("scale: {problem}"))?;
            let (object, _) = text.rsplit_once('=').unwrap_or((text, ""));
            let key =
                object_name::find(object, self.manifests).map_err(|problem| format!("scale: {problem}"))?;
            found.push((Command::Scale { key, count: asked.count }, format!("scale {text}")));
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err("names nothing that happens; expected one of fail, recover, cordon, uncordon, drain, remove, apply, \
                      delete, scale"
                .to_owned()),
            _ => Err("names several things that happen; each needs an event of its own".to_owned()),
        }
    }

    fn nodes(&self, field: &str, text: &str) -> Result<NodeQuery, String> {
        let set = node_set(text).map_err(|problem| format!("{field}: {problem}"))?;
        find(self.manifests, &set, &format!("{field}:"))?;
        Ok(match set.query {
            change::NodeQuery::Name(name) => NodeQuery::Name(name),
            change::NodeQuery::Labels(selector) => {
                NodeQuery::Labels(with_full_keys(self.manifests, &selector))
            }
        })
    }

    /// The objects of a file, whose path is relative to the file of events.
    fn objects(&self, text: &str) -> Result<Vec<Object>, String> {
        let path = self.folder.join(text);
        let name = path.display().to_string();
        let bytes =
            fs::read(&path).map_err(|error| format!("apply: {name}: {}", crate::failure::words(&error)))?;
        let loader = self.args.input.reading.loader().map_err(|failure| failure.problems.join("; "))?;
        let mut loader = loader.with_namespace(self.args.selection.namespace.as_deref());
        loader.read(&name, &bytes);
        let (manifests, _) = loader.finish().map_err(|problems| format!("apply: {problems}"))?;
        let mut objects = Vec::new();
        manifests.into_objects(|object| objects.push(object));
        Ok(objects)
    }
}

fn time(field: &str, text: Option<&str>) -> Result<Option<Millis>, String> {
    let Some(text) = text else { return Ok(None) };
    match duration_millis(text) {
        Some(millis) => Ok(Some(millis)),
        None => Err(format!("{field}: found {text:?}, expected a duration such as 90s, 2h or 1h30m")),
    }
}
