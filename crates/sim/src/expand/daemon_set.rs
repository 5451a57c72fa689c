//! DaemonSets: one pod on each node that accepts it.
//!
//! A node accepts it if the template's node selector and required node affinity match, and if the pod tolerates the
//! node's `NoSchedule` and `NoExecute` taints. Daemon pods tolerate all taints for conditions of a node, so they run on
//! cordoned nodes too. Whether there is room does not matter here: the scheduler finds out.
//!
//! Upstream: `pkg/controller/daemon/daemon_controller.go` (`NodeShouldRunDaemonPod`), `util/daemonset_util.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use berth_controllers::daemon_set::{NodeState, Strategy, fits};
use berth_controllers::rollout;
use berth_model::Str;
use berth_model::manifests::Entry;
use berth_model::node::{Node, TaintEffect};
use berth_model::pod::{Pod, PodSpec};
use berth_model::selector::{NodeSelector, NodeSelectorTerm, Operator, Requirement};
use berth_model::workload::{self, Workload};

use super::existing::label_of_youngest;
use super::template::Template;
use super::{Expansion, name, outdated};
use crate::admission::{NOT_READY, UNREACHABLE, tolerate};
use crate::rollout::{Member, NewPods, Rollout};

const REVISION: &str = "controller-revision-hash";
const GENERATION: &str = "pod-template-generation";
const NODE_NAME: &str = "metadata.name";

/// Makes the pods that are missing. If pods are outdated, the set is rolled out: then its controller takes the pods
/// that are made here when it needs them.
pub(super) fn expand<'a>(expansion: &mut Expansion<'a>, entry: &'a Entry<Workload>) {
    let workload = &entry.value;
    let mut pods = expansion.existing.owned(workload);
    pods.extend(expansion.existing.adopt(workload, |_| true));
    let mut template = Template::new(entry);
    let default = || name::hash(&workload.namespace, &workload.name);
    template.label(REVISION, &label_of_youngest(&pods, REVISION).unwrap_or_else(default));
    template.label(GENERATION, &label_of_youngest(&pods, GENERATION).unwrap_or_else(|| "1".into()));

    let mut spec = template.spec(template.labels.clone());
    tolerate_conditions(&mut spec);
    let bound = template.pod_template.node().map(|name| &**name);
    let nodes = expansion.manifests.nodes.iter().map(|entry| &entry.value);
    let fits: Vec<(&Node, (bool, bool))> = nodes.map(|node| (node, fits(node, &spec, bound))).collect();
    let runs_nowhere = !fits.is_empty() && !fits.iter().any(|(_, (should_run, _))| *should_run);
    if runs_nowhere && workload.uid.is_empty() {
        // Clusters hold many that are meant for other kinds of nodes.
        expansion.warn(entry, "makes no pods: no node matches its node selector, affinity and tolerations");
    }
    let current = expansion.current_spec(&template);
    let outdated = outdated(workload, &pods, &current);
    let rolled_out = pods.iter().any(|pod| outdated(pod));
    // A terminating pod occupies its node until it is gone.
    let occupied: BTreeSet<&str> =
        pods.iter().filter(|pod| !outdated(pod)).filter_map(|pod| target(pod)).collect();
    let is_missing = |(_, (node, (should_run, _))): &(usize, &(&Node, (bool, bool)))| {
        *should_run && !occupied.contains(&*node.name)
    };
    let missing: Vec<(usize, &Node)> =
        fits.iter().enumerate().filter(is_missing).map(|(place, (node, _))| (place, *node)).collect();
    let made = expansion.out.pods.len();
    if !missing.is_empty() {
        if expansion.reserve(entry, "spec", missing.len() as i64).is_none() {
            return;
        }
        let Some(spec) = expansion.admit(&template, spec) else { return };
        for (_, node) in &missing {
            let name = pod_name(expansion, workload, &node.name);
            let mut spec = (*spec).clone();
            spec.node_affinity.required = Some(only(&node.name));
            expansion.make(&template, name, Arc::new(spec));
        }
    }
    if rolled_out {
        let new = expansion.out.pods.split_off(made);
        let new = missing.iter().map(|(place, _)| *place as i64).zip(new).collect();
        let mut rollout = rollout_of(workload, &fits, new);
        for pod in pods {
            let updated = !outdated(pod);
            let node = target(pod).and_then(|name| fits.iter().position(|(node, _)| *node.name == *name));
            if let Some(place) = node {
                rollout.groups[place].push(Member { name: pod.name.clone(), updated, index: None });
            }
        }
        expansion.out.rollouts.push(rollout);
    }
}

fn rollout_of(workload: &Workload, fits: &[(&Node, (bool, bool))], new: BTreeMap<i64, Pod>) -> Rollout {
    let strategy = match workload.rollout {
        workload::Rollout::Rolling { surge, unavailable, .. } => {
            Strategy::RollingUpdate { surge, unavailable }
        }
        workload::Rollout::OnDelete | workload::Rollout::Recreate => Strategy::OnDelete,
    };
    let node = |(id, (_, (should_run, may_stay))): (usize, &(&Node, (bool, bool)))| NodeState {
        id: u32::try_from(id).unwrap_or(u32::MAX),
        should_run: *should_run,
        may_stay: *may_stay,
    };
    let of = rollout::DaemonSet { strategy, nodes: fits.iter().enumerate().map(node).collect() };
    let mut rollout = Rollout::new(workload, rollout::Workload::DaemonSet(of), fits.len());
    rollout.nodes = fits.iter().map(|(node, _)| node.name.clone()).collect();
    rollout.new_pods = NewPods::Each(new);
    rollout
}

/// The node that a daemon pod is on or meant for.
pub fn target(pod: &Pod) -> Option<&str> {
    if let Some(node) = &pod.node {
        return Some(node);
    }
    let terms = &pod.spec.node_affinity.required.as_ref()?.terms;
    let mut fields = terms.iter().flat_map(|term| &term.fields);
    let field = fields.find(|field| &*field.key == NODE_NAME && field.operator == Operator::In)?;
    field.values.first().map(|name| &**name)
}

/// Adds the tolerations that all daemon pods have.
pub fn tolerate_conditions(spec: &mut PodSpec) {
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

/// Demands one node, and nothing else: the template's demands hold there.
pub fn only(node: &Str) -> NodeSelector {
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
