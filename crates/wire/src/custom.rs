//! Custom resources that make pods: rules say where their pod templates are, and how many pods each makes.
//!
//! The rules are data (`custom/workloads.yaml`); users add their own. The operators behind the resources are not
//! simulated: a custom resource becomes a [`Workload`](berth_model::workload::Workload) for each of its templates, with
//! a fixed number of pods.

mod path;
mod pods;
mod rule;

use berth_model::Str;
use berth_model::object::Kind;
use berth_model::pod_manifest::PodTemplate;
use berth_model::workload::{CustomResource, PodCount, Workload, WorkloadKind};
use serde::de::DeserializeSeed as _;
use serde_json::Value;

use crate::context::{Context, FieldError};
use crate::decode::{IntoModel as _, Seed};
use crate::meta::{Meta, MetaField};
use crate::pod::TemplateWire;

pub(crate) use rule::Rule;
pub use rule::{RuleError, Rules};

/// What a custom resource comes to.
#[derive(Default)]
pub(crate) struct Expansion {
    /// Its pods, by template.
    pub(crate) workloads: Vec<Workload>,
    /// Whole objects that it holds, to be read as if they stood beside it.
    pub(crate) objects: Vec<Value>,
    /// Why it makes no pods now, if it is suspended or has ended.
    pub(crate) inactive: Option<&'static str>,
    /// What is wrong with it.
    pub(crate) problems: Vec<FieldError>,
    /// Its name for messages, as in `RayCluster default/x`.
    pub(crate) label: String,
    /// Its identity.
    pub(crate) owner: CustomResource,
    /// Its namespace.
    pub(crate) namespace: Str,
    /// Whether it comes from a cluster.
    pub(crate) stored: bool,
}

/// Expands a custom resource.
pub(crate) fn expand(cx: &mut Context, rule: &Rule, api_version: &str, json: &str) -> Expansion {
    cx.clear();
    let mut expansion = Expansion::default();
    let object: Value = match serde_json::from_str(json) {
        Ok(object) => object,
        Err(error) => {
            let message = format!("broken JSON: {error}");
            expansion.problems.push(FieldError { field: String::new(), message });
            return expansion;
        }
    };
    let meta = meta(cx, &object["metadata"]);
    let or = |text: &Str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_string() };
    expansion.label =
        format!("{} {}/{}", rule.kind, or(&meta.namespace, "default"), or(&meta.name, "(without name)"));
    expansion.stored = !meta.uid.is_empty();
    expansion.owner = CustomResource {
        api_version: cx.intern(api_version),
        kind: cx.intern(&rule.kind),
        name: meta.name.clone(),
        template: Str::default(),
        pod_label: cx.intern(&rule.pod_label),
    };
    expansion.namespace = meta.namespace.clone();
    expansion.inactive = rule.inactive(&object);
    if expansion.inactive.is_none() {
        for pods in rule.pods(&object) {
            match pods {
                Ok(pods) => {
                    let template = template(cx, &pods);
                    expansion.workloads.push(workload(&expansion.owner, &meta, &pods, template));
                }
                Err(error) => expansion.problems.push(error),
            }
        }
        expansion.objects = rule.objects(&object);
    }
    expansion.problems.append(&mut cx.problems);
    cx.clear(); // operators extend pod specs, so that unknown fields of theirs are not worth a warning
    expansion
}

fn meta(cx: &mut Context, json: &Value) -> Meta {
    // A value in memory is always well-formed.
    let read = Seed::<MetaField>::new(cx).deserialize(json).unwrap_or_default();
    read.named(cx)
}

/// Decodes a pod template; the paths of its problems begin at the resource.
fn template(cx: &mut Context, pods: &pods::Pods) -> PodTemplate {
    let before = cx.problems.len();
    let read = Seed::<TemplateWire>::new(cx).deserialize(&pods.template).unwrap_or_default();
    let template = read.into_model(cx);
    for problem in &mut cx.problems[before..] {
        problem.field = match problem.field.as_str() {
            "" => pods.path.clone(),
            field => format!("{}.{field}", pods.path),
        };
    }
    template
}

fn workload(owner: &CustomResource, meta: &Meta, pods: &pods::Pods, template: PodTemplate) -> Workload {
    let name = match pods.name.as_str() {
        "" => meta.name.clone(),
        role => format!("{}-{role}", meta.name).into(),
    };
    Workload {
        namespace: meta.namespace.clone(),
        name,
        uid: meta.uid.clone(),
        labels: meta.labels.clone(),
        created: meta.created,
        controller: meta.controller.clone(),
        terminating: meta.terminating,
        template,
        count: PodCount::Replicas { count: pods.count, first: 0 },
        custom: Some(CustomResource { template: pods.path.as_str().into(), ..owner.clone() }),
        ..Workload::empty(WorkloadKind::ReplicaSet)
    }
}

/// Whether a rule for this kind would hide one that Berth reads itself.
fn is_builtin(group: &str, kind: &str) -> bool {
    Kind::ALL.iter().any(|known| known.group() == group && known.name == kind)
}

#[cfg(test)]
mod tests;
