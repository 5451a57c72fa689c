//! Requests and limits, of containers and of whole pods.
//!
//! Upstream: `pkg/api/pod/util.go` (`DefaultPodLevelResources`; pod-level defaulting happens when the pod is created),
//! core `helper/helpers.go`.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::node::ResourceList;
use berth_model::pod::PodSpec;
use berth_model::quantity::Quantity;

use crate::decode::wire_object;

wire_object! {
    /// `v1.ResourceRequirements`.
    pub(crate) struct ResourcesWire {
        requests: Option<ResourceList> = "requests",
        limits: Option<ResourceList> = "limits",
    }
    skipped { "claims" }
}

/// Whether the resource is Kubernetes' own.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether the resource belongs to a device plugin or the like.
pub(crate) fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.")
}

/// Whether the resource is huge pages of some size.
pub(crate) fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_pages(name)
}

type Sum = BTreeMap<Str, Quantity>;

/// The pod-level requests and limits of a pod that sets some, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodLevel {
    requests: ResourceList,
    limits: ResourceList,
}

impl PodLevel {
    /// What a spec sets; `None` where it sets nothing.
    pub(crate) fn of(spec: &PodSpec) -> Option<Self> {
        let requests = spec.pod_requests.clone().unwrap_or_default();
        let level = Self { requests, limits: spec.pod_limits.clone() };
        (level != Self::default()).then_some(level)
    }

    /// `spec.resources.requests`.
    pub(crate) fn requests(&self) -> &ResourceList {
        &self.requests
    }

    /// `spec.resources.limits`.
    pub(crate) fn limits(&self) -> &ResourceList {
        &self.limits
    }

    /// Writes pod-level requests and limits into a spec, with what follows from its containers. The API server does so
    /// after admission, when the containers have got what they lacked.
    pub fn complete(&self, spec: &mut PodSpec) {
        spec.pod_requests = None;
        spec.pod_limits.clear();
        let (requests, limits) =
            (self.requests.iter().cloned().collect(), self.limits.iter().cloned().collect());
        complete(spec, requests, limits);
    }
}

fn complete(spec: &mut PodSpec, mut requests: Sum, mut limits: Sum) {
    let container_limits = spec.peak_of_containers(|c| &c.limits);
    for (name, amount) in &container_limits {
        if is_huge_pages(name) && !requests.contains_key(name) {
            limits.entry(name.clone()).or_insert(*amount);
        }
    }
    for (name, amount) in spec.peak_of_containers(|c| &c.requests) {
        if pod_level(&name) && !is_huge_pages(&name) {
            requests.entry(name).or_insert(amount);
        }
    }
    for (name, amount) in &limits {
        if pod_level(name) {
            requests.entry(name.clone()).or_insert(*amount);
        }
    }
    for (name, request) in &requests {
        let all_limited = spec.containers.iter().chain(&spec.init_containers).all(|c| has(&c.limits, name));
        if pod_level(name) && !limits.contains_key(name) && all_limited {
            let limit = container_limits.get(name).copied().unwrap_or_default();
            limits.insert(name.clone(), limit.max(*request));
        }
    }
    spec.pod_requests = Some(requests.into_iter().collect());
    spec.pod_limits = limits.into_iter().collect();
}

fn has(list: &ResourceList, name: &str) -> bool {
    list.iter().any(|(known, _)| &**known == name)
}
