//! What the simulated nodes read of objects.

use std::collections::BTreeMap;

use berth_cluster::kubelet::Phase;
use berth_model::execution::{Annotated, ContainerExecution, Execution, Program};
use berth_model::labels::Labels;
use berth_model::node::ResourceList;
use berth_model::pod::Container;
use berth_model::pod_manifest::RestartPolicy;
use berth_model::quantity::Quantity;
use serde::Deserialize;

/// The fields of `metadata` that are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) generation: u64,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) owner_references: Vec<Owner>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) deletion_timestamp: Option<String>,
    pub(crate) deletion_grace_period_seconds: Option<u32>,
}

/// An entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Owner {
    kind: String,
    controller: bool,
}

/// A pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodView {
    pub(crate) metadata: Meta,
    pub(crate) spec: PodSpec,
    pub(crate) status: PodStatusView,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub(crate) node_name: String,
    restart_policy: String,
    termination_grace_period_seconds: Option<u32>,
    active_deadline_seconds: Option<u32>,
    pub(crate) init_containers: Vec<ContainerView>,
    pub(crate) containers: Vec<ContainerView>,
    pub(crate) host_network: bool,
    readiness_gates: Vec<Gate>,
    overhead: Quantities,
    resources: Resources,
}

/// Quantities by resource.
type Quantities = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: Quantities,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Gate {
    condition_type: String,
}

/// A container of a pod's spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerView {
    pub(crate) name: String,
    pub(crate) image: String,
    command: Vec<String>,
    args: Vec<String>,
    restart_policy: Option<String>,
    readiness_probe: Option<Probe>,
    resources: Resources,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Probe {
    initial_delay_seconds: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatusView {
    pub(crate) phase: String,
    pub(crate) start_time: Option<String>,
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: Option<String>,
    pub(crate) conditions: Vec<ConditionView>,
}

/// A condition of a pod or a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConditionView {
    #[serde(rename = "type")]
    pub(crate) name: String,
    pub(crate) status: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NodeSpec {
    taints: Vec<Taint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Taint {
    key: String,
}

/// A node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeView {
    pub(crate) metadata: Meta,
    spec: NodeSpec,
    pub(crate) status: NodeStatusView,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeStatusView {
    pub(crate) conditions: Vec<ConditionView>,
    pub(crate) addresses: Vec<Address>,
    allocatable: Quantities,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    #[serde(rename = "type")]
    kind: String,
    address: String,
}

impl Meta {
    /// Whether a Job owns the object.
    pub(crate) fn of_job(&self) -> bool {
        self.owner_references.iter().any(|owner| owner.controller && owner.kind == "Job")
    }
}

impl PodView {
    /// Whether the pod has succeeded or failed.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether its status says this.
    pub(crate) fn says(&self, phase: Phase, is_ready: bool) -> bool {
        self.status.phase == phase.name() && is_true(&self.status.conditions, "Ready") == is_ready
    }

    /// Whether the conditions of its readiness gates hold.
    pub(crate) fn gates_hold(&self) -> bool {
        self.spec.readiness_gates.iter().all(|gate| is_true(&self.status.conditions, &gate.condition_type))
    }

    /// Whether its status has the condition.
    pub(crate) fn has_condition(&self, name: &str) -> bool {
        self.status.conditions.iter().any(|condition| condition.name == name)
    }

    /// What it requests in total.
    pub(crate) fn requests(&self) -> BTreeMap<String, Quantity> {
        let spec = &self.spec;
        let containers = |list: &[ContainerView]| list.iter().map(ContainerView::requesting).collect();
        let requests = quantities(&spec.resources.requests);
        let spec = berth_model::pod::PodSpec {
            init_containers: containers(&spec.init_containers),
            containers: containers(&spec.containers),
            overhead: quantities(&spec.overhead),
            pod_requests: (!requests.is_empty()).then_some(requests),
            ..Default::default()
        };
        spec.total_requests().exact.into_iter().map(|(name, amount)| (name.to_string(), amount)).collect()
    }

    /// What its containers do.
    pub(crate) fn execution(&self) -> Execution {
        let spec = &self.spec;
        let annotations: Labels =
            self.metadata.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Execution {
            restart_policy: match spec.restart_policy.as_str() {
                "Never" => RestartPolicy::Never,
                "OnFailure" => RestartPolicy::OnFailure,
                _ => RestartPolicy::Always,
            },
            grace_seconds: spec.termination_grace_period_seconds.unwrap_or(30),
            active_deadline_seconds: spec.active_deadline_seconds,
            init_containers: spec.init_containers.iter().map(ContainerView::execution).collect(),
            containers: spec.containers.iter().map(ContainerView::execution).collect(),
            annotated: Annotated::of(&annotations),
        }
    }
}

impl ContainerView {
    fn requesting(&self) -> Container {
        Container {
            requests: quantities(&self.resources.requests),
            sidecar: self.restart_policy.as_deref() == Some("Always"),
            ..Default::default()
        }
    }

    fn execution(&self) -> ContainerExecution {
        let words = self.command.iter().chain(&self.args).map(String::as_str);
        ContainerExecution {
            program: Program::of_command(words),
            ready_delay_seconds: self.readiness_probe.as_ref().map_or(0, |probe| probe.initial_delay_seconds),
            sidecar: self.restart_policy.as_deref() == Some("Always"),
        }
    }
}

impl NodeView {
    /// Whether its last status says that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        is_true(&self.status.conditions, "Ready")
    }

    /// Whether pods can be placed on it: it is ready, and the node lifecycle controller has seen that.
    pub(crate) fn is_in_service(&self) -> bool {
        let lost = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
        self.is_ready() && !self.spec.taints.iter().any(|taint| lost.contains(&taint.key.as_str()))
    }

    /// What it offers to pods.
    pub(crate) fn allocatable(&self) -> BTreeMap<String, Quantity> {
        quantities(&self.status.allocatable)
            .into_iter()
            .map(|(name, amount)| (name.to_string(), amount))
            .collect()
    }

    /// Its own address.
    pub(crate) fn address(&self) -> Option<&str> {
        self.status.addresses.iter().find(|one| one.kind == "InternalIP").map(|one| one.address.as_str())
    }
}

/// The API server has checked that they can be read.
fn quantities(list: &Quantities) -> ResourceList {
    list.iter().filter_map(|(name, text)| Some((name.as_str().into(), Quantity::parse(text).ok()?))).collect()
}

fn is_true(conditions: &[ConditionView], name: &str) -> bool {
    conditions.iter().any(|condition| condition.name == name && condition.status == "True")
}
