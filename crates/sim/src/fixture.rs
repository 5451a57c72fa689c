//! Texts of objects and what they come to, for tests.

use berth_model::pod::Pod;
use berth_wire::Loader;

use crate::world::World;

/// What a text of manifests comes to.
pub(crate) fn admitted(text: &str) -> Result<World, String> {
    let mut loader = Loader::new();
    loader.read("in", text.as_bytes());
    let (manifests, warnings) = loader.finish().map_err(|problems| format!("{problems}\nin:\n{text}"))?;
    // Short texts leave out what the API server wants and scheduling does not.
    let odd = |message: &str| !message.ends_with("the API server refuses it");
    assert!(!warnings.iter().any(|warning| odd(&warning.message)), "{warnings}\nin:\n{text}");
    World::admitted(manifests, None).map_err(|problems| problems.to_string())
}

/// What a text that is in order comes to.
pub(crate) fn world(text: &str) -> World {
    admitted(text).unwrap()
}

/// What is wrong with a text.
pub(crate) fn refused(text: &str) -> String {
    admitted(text).err().unwrap_or_default()
}

/// The names of the pods that wait, in their order.
pub(crate) fn names(world: &World) -> Vec<&str> {
    world.waiting.iter().map(|&row| &*world.cluster.pods().entry(row).pod.name).collect()
}

/// The names of the pods that a text makes wait.
pub(crate) fn waiting(text: &str) -> Vec<String> {
    names(&world(text)).into_iter().map(str::to_owned).collect()
}

/// A pod of a world.
pub(crate) fn pod<'a>(world: &'a World, name: &str) -> &'a Pod {
    let pods = world.cluster.pods();
    let row = pods.rows().find(|&row| &*pods.entry(row).pod.name == name);
    &pods.entry(row.unwrap_or_else(|| panic!("no pod {name}: {:?}", names(world)))).pod
}

/// A pod's labels, as in `app=web`.
pub(crate) fn labels(pod: &Pod) -> Vec<String> {
    pod.spec.labels.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// Documents of one stream.
pub(crate) fn documents(texts: &[&str]) -> String {
    texts.join("\n---\n")
}

/// A workload of `apps/v1` whose pods have the label `app` with its name.
pub(crate) fn workload(kind: &str, name: &str, meta: &str, spec: &str, template: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: {name}, {meta}}}, spec: {{selector: {{matchLabels: \
         {{app: {name}}}}}, {spec} template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{{template} containers: \
         [{{name: c}}]}}}}}}}}"
    )
}

/// A job.
pub(crate) fn job(name: &str, spec: &str, status: &str) -> String {
    format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{{spec} template: {{spec: \
         {{containers: [{{name: c}}]}}}}}}, status: {{{status}}}}}"
    )
}

/// A node with room.
pub(crate) fn node(name: &str, meta: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, {meta}}}, spec: {{{spec}}}, status: {{capacity: {{cpu: 9, \
         pods: 110}}}}}}"
    )
}

/// A pod on the node `n1`, as a cluster has it stored, owned by a controller.
pub(crate) fn running(name: &str, labels: &str, kind: &str, owner: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, uid: u-{name}, labels: {{{labels}}}, ownerReferences: \
         [{{apiVersion: v1, kind: {kind}, name: {owner}, controller: true}}]}}, spec: {{nodeName: n1, priority: 0, \
         containers: [{{name: c}}]}}}}"
    )
}

/// A stream of numbers that is the same for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    pub(crate) fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[usize::try_from(self.roll(list.len() as u64)).unwrap_or(0)]
    }
}
