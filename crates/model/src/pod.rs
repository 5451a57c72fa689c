//! Pods: what wants to run.

use std::sync::Arc;

use crate::affinity::{NodeAffinity, PodAffinity, SpreadConstraint, Toleration};
use crate::labels::Labels;
use crate::node::ResourceList;
use crate::volume::PodVolume;
use crate::{Str, UnixSeconds};

/// A pod: who it is, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.name`; the namespace is in the spec.
    pub name: Str,
    /// `metadata.uid`, empty where the source has none.
    pub uid: Str,
    /// `metadata.creationTimestamp`.
    pub created: Option<UnixSeconds>,
    /// Everything that decides where the pod may run. Pods of equal specs share one.
    pub spec: Arc<PodSpec>,
    /// `spec.nodeName`: the node that the pod is bound to.
    pub node: Option<Str>,
    /// `status.nominatedNodeName`: where the pod hopes to run once its victims are gone.
    pub nominated_node: Option<Str>,
    /// `status.startTime`.
    pub started: Option<UnixSeconds>,
    /// `metadata.deletionTimestamp` is set: the pod is going away.
    pub terminating: bool,
    /// The pod is going away because a scheduler evicted it for another pod: condition `DisruptionTarget` with the
    /// reason `PreemptionByScheduler`.
    pub preempted: bool,
    /// `status.resourceClaimStatuses`: which claims were made for the pod from templates.
    pub claim_statuses: Vec<ClaimStatus>,
}

/// `v1.PodResourceClaimStatus`: the claim that was made for an entry of `spec.resourceClaims`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimStatus {
    /// The entry's name.
    pub name: Str,
    /// The claim's name; `None` if the entry needs no claim.
    pub claim: Option<Str>,
}

/// `v1.PodResourceClaim`: a claim on devices that the pod uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodResourceClaim {
    /// The name by which containers refer to it.
    pub name: Str,
    /// Which claim it is.
    pub source: ClaimSource,
}

/// Which claim on devices a pod uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClaimSource {
    /// The claim of this name, in the pod's namespace.
    Claim(Str),
    /// One that is made for the pod from the template of this name.
    Template(Str),
    /// A later version of the API says it in a field that is not known here.
    Unknown,
}

impl Pod {
    /// A pod that was just created: it is on no node, and nothing has happened to it.
    pub fn created(name: Str, uid: Str, spec: Arc<PodSpec>) -> Self {
        Self {
            name,
            uid,
            created: None,
            spec,
            node: None,
            nominated_node: None,
            started: None,
            terminating: false,
            preempted: false,
            claim_statuses: Vec::new(),
        }
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.spec.namespace, self.name)
    }
}

/// Everything about a pod that can decide where it runs, and nothing that tells two replicas apart.
///
/// Pods of equal specs are of one class to the engine, so what belongs to a single pod (name, times, node) is in
/// [`Pod`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodSpec {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.labels`.
    pub labels: Labels,
    /// The owner reference with `controller: true`.
    pub controller: Option<Controller>,
    /// `spec.schedulerName`: which profile places the pod.
    pub scheduler_name: Str,
    /// `spec.priority`.
    pub priority: i32,
    /// `spec.preemptionPolicy: Never`: the pod waits rather than evict others.
    pub never_preempts: bool,
    /// Names in `spec.schedulingGates`; a pod with one does not enter the queue.
    pub scheduling_gates: Vec<Str>,
    /// `spec.nodeSelector`.
    pub node_selector: Labels,
    /// `spec.affinity.nodeAffinity`.
    pub node_affinity: NodeAffinity,
    /// `spec.affinity.podAffinity`.
    pub pod_affinity: PodAffinity,
    /// `spec.affinity.podAntiAffinity`.
    pub pod_anti_affinity: PodAffinity,
    /// `spec.tolerations`.
    pub tolerations: Vec<Toleration>,
    /// `spec.topologySpreadConstraints`.
    pub spread: Vec<SpreadConstraint>,
    /// `spec.initContainers`, in order.
    pub init_containers: Vec<Container>,
    /// `spec.containers`.
    pub containers: Vec<Container>,
    /// `spec.overhead`.
    pub overhead: ResourceList,
    /// `spec.resources.requests`: pod-level requests; `None` where the field is absent.
    pub pod_requests: Option<ResourceList>,
    /// `spec.resources.limits`: pod-level limits.
    pub pod_limits: ResourceList,
    /// What a running pod's status says of its resources, where an in-place resize left them different from the spec.
    pub resize: Resize,
    /// `spec.volumes` that the scheduler cares about.
    pub volumes: Vec<PodVolume>,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// `spec.hostUsers: false`: the pod runs in a user namespace of its own.
    pub user_namespace: bool,
    /// `spec.resourceClaims`: the claims on devices that the pod uses.
    pub resource_claims: Vec<PodResourceClaim>,
    /// `spec.os.name`.
    pub os: Option<Str>,
}

/// The controller that owns a pod (`metav1.OwnerReference` with `controller: true`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Controller {
    /// For example `apps/v1`.
    pub api_version: Str,
    /// For example `ReplicaSet`.
    pub kind: Str,
    /// Its name, in the pod's namespace.
    pub name: Str,
    /// Its uid, empty where the source has none.
    pub uid: Str,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Container {
    /// Its name, to match the status.
    pub name: Str,
    /// The image as the pod spells it.
    pub image: Str,
    /// `resources.requests`, after defaulting from the limits.
    pub requests: ResourceList,
    /// `resources.limits`.
    pub limits: ResourceList,
    /// `status.containerStatuses[].allocatedResources`, for running pods.
    pub allocated: Option<ResourceList>,
    /// `status.containerStatuses[].resources.requests`, for running pods.
    pub actuated: Option<ResourceList>,
    /// An init container with `restartPolicy: Always`: it runs along with the containers.
    pub sidecar: bool,
    /// A rule in `restartPolicyRules` has the action `RestartAllContainers`.
    pub restarts_all: bool,
    /// A volume mount has `bindMountOptions`.
    pub bind_mount_options: bool,
    /// Ports with a `hostPort`.
    pub host_ports: Vec<HostPort>,
}

/// A port that a container takes of its node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// `hostIP`; `0.0.0.0` where absent.
    pub ip: Str,
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
    /// 1 to 65535.
    pub port: i32,
}

/// Transport of a host port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Resources of a running pod whose in-place resize is under way (KEP-1287, KEP-5419).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resize {
    /// The condition `PodResizePending` has the reason `Infeasible`: the spec's requests will never be granted.
    pub infeasible: bool,
    /// The condition `PodResizePending` has the reason `Deferred`.
    pub deferred: bool,
    /// `status.allocatedResources` of the pod.
    pub allocated: Option<ResourceList>,
    /// `status.resources.requests` of the pod.
    pub actuated: Option<ResourceList>,
}
