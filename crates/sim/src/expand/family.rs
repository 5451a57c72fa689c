//! Workloads by the workload that owns them: ReplicaSets of Deployments, Jobs of CronJobs.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::manifests::Manifests;
use berth_model::workload::{Workload, WorkloadKind};

use super::existing::{is_controller, is_same_group};

/// All workloads of the input, by owner and by name.
pub(super) struct Family<'a> {
    workloads: Vec<&'a Workload>,
    /// By namespace, kind and name of the owner.
    owned: BTreeMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    names: BTreeSet<(WorkloadKind, &'a str, &'a str)>,
}

impl<'a> Family<'a> {
    /// The workloads of the input.
    pub(super) fn new(manifests: &'a Manifests) -> Self {
        let workloads: Vec<&Workload> = manifests.workloads.iter().map(|entry| &entry.value).collect();
        let mut owned: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, workload) in workloads.iter().enumerate() {
            if let Some(owner) = &workload.controller {
                owned.entry((&*workload.namespace, &*owner.kind, &*owner.name)).or_default().push(at);
            }
        }
        let listed = workloads.iter().filter(|workload| workload.custom.is_none());
        let names = listed.map(|w| (w.kind, &*w.namespace, &*w.name)).collect();
        Self { workloads, owned, names }
    }

    /// The workloads of a kind that a workload owns, with their places in the list of all, in input order.
    pub(super) fn owned(&self, owner: &'a Workload, kind: WorkloadKind) -> Vec<(usize, &'a Workload)> {
        let key = (&*owner.namespace, owner.kind.name(), &*owner.name);
        let places = self.owned.get(&key).into_iter().flatten();
        places
            .map(|&at| (at, self.workloads[at]))
            .filter(|(_, w)| w.kind == kind && is_controller(owner, w.controller.as_ref()))
            .collect()
    }

    /// Whether workloads name this object as their owner.
    pub(super) fn has_owner(&self, namespace: &str, api_version: &str, kind: &str, name: &str) -> bool {
        let owned = self.owned.get(&(namespace, kind, name)).into_iter().flatten();
        let mut owners = owned.filter_map(|&at| self.workloads[at].controller.as_ref());
        owners.any(|owner| is_same_group(&owner.api_version, api_version))
    }

    /// Whether the input has a workload of this kind and name.
    pub(super) fn has(&self, kind: WorkloadKind, namespace: &str, name: &str) -> bool {
        self.names.contains(&(kind, namespace, name))
    }
}
