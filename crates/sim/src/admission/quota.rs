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
use berth_model::policy::ResourceQuota;
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

/// Why a quota does not let a pod be created beside others, in upstream's words; `None` if it does. A quota that counts
/// some pods only lets all pods be created.
///
/// Upstream: `apiserver/pkg/admission/plugin/resourcequota/controller.go` (`CheckRequest`).
pub fn refusal(quota: &ResourceQuota, used: &Usage, pod: &Pod) -> Option<String> {
    if quota.scoped {
        return None;
    }
    let asked = usage(std::iter::once(pod));
    let by_amount = |name: &str| name.starts_with("requests.") || name.starts_with("limits.");
    let names = || quota.hard.iter().map(|(name, hard)| (name, canonical(name), *hard));
    let missing: Vec<&str> = names()
        .filter(|(_, full, _)| by_amount(full) && !asked.contains_key(*full))
        .map(|(name, ..)| &**name)
        .collect();
    if !missing.is_empty() {
        return Some(format!("failed quota: {}: must specify {}", quota.name, missing.join(",")));
    }
    let of = |amounts: &Usage, full: &str| amounts.get(full).copied().unwrap_or_default();
    let (mut requested, mut taken, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    for (name, full, hard) in names() {
        let (asked, used) = (of(&asked, full), of(used, full));
        let mut total = asked;
        total += used;
        if asked > Quantity::default() && total > hard {
            requested.push(format!("{name}={asked}"));
            taken.push(format!("{name}={used}"));
            limited.push(format!("{name}={hard}"));
        }
    }
    let (requested, taken, limited) = (requested.join(","), taken.join(","), limited.join(","));
    let name = &quota.name;
    (!requested.is_empty())
        .then(|| format!("exceeded quota: {name}, requested: {requested}, used: {taken}, limited: {limited}"))
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

/// Amounts by the names that quotas have for them.
pub type Usage = BTreeMap<String, Quantity>;

/// What pods come to.
pub fn usage<'a>(pods: impl Iterator<Item = &'a Pod>) -> Usage {
    let mut total = Usage::new();
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
