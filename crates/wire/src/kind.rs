//! The kinds of objects that are read.

use crate::workload::WorkloadKind;

/// A kind of object that concerns scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1.Pod`.
    Pod,
    /// `v1.Node`.
    Node,
    /// `v1.Namespace`.
    Namespace,
    /// `v1.PersistentVolume`.
    Volume,
    /// `v1.PersistentVolumeClaim`.
    Claim,
    /// `storage.k8s.io/v1.StorageClass`.
    StorageClass,
    /// `storage.k8s.io/v1.CSINode`.
    CsiNode,
    /// `storage.k8s.io/v1.CSIDriver`.
    CsiDriver,
    /// `storage.k8s.io/v1.CSIStorageCapacity`.
    StorageCapacity,
    /// `storage.k8s.io/v1.VolumeAttachment`.
    Attachment,
    /// `v1.Service`.
    Service,
    /// A controller that makes pods from a template.
    Workload(WorkloadKind),
    /// `policy/v1.PodDisruptionBudget`.
    Budget,
    /// `scheduling.k8s.io/v1.PriorityClass`.
    PriorityClass,
    /// `node.k8s.io/v1.RuntimeClass`.
    RuntimeClass,
    /// `v1.LimitRange`.
    LimitRange,
    /// `metrics.k8s.io/v1beta1.NodeMetrics`.
    NodeMetrics,
}

/// API group, name, kind.
const KINDS: &[(&str, &str, Kind)] = &[
    ("", "Pod", Kind::Pod),
    ("", "Node", Kind::Node),
    ("", "Namespace", Kind::Namespace),
    ("", "PersistentVolume", Kind::Volume),
    ("", "PersistentVolumeClaim", Kind::Claim),
    ("", "Service", Kind::Service),
    ("", "ReplicationController", Kind::Workload(WorkloadKind::ReplicationController)),
    ("", "LimitRange", Kind::LimitRange),
    ("apps", "Deployment", Kind::Workload(WorkloadKind::Deployment)),
    ("apps", "ReplicaSet", Kind::Workload(WorkloadKind::ReplicaSet)),
    ("apps", "StatefulSet", Kind::Workload(WorkloadKind::StatefulSet)),
    ("apps", "DaemonSet", Kind::Workload(WorkloadKind::DaemonSet)),
    ("batch", "Job", Kind::Workload(WorkloadKind::Job)),
    ("batch", "CronJob", Kind::Workload(WorkloadKind::CronJob)),
    ("policy", "PodDisruptionBudget", Kind::Budget),
    ("storage.k8s.io", "StorageClass", Kind::StorageClass),
    ("storage.k8s.io", "CSINode", Kind::CsiNode),
    ("storage.k8s.io", "CSIDriver", Kind::CsiDriver),
    ("storage.k8s.io", "CSIStorageCapacity", Kind::StorageCapacity),
    ("storage.k8s.io", "VolumeAttachment", Kind::Attachment),
    ("scheduling.k8s.io", "PriorityClass", Kind::PriorityClass),
    ("node.k8s.io", "RuntimeClass", Kind::RuntimeClass),
    ("metrics.k8s.io", "NodeMetrics", Kind::NodeMetrics),
];

impl Kind {
    /// The kind of an object, by its `apiVersion` and `kind`; `None` where it does not concern scheduling. Versions of one
    /// group are close enough to be read alike.
    pub fn of(api_version: &str, name: &str) -> Option<Self> {
        let group = group(api_version);
        KINDS.iter().find(|(g, n, _)| *n == name && *g == group).map(|(_, _, kind)| *kind)
    }

    /// The group that has a kind of this name, where an object names another group of Kubernetes itself.
    pub(crate) fn misplaced(api_version: &str, name: &str) -> Option<&'static str> {
        let group = group(api_version);
        let ours = KINDS.iter().any(|(g, _, _)| *g == group);
        KINDS.iter().find(|(_, n, _)| ours && *n == name).map(|(g, _, _)| *g)
    }

    /// The kind's name in the API.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, _, kind)| *kind == self).map_or("", |(_, name, _)| name)
    }

    /// Whether its objects live in namespaces.
    pub fn is_namespaced(self) -> bool {
        matches!(
            self,
            Self::Pod
                | Self::Claim
                | Self::StorageCapacity
                | Self::Service
                | Self::Workload(_)
                | Self::Budget
                | Self::LimitRange
        )
    }

    /// Whether something is read from its annotations.
    pub(crate) fn has_annotations(self) -> bool {
        matches!(
            self,
            Self::Node
                | Self::Volume
                | Self::Claim
                | Self::StorageClass
                | Self::CsiNode
                | Self::Workload(WorkloadKind::ReplicaSet)
        )
    }
}

fn group(api_version: &str) -> &str {
    match api_version.split_once('/') {
        Some((group, _)) => group,
        None if api_version == "v1" => "",
        None => api_version, // no group is named like a version, so that nothing is found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_group_and_name() {
        let cases = [
            ("v1", "Pod", Some(Kind::Pod)),
            ("apps/v1", "Deployment", Some(Kind::Workload(WorkloadKind::Deployment))),
            ("storage.k8s.io/v1beta1", "CSIStorageCapacity", Some(Kind::StorageCapacity)),
            ("v1", "Deployment", None),
            ("v2", "Pod", None),
            ("serving.knative.dev/v1", "Service", None),
            ("v1", "ConfigMap", None),
        ];
        for (api_version, name, expected) in cases {
            assert_eq!(Kind::of(api_version, name), expected, "{api_version} {name}");
        }
        assert_eq!(Kind::misplaced("v1", "Deployment"), Some("apps"));
        assert_eq!(Kind::misplaced("serving.knative.dev/v1", "Service"), None);
    }
}
