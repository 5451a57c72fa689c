//! Where the API server keeps each kind of object that is watched.

use berth_wire::Kind;

/// What is watched of a cluster: the same as upstream's scheduler and its volume binder watch, in the order in which they
/// are asked for: what pods refer to comes before them. Priority classes are not among them, since the API server writes
/// the priority into every pod.
pub(crate) const WATCHED: [Resource; 15] = [
    Resource::new("v1", "Namespace", "namespaces"),
    Resource::new("v1", "Node", "nodes"),
    Resource::new("storage.k8s.io/v1", "StorageClass", "storageclasses"),
    Resource::new("storage.k8s.io/v1", "CSINode", "csinodes"),
    Resource::new("storage.k8s.io/v1", "CSIDriver", "csidrivers"),
    Resource::new("storage.k8s.io/v1", "CSIStorageCapacity", "csistoragecapacities"),
    Resource::new("storage.k8s.io/v1", "VolumeAttachment", "volumeattachments"),
    Resource::new("v1", "PersistentVolume", "persistentvolumes"),
    Resource::new("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    Resource::new("v1", "Service", "services"),
    Resource::new("v1", "ReplicationController", "replicationcontrollers"),
    Resource::new("apps/v1", "ReplicaSet", "replicasets"),
    Resource::new("apps/v1", "StatefulSet", "statefulsets"),
    Resource::new("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Resource {
        selector: "status.phase!=Succeeded,status.phase!=Failed",
        ..Resource::new("v1", "Pod", "pods")
    },
];

/// What the API server writes into pods as their priority.
pub(crate) const PRIORITY_CLASSES: Resource =
    Resource::new("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses");

/// What nodes were measured to use, where somebody measures.
pub(crate) const NODE_METRICS: Resource = Resource::new("metrics.k8s.io/v1beta1", "NodeMetrics", "nodes");

/// A collection of objects of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Group and version.
    pub(crate) api_version: &'static str,
    /// What its objects are.
    pub(crate) kind: &'static str,
    /// Its name in addresses.
    pub(crate) plural: &'static str,
    /// Which of its objects are wanted; empty means all.
    pub(crate) selector: &'static str,
}

impl Resource {
    const fn new(api_version: &'static str, kind: &'static str, plural: &'static str) -> Self {
        Self { api_version, kind, plural, selector: "" }
    }

    /// The kind as the decoder knows it.
    pub(crate) fn kind(self) -> Option<Kind> {
        Kind::of(self.api_version, self.kind)
    }

    /// The path of the collection over all namespaces, with a query.
    pub(crate) fn path(self, query: &str) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        let selector = self.selector.replace("!=", "%21%3D").replace(',', "%2C");
        let mut path = format!("/{root}/{}/{}?{query}", self.api_version, self.plural);
        if !selector.is_empty() {
            path.push_str("&fieldSelector=");
            path.push_str(&selector);
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use berth_flow::Flow;

    use super::*;

    #[test]
    fn the_decoder_knows_every_kind_that_is_watched() {
        for resource in WATCHED.into_iter().chain([NODE_METRICS, PRIORITY_CLASSES]) {
            assert_eq!(resource.kind().map(Kind::name), Some(resource.kind));
        }
        for kind in Flow::KINDS {
            assert!(
                WATCHED.iter().any(|r| r.kind() == Some(kind)),
                "{} is waited for, but not watched",
                kind.name()
            );
        }
    }

    #[test]
    fn a_path_names_group_version_and_selector() {
        let paths: Vec<String> =
            [WATCHED[1], WATCHED[2], WATCHED[14]].iter().map(|r| r.path("watch=1")).collect();
        assert_eq!(
            paths,
            [
                "/api/v1/nodes?watch=1",
                "/apis/storage.k8s.io/v1/storageclasses?watch=1",
                "/api/v1/pods?watch=1&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed",
            ]
        );
    }
}
