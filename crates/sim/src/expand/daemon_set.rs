//! DaemonSets: one pod on each node that takes it.
//!
//! A node takes it if the template's node selector and required node affinity match, and if the pod bears its taints of
//! the effects `NoSchedule` and `NoExecute`. Daemon pods bear all taints that stand for a condition of a node, so they
//! run on cordoned nodes too. Whether there is room does not matter here: the scheduler finds out.
//!
//! Upstream: `pkg/controller/daemon/daemon_controller.go` (`NodeShouldRunDaemonPod`), `util/daemonset_util.go`.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_model::Str;
use berth_model::manifests::Entry;
use berth_model::node::{Node, TaintEffect};
use berth_model::pod::{Pod, PodSpec};
use berth_model::selector::{NodeSelector, NodeSelectorTerm, Operator, Requirement};
use berth_model::workload::Workload;

use super::existing::label_of_youngest;
use super::template::Template;
use super::{Expansion, name};
use crate::admission::{NOT_READY, UNREACHABLE, tolerate};

const REVISION: &str = "controller-revision-hash";
const GENERATION: &str = "pod-template-generation";
const NODE_NAME: &str = "metadata.name";

/// Makes the pods that are missing.
pub(super) fn expand<'a>(expansion: &mut Expansion<'a>, entry: &'a Entry<Workload>) {
    let workload = &entry.value;
    let mut pods = expansion.existing.owned(workload);
    pods.extend(expansion.existing.adopt(&workload.namespace, workload.selector.as_ref(), |_| true));
    let mut template = Template::new(entry);
    let default = || name::hash(&workload.namespace, &workload.name);
    template.label(REVISION, &label_of_youngest(&pods, REVISION).unwrap_or_else(default));
    template.label(GENERATION, &label_of_youngest(&pods, GENERATION).unwrap_or_else(|| "1".into()));

    // A pod that is going away keeps its node occupied until it has gone.
    let occupied: BTreeSet<&str> = pods.iter().filter_map(|pod| target(pod)).collect();
    let mut spec = template.spec(template.labels.clone());
    tolerate_conditions(&mut spec);
    let bound = template.pod_template.node();
    let nodes = expansion.manifests.nodes.iter().map(|entry| &entry.value);
    let missing: Vec<&Node> = nodes
        .filter(|node| bound.is_none_or(|name| *name == node.name) && takes(node, &spec))
        .filter(|node| !occupied.contains(&*node.name))
        .collect();
    expansion.warn_outdated(&template, &pods);
    if missing.is_empty() || expansion.reserve(entry, "spec", missing.len() as i64).is_none() {
        return;
    }
    let Some(spec) = expansion.admit(&template, spec) else { return };
    for node in missing {
        let name = pod_name(expansion, workload, &node.name);
        let mut spec = (*spec).clone();
        spec.node_affinity.required = Some(only(&node.name));
        expansion.make(&template, name, Arc::new(spec));
    }
}

/// The node that a daemon pod is on or meant for.
fn target(pod: &Pod) -> Option<&str> {
    if let Some(node) = &pod.node {
        return Some(node);
    }
    let terms = &pod.spec.node_affinity.required.as_ref()?.terms;
    let mut fields = terms.iter().flat_map(|term| &term.fields);
    let field = fields.find(|field| &*field.key == NODE_NAME && field.operator == Operator::In)?;
    field.values.first().map(|name| &**name)
}

/// Adds the tolerations that all daemon pods have.
fn tolerate_conditions(spec: &mut PodSpec) {
    let conditions = ["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"];
    let network = spec.host_network.then_some("network-unavailable");
    let execute = [NOT_READY, UNREACHABLE].map(|key| tolerate(key, TaintEffect::NoExecute));
    let schedule = conditions.into_iter().chain(network);
    let schedule =
        schedule.map(|name| tolerate(&format!("node.kubernetes.io/{name}"), TaintEffect::NoSchedule));
    for toleration in execute.into_iter().chain(schedule) {
        if !spec.tolerations.contains(&toleration) {
            spec.tolerations.push(toleration);
        }
    }
}

/// Whether a node should run a pod of this spec.
fn takes(node: &Node, spec: &PodSpec) -> bool {
    let selected = spec.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
    let required = spec.node_affinity.required.as_ref();
    selected
        && required.is_none_or(|selector| selector.matches(&node.name, &node.labels))
        && node.taints.iter().all(|taint| {
            taint.effect == TaintEffect::PreferNoSchedule
                || spec.tolerations.iter().any(|t| t.tolerates(taint))
        })
}

/// Demands one node, and nothing else: the template's demands hold there.
fn only(node: &Str) -> NodeSelector {
    let name = Requirement { key: NODE_NAME.into(), operator: Operator::In, values: vec![node.clone()] };
    NodeSelector { terms: vec![NodeSelectorTerm { expressions: Vec::new(), fields: vec![name] }] }
}

/// The node's name says more than a number.
fn pod_name(expansion: &mut Expansion<'_>, workload: &Workload, node: &str) -> Str {
    let prefix = name::prefix(&workload.name);
    let name = Str::from(format!("{prefix}{node}"));
    if expansion.names.take(&workload.namespace, &name) {
        return name;
    }
    expansion.names.one(&workload.namespace, &format!("{prefix}{node}-"))
}
