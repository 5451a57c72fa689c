//! Loading: texts come in, objects, warnings and problems come out.

use berth_model::Str;
use berth_model::manifests::{Manifests, Place};
use berth_model::object::{Kind, Object, ObjectKey};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::context::{Context, FieldError};
use crate::custom::{self, Rules};
use crate::head::Head;
use crate::json;
use crate::layers::{self, Loaded};
use crate::left_out::{LeftOut, Notation};
use crate::object::{self, Decoded};
use crate::pod::rest;
use crate::problem::{Problem, Problems};
use crate::unread::{Unread, has_containers, judge, removed_version};
use crate::warning::Warnings;
use crate::yaml;

/// The largest object that is looked at; the API server takes no more than three megabytes.
const MAX_OBJECT_BYTES: usize = 8 << 20;
/// After this many problems the rest of a text is not worth reading.
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
    rules: Rules,
    loaded: Vec<Loaded>,
    seen: FxHashMap<ObjectKey, usize>,
    /// Further definitions of objects, by the place of the first one in `loaded`.
    again: Vec<(usize, Loaded)>,
    /// Custom resources that make pods, by kind, namespace and name.
    custom: FxHashMap<(Str, Str, Str), CustomResource>,
    /// Whether the text at hand was found in a folder, where other files may lie too.
    in_folder: bool,
    left_out: LeftOut,
    problems: Problems,
    warnings: Warnings,
}

/// A custom resource that makes pods.
struct CustomResource {
    place: Place,
    /// The whole object in one spelling.
    text: String,
    /// Whether it comes from a cluster.
    stored: bool,
    /// What it became, by the places in `loaded`.
    loaded: std::ops::Range<usize>,
}

impl Loader {
    /// A loader that has read nothing, with the rules for custom resources that come with Berth.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses these rules for custom resources.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Puts objects that name no namespace into this one, as `kubectl apply -n` does; otherwise into `default`.
    #[must_use]
    pub fn with_namespace(mut self, namespace: Option<&str>) -> Self {
        self.cx.namespace = namespace.map(Str::from);
        self
    }

    /// Reads all objects of a text: YAML of many documents, or JSON objects and lists. What is wrong is kept for
    /// [`finish`](Self::finish).
    pub fn read(&mut self, source: &str, bytes: &[u8]) {
        let source = Str::from(source);
        let before = self.problems.len();
        self.read_text(&source, bytes);
        let notation = self.problems.iter().skip(before).find_map(|problem| Notation::of(&problem.message));
        if let Some(notation) = notation {
            self.left_out.template(&source, notation);
        }
        // A file with placeholders has one problem: that it must be rendered.
        if self.left_out.is_template(&source) {
            self.problems.truncate(before);
        }
    }

    fn read_text(&mut self, source: &Str, bytes: &[u8]) {
        let start = Place::start(source.clone());
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let message = match bytes {
                    [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16 text; expected UTF-8".to_owned(),
                    _ => format!("not UTF-8 (byte {})", error.valid_up_to() + 1),
                };
                return self.complain(&start, message);
            }
        };
        if let Some(at) = text.bytes().position(|b| b == 0) {
            return self.complain(&start, format!("not a text: byte {} is NUL", at + 1));
        }
        if text.trim_start().starts_with(['{', '[']) && !text.trim_start().starts_with("{{") {
            self.read_json(source, text);
        } else if self.read_yaml(source, text, 0, 0) == 0 && !self.in_folder {
            self.complain(&start, "empty; expected Kubernetes objects in YAML or JSON");
        }
    }

    /// Reads a text as [`read`](Self::read) does, from a file that was found in a folder: an empty file, and a file
    /// that holds something else than objects, is skipped with a warning.
    pub fn read_from_folder(&mut self, source: &str, bytes: &[u8]) {
        self.in_folder = true;
        self.read(source, bytes);
        self.in_folder = false;
    }

    /// Reads a single object or list that is already known to be JSON.
    pub fn read_json_object(&mut self, source: &str, json: &str) {
        json::read_document(self, &Place::start(source.into()), json);
    }

    fn read_json(&mut self, source: &Str, text: &str) {
        let Err(broken) = json::read_stream(self, source, text) else { return };
        // What begins like JSON may still be YAML: in flow style, or JSON documents between separators.
        let rest = &text[broken.at..];
        let small = |first: &yaml::Document<'_>| first.text.len() <= MAX_OBJECT_BYTES;
        let first = yaml::documents(rest).next().filter(small);
        if first.is_some_and(|first| yaml::to_json(&first).is_ok()) {
            let lines = text[..broken.at].matches('\n').count();
            self.read_yaml(source, rest, broken.document - 1, lines);
        } else {
            let place = Place { document: broken.document, line: 0, ..Place::start(source.clone()) };
            self.broken(&place, rest, format!("broken JSON: {}", broken.message));
        }
    }

    /// Reads YAML documents after `before` others and `lines` lines; says how many there were.
    fn read_yaml(&mut self, source: &Str, text: &str, before: usize, lines: usize) -> usize {
        let mut count = 0;
        for document in yaml::documents(text) {
            if self.gives_up() {
                break;
            }
            count += 1;
            let line = lines + document.first_line_of_content();
            let place = Place { source: source.clone(), document: before + count, line, item: None };
            match yaml::to_json(&document) {
                Ok(yaml::Converted { json, .. }) if json == "null" => {}
                Ok(yaml::Converted { json, repeated_key }) => {
                    if let Some(key) = repeated_key {
                        let message = format!("{key}; the last one counts");
                        self.warnings.add(message, &place, "");
                    }
                    json::read_document(self, &place, &json);
                }
                // The message has the line.
                Err(error) => self.broken(&Place::start(source.clone()), document.text, error.message),
            }
        }
        count
    }

    /// Complains about a text that cannot be parsed.
    fn broken(&mut self, place: &Place, text: &str, message: String) {
        if text.contains("{{") {
            self.left_out.template(&place.source, Notation::Template);
        } else if self.in_folder && !text.contains("apiVersion") {
            self.left_out.file(&place.source);
        } else {
            self.complain(place, message);
        }
    }

    /// Whether everything could be read so far, and none of it is an object of this kind.
    pub fn lacks(&self, kind: Kind) -> bool {
        let is_there = |loaded: &Loaded| loaded.object.kind() == kind;
        self.problems.is_empty() && !self.left_out.has_templates() && !self.loaded.iter().any(is_there)
    }

    /// What was loaded, and what is worth knowing about it.
    ///
    /// # Errors
    /// All problems that were found, if there is one.
    pub fn finish(mut self) -> Result<(Manifests, Warnings), Problems> {
        for problem in self.left_out.to_render() {
            self.problems.push(problem);
        }
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        for (first, later) in std::mem::take(&mut self.again) {
            let earlier = &mut self.loaded[first];
            let (place, label) = (earlier.place.clone(), earlier.object.key().to_string());
            if let Some(message) = layers::merge(earlier, later) {
                self.warnings.add(message, &place, &label);
            }
        }
        let mut manifests = Manifests::default();
        let loaded = std::mem::take(&mut self.loaded).into_iter();
        for Loaded { object, place, .. } in loaded.filter(|loaded| !loaded.replaced) {
            self.keep(&mut manifests, object, place);
        }
        compare(&manifests, &mut self.warnings);
        self.left_out.warn(&mut self.warnings);
        Ok((manifests, self.warnings))
    }

    fn keep(&mut self, manifests: &mut Manifests, object: Object, place: Place) {
        match &object {
            Object::Pod(pod) if pod.finished => {
                let message = "has ended (Succeeded or Failed) and holds nothing; left out".to_owned();
                return self.warnings.add(message, &place, &pod.key().to_string());
            }
            Object::Node(node) if node.allocatable.is_empty() => {
                let message = "no pod fits: status.allocatable and status.capacity are missing".to_owned();
                self.warnings.add(message, &place, &object.key().to_string());
            }
            _ => {}
        }
        manifests.add(object, place);
    }

    /// Complains about a document that is not an object.
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
        if json.len() > MAX_OBJECT_BYTES {
            let message =
                format!("{} bytes long; the API server takes no object of more than 3 MiB", json.len());
            return self.complain(place, message);
        }
        let (api_version, name) = (&*head.api_version, &*head.kind);
        if !head.is_object || name.is_empty() || api_version.is_empty() {
            if self.in_folder {
                return self.left_out.file(&place.source);
            }
            let message = match () {
                () if !head.is_object || (name.is_empty() && api_version.is_empty()) => {
                    "not a Kubernetes object: apiVersion and kind are missing"
                }
                () if name.is_empty() => "not a Kubernetes object: kind is missing",
                () => "not a Kubernetes object: apiVersion is missing",
            };
            return self.complain(place, message);
        }
        match Kind::of(api_version, name) {
            Some(kind) => match removed_version(api_version, kind) {
                Some(message) => self.complain(place, message),
                None => self.add_known(place, json, kind),
            },
            None => self.add_other(place, json, api_version, name),
        }
    }

    fn add_known(&mut self, place: &Place, json: &str, kind: Kind) {
        let Decoded { object, key, problems, unknown, refusals, stored } =
            object::decode(&mut self.cx, kind, json);
        let label = key.to_string();
        for field in unknown {
            let message = format!("{} has no field {field}; it is ignored", kind.name());
            self.warnings.add(message, place, &label);
        }
        // What is stored was accepted, perhaps by another version.
        for FieldError { field, message } in refusals.into_iter().filter(|_| !stored) {
            self.warnings.add(format!("{field}: {message}; the API server refuses it"), place, &label);
        }
        self.push_field_errors(place, &label, problems);
        let Some(mut object) = object else { return };
        if let Object::Workload(workload) = &mut object {
            workload.template.rest = rest::of_workload(json, stored);
        }
        let loaded = Loaded { object, place: place.clone(), stored, replaced: false };
        if let Some(&first) = self.seen.get(&key) {
            self.again.push((first, loaded));
        } else {
            self.seen.insert(key, self.loaded.len());
            self.loaded.push(loaded);
        }
    }

    fn push_field_errors(&mut self, place: &Place, label: &str, errors: Vec<FieldError>) {
        for error in errors {
            self.push_problem(place, label.to_owned(), error.field, error.message);
        }
    }

    /// Takes an object of a kind that is not read: a custom resource with a rule, or one that can only be named.
    fn add_other(&mut self, place: &Place, json: &str, api_version: &str, kind: &str) {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if let Some(rule) = self.rules.find(group, kind) {
            let expansion = custom::expand(&mut self.cx, rule, api_version, json);
            return self.add_custom(place, json, expansion);
        }
        let item_kind = kind.strip_suffix("List").unwrap_or(kind);
        if item_kind != kind
            && (Kind::of(api_version, item_kind).is_some()
                || judge(api_version, item_kind) == Unread::Harmless)
        {
            return; // a list without items
        }
        let unread = match judge(api_version, kind) {
            Unread::Mistake(message) => return self.complain(place, message),
            Unread::Harmless => return,
            unread => unread,
        };
        // The text was read once already, so that it is well-formed.
        let object = serde_json::from_str::<serde_json::Value>(json).unwrap_or_default();
        let meta = |field: &str| object["metadata"][field].as_str();
        let name = meta("name").or(meta("generateName")).unwrap_or("(without name)");
        let label = format!("{kind} {}/{name}", meta("namespace").unwrap_or("default"));
        if unread == Unread::Deploys {
            let message = "deploys objects that are not in the input: render them and add them with -f";
            self.warnings.add(message.to_owned(), place, &label);
        } else if has_containers(&object) {
            let message = format!(
                "holds containers, but its pods are not simulated: there is no rule for the kind {kind} \
                 (--workloads FILE adds rules)"
            );
            self.warnings.add(message, place, &label);
        } else if unread == Unread::Unknown {
            self.left_out.kind(format!("{api_version}/{kind}"));
        }
    }

    fn add_custom(&mut self, place: &Place, json: &str, expansion: custom::Expansion) {
        let custom::Expansion { workloads, objects, inactive, problems, label, owner, namespace, stored } =
            expansion;
        if !problems.is_empty() {
            return self.push_field_errors(place, &label, problems);
        }
        let key = (owner.kind, namespace, owner.name);
        let text = serde_json::from_str::<serde_json::Value>(json).unwrap_or_default().to_string();
        if let Some(earlier) = self.custom.get(&key) {
            if earlier.text == text || (stored && !earlier.stored) {
                return;
            }
            if stored == earlier.stored {
                let message = format!("defined twice, differently; the later definition counts ({place})");
                self.warnings.add(message, &earlier.place, &label);
            }
            let replaced = earlier.loaded.clone();
            self.forget(&replaced);
        }
        let first = self.loaded.len();
        match inactive {
            // One that has ended needs no mention.
            Some("") => {}
            Some(why) => self.warnings.add(why.to_owned(), place, &label),
            None if workloads.is_empty() && objects.is_empty() => {
                let message = "makes no pods that Berth finds by its rule for this kind".to_owned();
                self.warnings.add(message, place, &label);
            }
            None => {}
        }
        for workload in workloads {
            let object = Object::Workload(Box::new(workload));
            self.loaded.push(Loaded { object, place: place.clone(), stored: false, replaced: false });
        }
        for object in objects {
            json::read_document(self, place, &object.to_string());
        }
        let loaded = first..self.loaded.len();
        self.custom.insert(key, CustomResource { place: place.clone(), text, stored, loaded });
    }

    /// Leaves out what was loaded at these places.
    fn forget(&mut self, places: &std::ops::Range<usize>) {
        self.loaded[places.clone()].iter_mut().for_each(|loaded| loaded.replaced = true);
        self.seen.retain(|_, at| !places.contains(at));
        self.again.retain(|(at, _)| !places.contains(at));
    }
}

/// Warns of objects that refer to nodes which are not in the input.
fn compare(manifests: &Manifests, warnings: &mut Warnings) {
    let nodes: FxHashSet<&Str> = manifests.nodes.iter().map(|entry| &entry.value.name).collect();
    for entry in &manifests.pods {
        let pod = &entry.value.pod;
        if let Some(node) = pod.node.as_ref().filter(|node| !nodes.contains(node)) {
            let message = "bound to a node that is not in the input".to_owned();
            warnings.add(message, &entry.place, &format!("{} on {node}", entry.value.key()));
        }
    }
    let csi = manifests.csi_nodes.iter().map(|entry| (Kind::CsiNode, &entry.value.node, &entry.place));
    let metrics =
        manifests.node_metrics.iter().map(|entry| (Kind::NodeMetrics, &entry.value.node, &entry.place));
    for (kind, node, place) in csi.chain(metrics).filter(|(_, node, _)| !nodes.contains(node)) {
        let key = ObjectKey { kind, namespace: Str::default(), name: node.clone() };
        let message = "describes a node that is not in the input".to_owned();
        warnings.add(message, place, &key.to_string());
    }
}
