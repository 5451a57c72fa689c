//! From a rule and a resource to pod templates with numbers of pods.

use serde_json::{Map, Value, json};

use super::path::Paths;
use super::rule::{PodRule, Rule, SparkMemory};
use crate::context::{FieldError, quoted};

/// Pods of one template.
pub(crate) struct Pods {
    /// What is appended to the resource's name; may be empty.
    pub(crate) name: String,
    /// `v1.PodTemplateSpec`, as JSON.
    pub(crate) template: Value,
    /// The template's path in the resource.
    pub(crate) path: String,
    /// How many pods.
    pub(crate) count: i32,
}

impl Rule {
    /// The pods that a resource makes, or what is wrong with it.
    pub(crate) fn pods(&self, object: &Value) -> Vec<Result<Pods, FieldError>> {
        let mut all = Vec::new();
        for rule in &self.pods {
            if rule.each.is_empty() {
                all.extend(rule.pods(object, rule.name.clone(), String::new()).transpose());
                continue;
            }
            let Some((list, path)) = rule.each.find(object) else { continue };
            for (at, (name, item)) in items(&list, &rule.name).into_iter().enumerate() {
                let prefix = match &list {
                    Value::Object(_) => format!("{path}.{name}."),
                    _ => format!("{path}[{at}]."),
                };
                all.extend(rule.pods(item, name.to_lowercase(), prefix).transpose());
            }
        }
        all
    }
}

/// The items of a list or an object, with their names.
fn items<'v>(list: &'v Value, name: &str) -> Vec<(String, &'v Value)> {
    match list {
        Value::Array(items) => {
            let named = items.iter().enumerate().map(|(at, item)| {
                let name = item.get(name).and_then(Value::as_str);
                (name.map_or_else(|| at.to_string(), str::to_owned), item)
            });
            named.collect()
        }
        Value::Object(fields) => fields.iter().map(|(key, item)| (key.clone(), item)).collect(),
        _ => Vec::new(),
    }
}

impl PodRule {
    /// The pods of one template; `None` if the resource does not have the template.
    fn pods(&self, from: &Value, name: String, prefix: String) -> Result<Option<Pods>, FieldError> {
        let (mut template, path) = if self.container.is_empty() {
            let Some((template, path)) = self.template.find(from) else { return Ok(None) };
            (template, path.to_owned())
        } else {
            (self.put_together(from)?, "spec".to_owned())
        };
        self.complete(&mut template);
        let count = number(from, &self.count, self.default, &prefix)?;
        let times = number(from, &self.times, 1 + self.minus, &prefix)? - self.minus;
        let count = count.saturating_mul(times.max(0));
        let count = i32::try_from(count).map_err(|_| {
            let message = format!("found {count} pods, expected at most {}", i32::MAX);
            FieldError { field: format!("{prefix}{}", self.count.first()), message }
        })?;
        Ok((count > 0).then_some(Pods { name, template, path: prefix + &path, count }))
    }

    /// A pod template from single fields of a resource that has none.
    fn put_together(&self, from: &Value) -> Result<Value, FieldError> {
        let mut resources = self.resources.find(from).map_or_else(|| json!({}), |(value, _)| value);
        for (resource, paths) in &self.requests {
            if let Some((amount, _)) = paths.find(from) {
                set_request(&mut resources, resource, amount);
            }
        }
        if let Some(memory) = &self.spark_memory {
            set_request(&mut resources, "memory", memory.request(from)?);
        }
        let mut spec = Map::new();
        for (field, paths) in &self.fields {
            if let Some((value, _)) = paths.find(from) {
                spec.insert(field.clone(), value);
            }
        }
        if let Some((claim, _)) = self.claim.find(from) {
            let claim =
                json!({"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": claim["spec"]}}});
            spec.insert("volumes".to_owned(), json!([claim]));
        }
        spec.insert("containers".to_owned(), json!([{"name": self.container, "resources": resources}]));
        let labels = self.labels.find(from).map(|(labels, _)| labels);
        Ok(json!({"metadata": {"labels": labels}, "spec": spec}))
    }

    /// Gives containers without a name one, and adds those of the operator.
    fn complete(&self, template: &mut Value) {
        let Some(containers) = template.pointer_mut("/spec/containers").and_then(Value::as_array_mut) else {
            return;
        };
        for (at, container) in containers.iter_mut().enumerate() {
            if let Some(fields) = container.as_object_mut() {
                fields.entry("name").or_insert_with(|| format!("container-{at}").into());
            }
        }
        containers.extend(self.sidecars.iter().cloned());
    }
}

/// Sets a request unless the resources have one.
fn set_request(resources: &mut Value, resource: &str, amount: Value) {
    if let Some(fields) = resources.as_object_mut() {
        let requests = fields.entry("requests").or_insert_with(|| json!({}));
        if let Some(requests) = requests.as_object_mut() {
            requests.entry(resource).or_insert(amount);
        }
    }
}

/// A number of pods: an integer, also as text in an annotation.
fn number(from: &Value, paths: &Paths, default: i64, prefix: &str) -> Result<i64, FieldError> {
    let Some((found, path)) = paths.find(from) else { return Ok(default) };
    let number = match &found {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    number.filter(|number| *number >= 0).ok_or_else(|| FieldError {
        field: format!("{prefix}{path}"),
        message: format!("found {found}, expected an integer that is not negative"),
    })
}

impl SparkMemory {
    /// The memory that a pod requests for the process, in bytes.
    ///
    /// Upstream: Spark `BasicDriverFeatureStep`, `MEMORY_OVERHEAD_MIN_MIB` and the factor for JVM processes.
    fn request(&self, from: &Value) -> Result<Value, FieldError> {
        let bytes = |paths: &Paths| {
            let Some((found, path)) = paths.find(from) else { return Ok(None) };
            let text = found.as_str().unwrap_or_default();
            java_bytes(text).map(Some).ok_or_else(|| FieldError {
                field: path.to_owned(),
                message: format!("found {}, expected a size such as 512m or 4g", quoted(text)),
            })
        };
        const MIB: u64 = 1 << 20;
        let heap = bytes(&self.heap)?.unwrap_or(1024 * MIB);
        let overhead = bytes(&self.overhead)?.unwrap_or((heap / 10).max(384 * MIB));
        Ok(heap.saturating_add(overhead).into())
    }
}

/// A size as Java writes it, in bytes; without a suffix the number is of mebibytes.
fn java_bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let shift = match &text[digits..] {
        "k" | "kb" => 10,
        "" | "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(1 << shift)
}
