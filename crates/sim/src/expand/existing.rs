//! The pods of the input, by who controls them.
//!
//! A pod belongs to the controller that its owner reference names. If only one of the two has a uid, as when a manifest
//! is applied to what a cluster holds, kind and name decide. A pod without a controller is adopted by the first
//! controller whose selector it matches.
//!
//! Upstream: `pkg/controller/controller_ref_manager.go` (`ClaimObject`).

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::manifests::Manifests;
use berth_model::pod::{Controller, Pod};
use berth_model::workload::{Workload, WorkloadKind};

use super::template::controller;

/// Pods by controller, and pods without.
pub(super) struct Existing<'a> {
    /// By namespace, kind and name of the controller.
    owned: BTreeMap<(&'a str, &'a str, &'a str), Vec<&'a Pod>>,
    /// Pods that wait to be adopted, by namespace and labels.
    orphans: BTreeMap<&'a str, BTreeMap<&'a Labels, Vec<&'a Pod>>>,
    /// The controllers of pods that were adopted, by namespace and name.
    adopted: BTreeMap<(&'a str, &'a str), Controller>,
}

impl<'a> Existing<'a> {
    /// The pods of the input.
    pub(super) fn new(manifests: &'a Manifests) -> Self {
        let mut existing =
            Self { owned: BTreeMap::new(), orphans: BTreeMap::new(), adopted: BTreeMap::new() };
        if manifests.workloads.is_empty() {
            return existing;
        }
        for pod in manifests.pods.iter().map(|entry| &entry.value.pod) {
            let namespace = &*pod.spec.namespace;
            match &pod.spec.controller {
                Some(Controller { kind, name, .. }) => {
                    existing.owned.entry((namespace, kind, name)).or_default().push(pod);
                }
                None if pod.terminating => {}
                None => {
                    let by_labels = existing.orphans.entry(namespace).or_default();
                    by_labels.entry(&pod.spec.labels).or_default().push(pod);
                }
            }
        }
        existing
    }

    /// The pods that a workload controls, in input order.
    pub(super) fn owned(&self, workload: &Workload) -> Vec<&'a Pod> {
        let key = (&*workload.namespace, workload.kind.name(), &*workload.name);
        let pods = self.owned.get(&key).into_iter().flatten();
        pods.copied().filter(|pod| is_controller(workload, pod.spec.controller.as_ref())).collect()
    }

    /// Whether pods name this controller as their owner.
    pub(super) fn has_owner(&self, namespace: &str, api_version: &str, kind: &str, name: &str) -> bool {
        let pods = self.owned.get(&(namespace, kind, name)).into_iter().flatten();
        let mut owners = pods.filter_map(|pod| pod.spec.controller.as_ref());
        owners.any(|owner| is_same_group(&owner.api_version, api_version))
    }

    /// The pods of controllers of a kind whose names begin so, by the controller's name.
    pub(super) fn owned_by_prefix<'s>(
        &'s self,
        namespace: &'s str,
        kind: WorkloadKind,
        prefix: &'s str,
    ) -> impl Iterator<Item = (&'s str, &'s [&'a Pod])> {
        let owned: &'s BTreeMap<(&'s str, &'s str, &'s str), Vec<&'a Pod>> = &self.owned;
        let first = (namespace, kind.name(), prefix);
        let is_alike = move |(n, k, name): &(&str, &str, &str)| {
            (*n, *k) == (first.0, first.1) && name.starts_with(prefix)
        };
        owned
            .range(first..)
            .take_while(move |(key, _)| is_alike(key))
            .map(|((_, _, name), pods)| (*name, pods.as_slice()))
    }

    /// Takes the pods without a controller that the selector of a workload matches and that fit.
    pub(super) fn adopt(&mut self, workload: &Workload, fits: impl Fn(&Pod) -> bool) -> Vec<&'a Pod> {
        let selector = workload.selector.as_ref();
        let Some(selector) = selector.filter(|selector| !selector.requirements.is_empty()) else {
            return Vec::new();
        };
        let namespace = &*workload.namespace;
        let mut adopted = Vec::new();
        for (labels, pods) in self.orphans.get_mut(namespace).into_iter().flatten() {
            if selector.matches(labels) {
                adopted.extend(pods.extract_if(.., |pod| fits(pod)));
            }
        }
        for pod in &adopted {
            let owner = controller(workload.kind, &workload.name, &workload.uid);
            self.adopted.insert((&pod.spec.namespace, &pod.name), owner);
        }
        adopted
    }

    /// The controllers of pods that were adopted, by namespace and name.
    pub(super) fn adopted(&self) -> &BTreeMap<(&'a str, &'a str), Controller> {
        &self.adopted
    }
}

/// Whether two API versions are of one group; an unknown one is of any.
pub(super) fn is_same_group(one: &str, other: &str) -> bool {
    one.is_empty() || other.is_empty() || group(one) == group(other)
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether an owner reference means this workload.
pub(crate) fn is_controller(workload: &Workload, controller: Option<&Controller>) -> bool {
    controller.is_some_and(|controller| {
        let Controller { kind, name, uid, .. } = controller;
        let same_uid = uid.is_empty() || workload.uid.is_empty() || *uid == workload.uid;
        **kind == *workload.kind.name() && *name == workload.name && same_uid
    })
}

/// The value that the youngest of some pods has of a label which controllers set.
pub(super) fn label_of_youngest(pods: &[&Pod], key: &str) -> Option<Str> {
    let youngest =
        pods.iter().filter(|pod| pod.spec.labels.contains_key(key)).max_by_key(|pod| pod.created)?;
    youngest.spec.labels.get(key).cloned()
}
