//! ResourceQuota: what all pods of a namespace may request together.
//!
//! A quota does not say which pods are refused: that depends on the order in which they are created. So pods that
//! exceed one are simulated all the same, with a warning that says by how much.
//!
//! Upstream: `pkg/quota/v1/evaluator/core/pods.go` (`PodUsageFunc`).

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::pod::{Pod, PodSpec};
use berth_model::quantity::Quantity;
use berth_model::requests::PodRequests;
use berth_wire::Warnings;

/// Warns of every quota that the pods exceed.
pub(crate) fn check(manifests: &Manifests, pods: &[Pod], warnings: &mut Warnings) {
    for entry in &manifests.resource_quotas {
        let quota = &entry.value;
        let label = format!("ResourceQuota {}/{}", quota.namespace, quota.name);
        if quota.scoped {
            let message = "counts only some pods (scopes), which is not checked".to_owned();
            warnings.add(message, &entry.place, &label);
            continue;
        }
        let used = usage(pods.iter().filter(|pod| pod.spec.namespace == quota.namespace));
        for (name, hard) in &quota.hard {
            let used = used.get(canonical(name)).copied().unwrap_or_default();
            if used > *hard {
                let message = format!(
                    "exceeded: {name}: {used} of {hard}; the API server would refuse the last pods, which are simulated \
                     all the same"
                );
                warnings.add(message, &entry.place, &label);
            }
        }
    }
}

/// The full name of an amount: `cpu` is short for `requests.cpu`.
fn canonical(name: &str) -> &str {
    match name {
        "cpu" => "requests.cpu",
        "memory" => "requests.memory",
        "ephemeral-storage" => "requests.ephemeral-storage",
        "count/pods" => "pods",
        other => other,
    }
}

/// What pods come to, by the names that quotas have for it.
fn usage<'a>(pods: impl Iterator<Item = &'a Pod>) -> BTreeMap<String, Quantity> {
    let mut total: BTreeMap<String, Quantity> = BTreeMap::new();
    let mut add = |name: String, amount: Quantity| *total.entry(name).or_default() += amount;
    for pod in pods {
        add("pods".to_owned(), Quantity::from_units(1));
        let PodRequests { exact, .. } = pod.spec.total_requests();
        exact.into_iter().for_each(|(name, amount)| add(format!("requests.{name}"), amount));
        limits(&pod.spec).into_iter().for_each(|(name, amount)| add(format!("limits.{name}"), amount));
    }
    total
}

/// What the containers of a pod may use together.
fn limits(spec: &PodSpec) -> BTreeMap<Str, Quantity> {
    let mut limits = spec.peak_of_containers(|container| &container.limits);
    for (name, amount) in &spec.pod_limits {
        limits.insert(name.clone(), *amount);
    }
    limits
}
