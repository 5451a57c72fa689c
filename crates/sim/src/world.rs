//! From manifests to a cluster: nodes and all that decides first, then the pods, those that run and those that wait.

use std::collections::BTreeSet;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::labels::Labels;
use berth_model::load::{MeasuredUsage, unreadable};
use berth_model::pod::Pod;
use berth_model::volume::Claim;
use berth_model::workload::Namespace;
use berth_model::{Str, UnixSeconds};
use berth_wire::{Manifests, Problems, Warnings};

use crate::admission::DefaultClass;
use crate::expand::{Expanded, expand};

/// The API server gives each namespace this label with its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A cluster and the pods that wait for a place in it, in input order.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// Pods without a node.
    pub waiting: Vec<PodRow>,
    /// What is odd about the input, beside what reading it told.
    pub warnings: Warnings,
}

impl World {
    /// Takes the objects as an API server has them stored: no workload is expanded and no default of admission applied.
    pub fn as_stored(manifests: &Manifests) -> Self {
        let mut world = Self::default();
        world.set_up(manifests, manifests.claims.iter().map(|entry| entry.value.clone()));
        for entry in &manifests.pods {
            world.add(entry.value.pod.clone());
        }
        world
    }

    /// Takes the objects as a cluster would come to have them: workloads get the pods that their controllers would make,
    /// and what is new goes through admission. Pods of a workload come in its place in the input order. `now` is the
    /// time against which measurements are fresh or stale; without it none is stale.
    ///
    /// # Errors
    /// When a new pod names a priority or runtime class that is not there, or there would be more than
    /// [`MAX_PODS`](crate::MAX_PODS) pods; all such problems are told.
    pub fn admitted(manifests: &Manifests, now: Option<UnixSeconds>) -> Result<Self, Problems> {
        let mut world = Self::default();
        let Expanded { pods, owners, claims } = expand(manifests, &mut world.warnings)?;
        let default_class = DefaultClass::new(manifests);
        let claims =
            manifests.claims.iter().map(|entry| entry.value.clone()).chain(claims).map(|mut claim| {
                default_class.apply(&mut claim);
                claim
            });
        world.set_up(manifests, claims);
        for owner in owners {
            world.cluster.upsert_owner(owner);
        }
        world.name_namespaces(manifests, &pods);
        if let Some(now) = now {
            world.cluster.set_now(now);
        }
        for pod in pods {
            world.add(pod);
        }
        Ok(world)
    }

    /// Takes everything but pods.
    fn set_up(&mut self, manifests: &Manifests, claims: impl Iterator<Item = Claim>) {
        let cluster = &mut self.cluster;
        for owner in manifests.pod_group_owners() {
            cluster.upsert_owner(owner);
        }
        for entry in &manifests.namespaces {
            cluster.upsert_namespace(&entry.value);
        }
        for entry in &manifests.budgets {
            cluster.upsert_budget(entry.value.clone());
        }
        store(cluster, manifests, claims);
        for entry in &manifests.nodes {
            let node = &entry.value;
            for (key, found, allowed) in unreadable(&node.annotations) {
                let message =
                    format!("annotation {key}: found {found:?}, expected {allowed}; it counts as absent");
                self.warnings.add(message, &entry.place, &format!("Node {}", node.name));
            }
            cluster.upsert_node(node.clone());
        }
        for metrics in manifests.node_metrics.iter().map(|entry| &entry.value) {
            if let Some(row) = cluster.nodes().find(&metrics.node) {
                cluster.set_measured(row, Some(MeasuredUsage::new(&metrics.usage, metrics.timestamp)));
            }
        }
    }

    /// Namespaces that pods are in exist, also where the input does not say so.
    fn name_namespaces(&mut self, manifests: &Manifests, pods: &[Pod]) {
        let known: BTreeSet<&Str> = manifests.namespaces.iter().map(|entry| &entry.value.name).collect();
        let mut named = BTreeSet::new();
        for name in pods.iter().map(|pod| &pod.spec.namespace) {
            if !known.contains(name) && named.insert(name) {
                let labels = Labels::from_iter([(NAME_LABEL, &**name)]);
                self.cluster.upsert_namespace(&Namespace { name: name.clone(), labels });
            }
        }
    }

    fn add(&mut self, pod: Pod) {
        let waits = pod.node.is_none();
        let row = self.cluster.add_pod(pod);
        if waits {
            self.waiting.push(row);
        }
    }
}

fn store(cluster: &mut Cluster, manifests: &Manifests, claims: impl Iterator<Item = Claim>) {
    let storage = cluster.storage_mut();
    for claim in claims {
        storage.claims.insert((claim.namespace.clone(), claim.name.clone()), claim);
    }
    for entry in &manifests.volumes {
        storage.volumes.insert(entry.value.name.clone(), entry.value.clone());
    }
    for entry in &manifests.storage_classes {
        storage.classes.insert(entry.value.name.clone(), entry.value.clone());
    }
    for entry in &manifests.csi_nodes {
        storage.csi_nodes.insert(entry.value.node.clone(), entry.value.clone());
    }
    for entry in &manifests.csi_drivers {
        storage.csi_drivers.insert(entry.value.name.clone(), entry.value.clone());
    }
    for entry in &manifests.storage_capacities {
        let capacity = entry.value.clone();
        storage.capacities.insert((capacity.namespace.clone(), capacity.name.clone()), capacity);
    }
    for entry in &manifests.attachments {
        storage.attachments.insert(entry.value.name.clone(), entry.value.clone());
    }
}
