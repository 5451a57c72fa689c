//! What the API server consults when it creates pods (priority classes, runtime classes, limit ranges, quotas), and
//! autoscalers.

use crate::Str;
use crate::affinity::Toleration;
use crate::labels::Labels;
use crate::node::ResourceList;

/// `scheduling.k8s.io/v1.PriorityClass`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityClass {
    /// `metadata.name`.
    pub name: Str,
    /// `value`: the priority of pods of this class.
    pub value: i32,
    /// `globalDefault`: pods without class get this one.
    pub global_default: bool,
    /// `preemptionPolicy: Never`.
    pub never_preempts: bool,
}

/// `node.k8s.io/v1.RuntimeClass`: how containers are run, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeClass {
    /// `metadata.name`.
    pub name: Str,
    /// `overhead.podFixed`: what running a pod costs beside its containers.
    pub overhead: ResourceList,
    /// `scheduling.nodeSelector`: added to the pods'.
    pub node_selector: Labels,
    /// `scheduling.tolerations`: added to the pods'.
    pub tolerations: Vec<Toleration>,
}

/// `v1.LimitRange`: bounds and defaults for what is created in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRange {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `spec.limits`.
    pub items: Vec<LimitRangeItem>,
}

/// What an item of a limit range bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// Each container.
    Container,
    /// The containers of a pod together.
    Pod,
    /// Something else, such as claims.
    Other,
}

/// `v1.LimitRangeItem`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRangeItem {
    /// `type`.
    pub scope: LimitScope,
    /// `min`.
    pub min: ResourceList,
    /// `max`.
    pub max: ResourceList,
    /// `default`: the limits of containers that set none.
    pub default_limits: ResourceList,
    /// `defaultRequest`: the requests of containers that set none.
    pub default_requests: ResourceList,
}

/// `v1.ResourceQuota`: what all objects of a namespace may request together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceQuota {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `spec.hard`, by name: `pods`, `requests.cpu`, `limits.memory` and so on.
    pub hard: ResourceList,
    /// It counts some pods only (`spec.scopes`, `spec.scopeSelector`).
    pub scoped: bool,
}

/// `autoscaling/v2.HorizontalPodAutoscaler`, as far as it bounds the number of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `spec.scaleTargetRef.kind`.
    pub target_kind: Str,
    /// `spec.scaleTargetRef.name`.
    pub target_name: Str,
    /// `spec.minReplicas`.
    pub min: i32,
    /// `spec.maxReplicas`.
    pub max: i32,
}
