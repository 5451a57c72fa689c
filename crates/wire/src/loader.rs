//! Loading: texts come in, objects, warnings and problems come out.

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::manifests::Place;
use berth_model::object::Kind;
use berth_model::object::Object;
use berth_model::object::ObjectKey;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::context::{Context, quoted};
use crate::head::Head;
use crate::json;
use crate::object::{self, Decoded};
use crate::problem::{Problem, Problems};
use crate::warning::Warnings;
use crate::yaml;

/// The largest object that is looked at; the API server takes no more than three megabytes.
const MAX_OBJECT_BYTES: usize = 8 << 20;
/// After so many problems the rest of a text is not worth reading.
const MAX_PROBLEMS: usize = 10_000;

/// Reads texts with Kubernetes objects.
///
/// ```
/// let mut loader = berth_wire::Loader::new();
/// loader.read("node.yaml", b"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {capacity: {cpu: 4}}\n");
/// let (manifests, warnings) = loader.finish().unwrap();
/// assert_eq!(&*manifests.nodes[0].value.name, "n1");
/// assert!(warnings.is_empty());
/// ```
#[derive(Default)]
pub struct Loader {
    cx: Context,
    manifests: Manifests,
    seen: FxHashMap<ObjectKey, Place>,
    problems: Problems,
    warnings: Warnings,
}

impl Loader {
    /// A loader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads all objects of a text: YAML of many documents, or JSON objects and lists. What is wrong is kept for
    /// [`finish`](Self::finish).
    pub fn read(&mut self, source: &str, bytes: &[u8]) {
        let source = Str::from(source);
        let start = Place { source: source.clone(), document: 1, item: None };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let message = match bytes {
                    [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "is UTF-16; expected UTF-8".to_owned(),
                    _ => format!("is no text: byte {} is not UTF-8", error.valid_up_to() + 1),
                };
                return self.complain(&start, message);
            }
        };
        if let Some(at) = text.bytes().position(|b| b == 0) {
            return self.complain(&start, format!("is no text: byte {} is NUL", at + 1));
        }
        if text.trim_start().starts_with(['{', '[']) {
            self.read_json(&source, text);
        } else if self.read_yaml(&source, text, 0) == 0 {
            self.complain(&start, "is empty; expected Kubernetes objects in YAML or JSON");
        }
    }

    /// Reads a single object or list that is already known to be JSON.
    pub fn read_json_object(&mut self, source: &str, json: &str) {
        json::read_document(self, &Place { source: source.into(), document: 1, item: None }, json);
    }

    fn read_json(&mut self, source: &Str, text: &str) {
        let Err(broken) = json::read_stream(self, source, text) else { return };
        // What begins like JSON may still be YAML: in flow style, or JSON documents between separators.
        let rest = &text[broken.at..];
        let small = |first: &yaml::Document<'_>| first.text.len() <= MAX_OBJECT_BYTES;
        let first = yaml::documents(rest).next().filter(small);
        if first.is_some_and(|first| yaml::to_json(&first).is_ok()) {
            self.read_yaml(source, rest, broken.document - 1);
        } else {
            let place = Place { source: source.clone(), document: broken.document, item: None };
            self.complain(&place, format!("broken JSON: {}", broken.message));
        }
    }

    /// Reads YAML documents after `before` others; says how many there were.
    fn read_yaml(&mut self, source: &Str, text: &str, before: usize) -> usize {
        let mut count = 0;
        for document in yaml::documents(text) {
            if self.gives_up() {
                break;
            }
            count += 1;
            let place = Place { source: source.clone(), document: before + count, item: None };
            match yaml::to_json(&document) {
                Ok(json) if json == "null" => {}
                Ok(json) => json::read_document(self, &place, &json),
                Err(error) => self.complain(&place, error.message),
            }
        }
        count
    }

    /// What was loaded, and what is worth knowing about it.
    ///
    /// # Errors
    /// All problems that were found, if there is one.
    pub fn finish(mut self) -> Result<(Manifests, Warnings), Problems> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        self.compare();
        Ok((self.manifests, self.warnings))
    }

    /// Complains about a document that is no object.
    pub(crate) fn complain(&mut self, place: &Place, message: impl Into<String>) {
        self.push_problem(place, String::new(), String::new(), message.into());
    }

    fn push_problem(&mut self, place: &Place, object: String, field: String, message: String) {
        self.problems.push(Problem { place: place.clone(), object, field, message });
    }

    /// Whether so much is wrong that the rest is not read.
    pub(crate) fn gives_up(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }

    /// Takes the text of one object.
    pub(crate) fn add_object(&mut self, place: &Place, json: &str, head: &Head<'_>) {
        let Some(kind) = self.kind_of(place, head) else { return };
        if json.len() > MAX_OBJECT_BYTES {
            let message =
                format!("is {} bytes long; the API server takes no object of more than 3 MiB", json.len());
            return self.complain(place, message);
        }
        let Decoded { object, key, problems, unknown } = object::decode(&mut self.cx, kind, json);
        let label = key.to_string();
        for field in unknown {
            let message = format!("{} has no field {field}; it is ignored", kind.name());
            self.warnings.add(message, place, &label);
        }
        for remark in problems {
            self.push_problem(place, label.clone(), remark.field, remark.message);
        }
        let Some(object) = object else { return };
        if let Some(earlier) = self.seen.get(&key) {
            let message = format!("is also in {earlier}");
            return self.push_problem(place, label, String::new(), message);
        }
        self.seen.insert(key, place.clone());
        self.keep(object, place, &label);
    }

    fn kind_of(&mut self, place: &Place, head: &Head<'_>) -> Option<Kind> {
        let (api_version, name) = (&*head.api_version, &*head.kind);
        if !head.is_object {
            self.complain(place, "is no object; expected apiVersion, kind and metadata");
        } else if name.is_empty() || api_version.is_empty() {
            let missing = if name.is_empty() { "kind" } else { "apiVersion" };
            self.complain(place, format!("{missing} is missing; every object has an apiVersion and a kind"));
        } else if let Some(kind) = Kind::of(api_version, name) {
            return Some(kind);
        } else if let Some(group) = misplaced(api_version, name) {
            let expected = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
            let found = quoted(api_version);
            self.complain(place, format!("apiVersion: found {found}, but the kind {name} is in {expected}"));
        } else {
            self.warnings.unknown_kind(format!("{api_version}/{name}"));
        }
        None
    }

    fn keep(&mut self, object: Object, place: &Place, label: &str) {
        match &object {
            Object::Pod(pod) if pod.finished => {
                let message = "has ended (Succeeded or Failed) and holds nothing; left out".to_owned();
                return self.warnings.add(message, place, label);
            }
            Object::Node(node) if node.allocatable.is_empty() => {
                let message = "has neither status.allocatable nor status.capacity; no pod fits".to_owned();
                self.warnings.add(message, place, label);
            }
            _ => {}
        }
        self.manifests.add(object, place.clone());
    }

    /// Warns of objects that speak of nodes which are not there.
    fn compare(&mut self) {
        let Self { manifests, warnings, .. } = self;
        let nodes: FxHashSet<&Str> = manifests.nodes.iter().map(|entry| &entry.value.name).collect();
        for entry in &manifests.pods {
            let pod = &entry.value.pod;
            if let Some(node) = pod.node.as_ref().filter(|node| !nodes.contains(node)) {
                let pod = entry.value.key();
                let message = "is bound to a node that is not in the input".to_owned();
                warnings.add(message, &entry.place, &format!("{pod} on {node}"));
            }
        }
        let csi = manifests.csi_nodes.iter().map(|entry| (Kind::CsiNode, &entry.value.node, &entry.place));
        let metrics =
            manifests.node_metrics.iter().map(|entry| (Kind::NodeMetrics, &entry.value.node, &entry.place));
        for (kind, node, place) in csi.chain(metrics).filter(|(_, node, _)| !nodes.contains(node)) {
            let message = "describes a node that is not in the input".to_owned();
            warnings.add(
                message,
                place,
                &ObjectKey { kind, namespace: Str::default(), name: node.clone() }.to_string(),
            );
        }
    }
}

/// The group that has a kind of this name, if the object names another group of Kubernetes itself.
fn misplaced(api_version: &str, name: &str) -> Option<&'static str> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let is_known = Kind::ALL.iter().any(|known| known.group() == group);
    Kind::ALL.iter().find(|known| is_known && known.name == name).map(|known| known.group())
}
