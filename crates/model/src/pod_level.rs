//! Pod-level requests and limits (`spec.resources`), and what the API server adds to them.
//!
//! Upstream: `pkg/api/pod/util.go` (`DefaultPodLevelResources`).

use std::collections::BTreeMap;

use crate::Str;
use crate::node::ResourceList;
use crate::pod::PodSpec;
use crate::quantity::Quantity;

/// Whether the resource is huge pages of some size.
pub fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// Whether a pod can request the resource as a whole.
pub fn is_pod_level_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_pages(name)
}

type Sum = BTreeMap<Str, Quantity>;

/// The pod-level requests and limits of a pod that sets some, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodLevel {
    /// `spec.resources.requests`.
    pub requests: ResourceList,
    /// `spec.resources.limits`.
    pub limits: ResourceList,
}

impl PodLevel {
    /// What a spec sets; `None` if it sets nothing.
    pub fn of(spec: &PodSpec) -> Option<Self> {
        let requests = spec.pod_requests.clone().unwrap_or_default();
        let level = Self { requests, limits: spec.pod_limits.clone() };
        (level != Self::default()).then_some(level)
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
        if is_pod_level_resource(&name) && !is_huge_pages(&name) {
            requests.entry(name).or_insert(amount);
        }
    }
    for (name, amount) in &limits {
        if is_pod_level_resource(name) {
            requests.entry(name.clone()).or_insert(*amount);
        }
    }
    for (name, request) in &requests {
        let all_limited = spec.containers.iter().chain(&spec.init_containers).all(|c| has(&c.limits, name));
        if is_pod_level_resource(name) && !limits.contains_key(name) && all_limited {
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
