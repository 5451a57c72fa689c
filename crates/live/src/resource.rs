//! The collections of the API server that are watched or listed.

use berth_wire::Kind;

/// The collections that are watched: those of upstream's scheduler and its volume binder. Objects that pods refer to come
/// before pods. Priority classes are not needed, since the API server writes the priority into every pod.
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

/// Priority classes, for snapshots: the API server writes their values into pods.
pub(crate) const PRIORITY_CLASSES: Resource =
    Resource::new("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses");

/// The measured usage of nodes, if a metrics server runs.
pub(crate) const NODE_METRICS: Resource = Resource::new("metrics.k8s.io/v1beta1", "NodeMetrics", "nodes");

/// A collection of objects of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Group and version.
    pub(crate) api_version: &'static str,
    /// The kind of its objects.
    pub(crate) kind: &'static str,
    /// Its name in paths.
    pub(crate) plural: &'static str,
    /// The field selector; empty for all objects.
    pub(crate) selector: &'static str,
}

impl Resource {
    const fn new(api_version: &'static str, kind: &'static str, plural: &'static str) -> Self {
        Self { api_version, kind, plural, selector: "" }
    }

    /// The kind for the decoder.
    pub(crate) fn kind(self) -> Option<Kind> {
        Kind::of(self.api_version, self.kind)
    }

    /// The path of the collection over all namespaces, with a query.
    pub(crate) fn path(self, query: &[(&str, String)]) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(query);
        if !self.selector.is_empty() {
            encoded.append_pair("fieldSelector", self.selector);
        }
        format!("/{root}/{}/{}?{}", self.api_version, self.plural, encoded.finish())
    }
}

/// A name as a segment of a path.
pub(crate) fn segment(name: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(name, SEGMENT)
}

/// All characters but those that RFC 3986 calls unreserved.
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[cfg(test)]
mod tests {
    use berth_flow::Flow;

    use super::*;

    #[test]
    fn every_kind_that_is_watched_can_be_decoded() {
        for resource in WATCHED.into_iter().chain([NODE_METRICS, PRIORITY_CLASSES]) {
            assert_eq!(resource.kind().map(Kind::name), Some(resource.kind));
        }
        for kind in Flow::KINDS {
            assert!(
                WATCHED.iter().any(|r| r.kind() == Some(kind)),
                "{} is needed, but not watched",
                kind.name()
            );
        }
    }

    #[test]
    fn a_path_names_group_version_and_selector() {
        let paths: Vec<String> = [WATCHED[1], WATCHED[2], WATCHED[14]]
            .iter()
            .map(|r| r.path(&[("watch", "1".to_owned())]))
            .collect();
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
