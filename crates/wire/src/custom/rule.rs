//! Rules as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::is_builtin;
use super::path::{Paths, get};

/// The rules that come with Berth.
pub(super) const OWN: &str = include_str!("workloads.yaml");

/// Why a file with rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError(String);

impl RuleError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

/// Which custom resources make pods, and how.
#[derive(Clone, Debug)]
pub struct Rules {
    list: Vec<Rule>,
}

impl Default for Rules {
    fn default() -> Self {
        // A test reads this file, so that it is known to be in order.
        Self { list: parse(OWN).unwrap_or_default() }
    }
}

impl Rules {
    /// Adds the rules of a text in YAML. A rule replaces an earlier one for the same group and kind.
    ///
    /// # Errors
    /// When the text is not a list of rules, or a rule is for a kind that Berth reads itself.
    pub fn add(&mut self, text: &str) -> Result<(), RuleError> {
        for rule in parse(text)? {
            if is_builtin(&rule.group, &rule.kind) {
                let message =
                    format!("{}/{} is read by Berth itself and takes no rule", rule.group, rule.kind);
                return Err(RuleError::new(message));
            }
            self.list.retain(|known| (&known.group, &known.kind) != (&rule.group, &rule.kind));
            self.list.push(rule);
        }
        Ok(())
    }

    /// The rule for a kind.
    pub(crate) fn find(&self, group: &str, kind: &str) -> Option<&Rule> {
        self.list.iter().find(|rule| rule.group == group && rule.kind == kind)
    }
}

fn parse(text: &str) -> Result<Vec<Rule>, RuleError> {
    serde_saphyr::from_str(text).map_err(|error| RuleError::new(error.to_string()))
}

/// How one kind of custom resource makes pods.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Rule {
    /// The API group.
    pub(crate) group: String,
    /// The kind.
    pub(crate) kind: String,
    /// The label by which pods name the resource, if no chain of owners leads from them to it.
    #[serde(default)]
    pub(crate) pod_label: String,
    /// The field that suspends it, if true.
    #[serde(default)]
    suspended: String,
    /// The fields that say that it has ended, with the values that mean so.
    #[serde(default)]
    ended: BTreeMap<String, Vec<String>>,
    /// Its pods.
    #[serde(default)]
    pub(crate) pods: Vec<PodRule>,
    /// Whole objects that it holds.
    #[serde(default)]
    objects: Vec<ObjectRule>,
}

/// Pods of one template, or of one template for each item of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PodRule {
    /// A list or an object; the other paths then begin at each of its items.
    #[serde(default)]
    pub(crate) each: Paths,
    /// What is appended to the names of the pods: with `each` the field with the item's name, else the text itself.
    #[serde(default)]
    pub(crate) name: String,
    /// The pod template.
    #[serde(default)]
    pub(crate) template: Paths,
    /// How many pods.
    #[serde(default)]
    pub(crate) count: Paths,
    /// How many pods if no count is set.
    #[serde(default = "one")]
    pub(crate) default: i64,
    /// How many pods for each of the count.
    #[serde(default)]
    pub(crate) times: Paths,
    /// This many less than `times`.
    #[serde(default)]
    pub(crate) minus: i64,
    /// For a resource without a template: the name of the container of a pod that is put together from fields.
    #[serde(default)]
    pub(crate) container: String,
    /// The resources of that container.
    #[serde(default)]
    pub(crate) resources: Paths,
    /// Requests of that container, unless `resources` sets them.
    #[serde(default)]
    pub(crate) requests: BTreeMap<String, Paths>,
    /// The memory of a Spark process.
    #[serde(default)]
    pub(crate) spark_memory: Option<SparkMemory>,
    /// Fields of the pod's spec.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, Paths>,
    /// The pod's labels.
    #[serde(default)]
    pub(crate) labels: Paths,
    /// The template of a claim that each pod gets.
    #[serde(default)]
    pub(crate) claim: Paths,
    /// Containers that the operator adds.
    #[serde(default)]
    pub(crate) sidecars: Vec<Value>,
}

fn one() -> i64 {
    1
}

/// The memory of a Spark process: its heap, and what it needs beyond the heap.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SparkMemory {
    /// As Java writes sizes: `512m` is 512 MiB.
    pub(crate) heap: Paths,
    /// The same; without it, a tenth of the heap, but at least 384 MiB.
    pub(crate) overhead: Paths,
}

/// Whole objects in a resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectRule {
    each: String,
    object: String,
}

impl Rule {
    /// Why the resource makes no pods now.
    pub(crate) fn inactive(&self, object: &Value) -> Option<&'static str> {
        if !self.suspended.is_empty() && get(object, &self.suspended) == Some(&Value::Bool(true)) {
            return Some("suspended: makes no pods");
        }
        let has_ended = self.ended.iter().any(|(path, values)| {
            let found = get(object, path).and_then(Value::as_str);
            found.is_some_and(|found| values.iter().any(|value| value == found))
        });
        has_ended.then_some("")
    }

    /// The objects that the resource holds.
    pub(crate) fn objects(&self, object: &Value) -> Vec<Value> {
        let lists = self.objects.iter().filter_map(|rule| Some((get(object, &rule.each)?.as_array()?, rule)));
        lists
            .flat_map(|(list, rule)| list.iter().filter_map(|item| get(item, &rule.object)).cloned())
            .collect()
    }
}
