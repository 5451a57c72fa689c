//! From manifests to a cluster: nodes and all that decides first, then pods that run, then pods that wait.

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_wire::Manifests;

/// A cluster and the pods that wait for a place in it, in input order.
#[derive(Debug, Default)]
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// Pods without a node.
    pub waiting: Vec<PodRow>,
}

impl World {
    /// Takes everything that decides from the manifests. Nothing is expanded or admitted here.
    pub fn new(manifests: &Manifests) -> Self {
        let mut world = Self::default();
        let cluster = &mut world.cluster;
        for owner in manifests.pod_group_owners() {
            cluster.upsert_owner(owner);
        }
        for entry in &manifests.namespaces {
            cluster.upsert_namespace(&entry.value);
        }
        for entry in &manifests.budgets {
            cluster.upsert_budget(entry.value.clone());
        }
        store(cluster, manifests);
        for entry in &manifests.nodes {
            cluster.upsert_node(entry.value.clone());
        }
        for entry in &manifests.pods {
            let pod = entry.value.pod.clone();
            let waits = pod.node.is_none();
            let row = cluster.add_pod(pod);
            if waits {
                world.waiting.push(row);
            }
        }
        world
    }
}

fn store(cluster: &mut Cluster, manifests: &Manifests) {
    let storage = cluster.storage_mut();
    for entry in &manifests.claims {
        let claim = entry.value.clone();
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
