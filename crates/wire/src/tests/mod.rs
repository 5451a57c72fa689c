//! Tests of reading as a whole: text in, objects or complaints out.

mod corpus;
mod defaults;
mod devices;
mod encode;
mod hostile;
mod input;
mod layers;
mod problems;
mod warnings;

use berth_model::node::ResourceList;
use berth_model::pod::PodSpec;

use berth_model::manifests::Manifests;
use berth_model::pod_manifest::PodManifest;

use crate::{Loader, Warnings};

/// Loads a text that is in order.
fn load(text: &str) -> Manifests {
    warned(text).0
}

/// Loads a text that is in order, with what is odd about it.
pub(crate) fn warned(text: &str) -> (Manifests, Warnings) {
    let mut loader = Loader::new();
    loader.read("in", text.as_bytes());
    match loader.finish() {
        Ok(loaded) => loaded,
        Err(problems) => panic!("{problems}\nin:\n{text}"),
    }
}

/// What is wrong with a text, a line each.
pub(crate) fn wrong(text: &str) -> Vec<String> {
    let mut loader = Loader::new();
    loader.read("in", text.as_bytes());
    match loader.finish() {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// The YAML of a pod with one container and this spec beside it.
fn pod_yaml(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{containers: [{{name: main, image: i}}], {spec}}}\n"
    )
}

/// The YAML of a pod with one container, which has these fields.
fn container_yaml(fields: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{containers: [{{name: main, {fields}}}]}}\n"
    )
}

fn pod(text: &str) -> PodManifest {
    load(text).pods.swap_remove(0).value
}

fn spec(text: &str) -> PodSpec {
    (*pod(text).pod.spec).clone()
}

fn amounts(list: &ResourceList) -> String {
    let all: Vec<_> = list.iter().map(|(name, amount)| format!("{name}={amount}")).collect();
    all.join(" ")
}
