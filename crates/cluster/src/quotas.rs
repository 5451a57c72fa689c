//! ResourceQuotas: pods that a namespace has no room for are refused, and their controllers try again when a pod of the
//! namespace has ended. Upstream's controllers try again after pauses that grow.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::Str;
use berth_model::manifests::Place;
use berth_model::object::{Kind, Object};
use berth_model::pod_manifest::PodManifest;
use berth_model::policy::ResourceQuota;
use berth_sim::admission::{Usage, refusal, usage};

use crate::simulation::Simulation;

/// What is known of namespaces with quotas.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas {
    /// The workloads whose pods were refused.
    refused: BTreeMap<Str, BTreeSet<u32>>,
    /// What the pods come to, until one of them ends.
    used: BTreeMap<Str, Usage>,
}

impl Simulation {
    /// Stores a quota; what was refused is tried again.
    pub(crate) fn put_quota(&mut self, quota: ResourceQuota) {
        let namespace = quota.namespace.clone();
        let is_other = |other: &ResourceQuota| other.namespace != namespace || other.name != quota.name;
        self.policy.resource_quotas.retain(|entry| is_other(&entry.value));
        self.policy.add(Object::ResourceQuota(quota), Place::start("applied".into()));
        self.quota_has_room(&namespace);
    }

    /// Whether a quota refuses a new pod of a workload; otherwise the pod is counted.
    pub(crate) fn is_refused(&mut self, manifest: &PodManifest, owner: Option<u32>) -> bool {
        let (pod, namespace) = (&manifest.pod, &manifest.pod.spec.namespace);
        let quotas = self.policy.resource_quotas.iter().map(|entry| &entry.value);
        let mut own = quotas.filter(|quota| quota.namespace == *namespace).peekable();
        if own.peek().is_none() {
            return false;
        }
        let known = self.quotas.used.get(namespace).cloned();
        let mut used = known.unwrap_or_else(|| self.usage_of(namespace));
        let refusing = own.find(|quota| refusal(quota, &used, pod).is_some());
        let Some(label) = refusing.map(|quota| format!("ResourceQuota {namespace}/{}", quota.name)) else {
            for (name, amount) in usage(std::iter::once(pod)) {
                *used.entry(name).or_default() += amount;
            }
            self.quotas.used.insert(namespace.clone(), used);
            return false;
        };
        self.quotas.refused.entry(namespace.clone()).or_default().extend(owner);
        self.warn(format!("{label}: has no room for all pods: some are refused"));
        true
    }

    fn usage_of(&self, namespace: &Str) -> Usage {
        let pods = self.store.list(Kind::Pod).filter_map(|object| match &**object {
            Object::Pod(manifest) if !manifest.finished => Some(&manifest.pod),
            _ => None,
        });
        usage(pods.filter(|pod| pod.spec.namespace == *namespace))
    }

    /// A pod of a namespace has ended or was loaded: what is used is counted again, and workloads whose pods were refused
    /// try again.
    pub(crate) fn quota_has_room(&mut self, namespace: &Str) {
        self.quotas.used.remove(namespace);
        for workload in self.quotas.refused.remove(namespace).unwrap_or_default() {
            self.workloads.wake(workload);
        }
    }
}
