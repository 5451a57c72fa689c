//! The objects that concern scheduling: one table of their kinds, and what is generated from it.
//!
//! A new kind of object is one entry in [`for_each_object_kind`](crate::for_each_object_kind) and a type. The crates
//! that read, write or apply objects generate their dispatch from the same table, so that the compiler names what is
//! missing.

use std::fmt;

use crate::Str;
use crate::workload::WorkloadKind;

/// The table of object kinds: calls the macro `$then` with one entry for each type of object.
///
/// An entry is the variant's name in [`Kind`](crate::object::Kind) and [`Object`](crate::object::Object), and a group
/// in
/// braces: the type in parentheses (`as boxed` if it is large, `by` an enum if the type has several kinds), the list in
/// [`Manifests`](crate::manifests::Manifests), where the namespace and the name are, and the API's kinds of the type:
/// API version, kind, resource, and [`Role`](crate::object::Role). A scheduler lists the kinds in this order: what pods
/// refer to comes before pods.
#[macro_export]
macro_rules! for_each_object_kind {
    ($then:ident) => {
        $then! {
            Namespace {
                ($crate::workload::Namespace) in namespaces, name at name,
                Namespace: "v1" "Namespace" "namespaces" Watched
            }
            Node {
                ($crate::node::Node) in nodes, name at name,
                Node: "v1" "Node" "nodes" Watched
            }
            StorageClass {
                ($crate::volume::StorageClass) in storage_classes, name at name,
                StorageClass: "storage.k8s.io/v1" "StorageClass" "storageclasses" Watched
            }
            Volume {
                ($crate::volume::Volume) in volumes, name at name,
                Volume: "v1" "PersistentVolume" "persistentvolumes" Watched
            }
            Claim {
                ($crate::volume::Claim) in claims, namespace at namespace, name at name,
                Claim: "v1" "PersistentVolumeClaim" "persistentvolumeclaims" Watched
            }
            CsiNode {
                ($crate::volume::CsiNode) in csi_nodes, name at node,
                CsiNode: "storage.k8s.io/v1" "CSINode" "csinodes" Watched
            }
            CsiDriver {
                ($crate::volume::CsiDriver) in csi_drivers, name at name,
                CsiDriver: "storage.k8s.io/v1" "CSIDriver" "csidrivers" Watched
            }
            StorageCapacity {
                ($crate::volume::StorageCapacity) in storage_capacities, namespace at namespace, name at name,
                StorageCapacity: "storage.k8s.io/v1" "CSIStorageCapacity" "csistoragecapacities" Watched
            }
            Attachment {
                ($crate::volume::Attachment) in attachments, name at name,
                Attachment: "storage.k8s.io/v1" "VolumeAttachment" "volumeattachments" Watched
            }
            Service {
                ($crate::workload::PodGroupOwner) in services, namespace at namespace, name at name,
                Service: "v1" "Service" "services" Watched
            }
            Workload {
                ($crate::workload::Workload) as boxed by WorkloadKind in workloads, namespace at namespace, name at name,
                Workload(ReplicationController):
                    "v1" "ReplicationController" "replicationcontrollers" Watched;
                Workload(ReplicaSet): "apps/v1" "ReplicaSet" "replicasets" Watched;
                Workload(StatefulSet): "apps/v1" "StatefulSet" "statefulsets" Watched;
                Workload(Deployment): "apps/v1" "Deployment" "deployments" Offline;
                Workload(DaemonSet): "apps/v1" "DaemonSet" "daemonsets" Offline;
                Workload(Job): "batch/v1" "Job" "jobs" Offline;
                Workload(CronJob): "batch/v1" "CronJob" "cronjobs" Offline
            }
            DeviceClass {
                ($crate::device::DeviceClass) in device_classes, name at name,
                DeviceClass: "resource.k8s.io/v1" "DeviceClass" "deviceclasses" Watched
            }
            ResourceSlice {
                ($crate::device::ResourceSlice) in resource_slices, name at name,
                ResourceSlice: "resource.k8s.io/v1" "ResourceSlice" "resourceslices" Watched
            }
            DeviceTaintRule {
                ($crate::device::DeviceTaintRule) in device_taint_rules, name at name,
                DeviceTaintRule: "resource.k8s.io/v1" "DeviceTaintRule" "devicetaintrules" Watched
            }
            ResourceClaim {
                ($crate::device::ResourceClaim) as boxed in resource_claims, namespace at namespace, name at name,
                ResourceClaim: "resource.k8s.io/v1" "ResourceClaim" "resourceclaims" Watched
            }
            ResourceClaimTemplate {
                ($crate::device::ResourceClaimTemplate) in resource_claim_templates,
                namespace at namespace, name at name,
                ResourceClaimTemplate:
                    "resource.k8s.io/v1" "ResourceClaimTemplate" "resourceclaimtemplates" Offline
            }
            Budget {
                ($crate::workload::DisruptionBudget) in budgets, namespace at namespace, name at name,
                Budget: "policy/v1" "PodDisruptionBudget" "poddisruptionbudgets" Watched
            }
            Pod {
                ($crate::pod_manifest::PodManifest) as boxed in pods, namespace at pod.spec.namespace, name at pod.name,
                Pod: "v1" "Pod" "pods" Watched
            }
            PriorityClass {
                ($crate::policy::PriorityClass) in priority_classes, name at name,
                PriorityClass: "scheduling.k8s.io/v1" "PriorityClass" "priorityclasses" Offline
            }
            RuntimeClass {
                ($crate::policy::RuntimeClass) in runtime_classes, name at name,
                RuntimeClass: "node.k8s.io/v1" "RuntimeClass" "runtimeclasses" Offline
            }
            LimitRange {
                ($crate::policy::LimitRange) in limit_ranges, namespace at namespace, name at name,
                LimitRange: "v1" "LimitRange" "limitranges" Offline
            }
            ResourceQuota {
                ($crate::policy::ResourceQuota) in resource_quotas, namespace at namespace, name at name,
                ResourceQuota: "v1" "ResourceQuota" "resourcequotas" Offline
            }
            Autoscaler {
                ($crate::policy::Autoscaler) in autoscalers, namespace at namespace, name at name,
                Autoscaler: "autoscaling/v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers" Offline
            }
            NodeMetrics {
                ($crate::load::NodeMetrics) in node_metrics, name at node,
                NodeMetrics: "metrics.k8s.io/v1beta1" "NodeMetrics" "nodes" Measured
            }
            PodMetrics {
                ($crate::load::PodMetrics) in pod_metrics, namespace at namespace, name at pod,
                PodMetrics: "metrics.k8s.io/v1beta1" "PodMetrics" "pods" Measured
            }
        }
    };
}

/// What the objects of a kind are needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A scheduler watches them, and lists all of them before its first decision.
    Watched,
    /// They make pods, or the API server consults them when it creates pods. Only simulations need them.
    Offline,
    /// Measurements: a scheduler uses them if the cluster has them.
    Measured,
}

/// What the API server knows of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKind {
    /// The kind.
    pub kind: Kind,
    /// `apiVersion`: group and version.
    pub api_version: &'static str,
    /// `kind`.
    pub name: &'static str,
    /// The resource: the plural name in API paths and for `kubectl get`.
    pub resource: &'static str,
    /// What the objects are needed for.
    pub role: Role,
}

impl ApiKind {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &'static str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// The type of an [`Object`]'s value.
macro_rules! payload {
    ($type:ty) => { $type };
    ($type:ty, boxed) => { Box<$type> };
}

/// The first of some expressions.
macro_rules! first {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}

macro_rules! define_objects {
    ($( $variant:ident {
        ($type:ty) $(as $boxed:ident)? $(by $kinds:ident)? in $list:ident,
        $(namespace at $($namespace:ident).+ ,)? name at $($name:ident).+ ,
        $( $kind:ident $(($member:ident))? : $api_version:literal $api_name:literal $resource:literal $role:ident );+
    } )*) => {
        /// A kind of object that concerns scheduling.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(
                $( #[doc = concat!("`", $api_version, ".", $api_name, "`.")] )+
                $variant $(($kinds))?,
            )*
        }

        /// An object that concerns scheduling.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Object {
            $(
                $( #[doc = concat!("`", $api_version, ".", $api_name, "`.")] )+
                $variant(payload!($type $(, $boxed)?)),
            )*
        }

        /// All kinds, in the order in which a scheduler lists them.
        const KINDS: &[ApiKind] = &[
            $( $( ApiKind {
                kind: Kind::$kind $((WorkloadKind::$member))?,
                api_version: $api_version,
                name: $api_name,
                resource: $resource,
                role: Role::$role,
            }, )+ )*
        ];

        impl Kind {
            /// Whether the objects are in namespaces.
            pub fn is_namespaced(self) -> bool {
                match self {
                    $( Self::$variant { .. } => !stringify!($($($namespace).+)?).is_empty(), )*
                }
            }
        }

        impl Object {
            /// What the object is.
            pub fn kind(&self) -> Kind {
                match self {
                    $( Self::$variant(_object) => Kind::$variant $(({ let kind: $kinds = _object.kind; kind }))?, )*
                }
            }

            /// What distinguishes the object from all others that exist at one time.
            pub fn key(&self) -> ObjectKey {
                let kind = self.kind();
                match self {
                    $( Self::$variant(object) => ObjectKey {
                        kind,
                        namespace: first!($(object.$($namespace).+.clone(),)? Str::default()),
                        name: object.$($name).+.clone(),
                    }, )*
                }
            }
        }
    };
}

for_each_object_kind!(define_objects);

impl Kind {
    /// All kinds with what the API server knows of them, in the order in which a scheduler lists them.
    pub const ALL: &'static [ApiKind] = KINDS;

    /// The kinds that a scheduler watches, in the order in which it lists them.
    pub const WATCHED: [Self; WATCHED] = watched();

    /// The kind of an object by its `apiVersion` and `kind`; `None` if it does not concern scheduling. Versions of one
    /// group are read alike.
    pub fn of(api_version: &str, name: &str) -> Option<Self> {
        let group = match api_version.split_once('/') {
            Some((group, _)) => group,
            None if api_version == "v1" => "",
            None => return None,
        };
        KINDS.iter().find(|known| known.name == name && known.group() == group).map(|known| known.kind)
    }

    /// What the API server knows of the kind.
    pub fn api(self) -> &'static ApiKind {
        // Every kind has an entry: the table generates both.
        KINDS.iter().find(|known| known.kind == self).unwrap_or(&KINDS[0])
    }

    /// The kind's name in the API.
    pub fn name(self) -> &'static str {
        self.api().name
    }
}

/// What to give to `kubectl get` for all objects that scheduling depends on, but for measurements.
pub fn kubectl_resources() -> String {
    let listed = KINDS.iter().filter(|known| known.role != Role::Measured);
    listed.map(|known| known.resource).collect::<Vec<_>>().join(",")
}

/// How many kinds a scheduler watches.
const WATCHED: usize = {
    let (mut count, mut at) = (0, 0);
    while at < KINDS.len() {
        count += matches!(KINDS[at].role, Role::Watched) as usize;
        at += 1;
    }
    count
};

const fn watched() -> [Kind; WATCHED] {
    let mut kinds = [Kind::Pod; WATCHED];
    let (mut count, mut at) = (0, 0);
    while at < KINDS.len() {
        if matches!(KINDS[at].role, Role::Watched) {
            kinds[count] = KINDS[at].kind;
            count += 1;
        }
        at += 1;
    }
    kinds
}

/// What distinguishes an object from all others that exist at one time. An object that is deleted and made again has
/// the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// What it is.
    pub kind: Kind,
    /// `metadata.namespace`; empty for kinds without namespace.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "(without name)" } else { &*self.name };
        match &*self.namespace {
            "" => write!(f, "{} {name}", self.kind.name()),
            namespace => write!(f, "{} {namespace}/{name}", self.kind.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Node;
    use crate::workload::Workload;

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
    }

    #[test]
    fn every_kind_is_in_the_table_once_and_pods_are_watched_last() {
        for api in Kind::ALL {
            assert_eq!(Kind::of(api.api_version, api.name), Some(api.kind), "{}", api.name);
            assert_eq!(api.kind.api(), api);
        }
        assert_eq!(Kind::WATCHED.last(), Some(&Kind::Pod));
        assert_eq!(Kind::WATCHED.first(), Some(&Kind::Namespace));
    }

    #[test]
    fn a_key_has_a_namespace_only_if_the_kind_has_one() {
        let node = Object::Node(Node { name: "n1".into(), ..Node::default() });
        assert_eq!(node.key().to_string(), "Node n1");
        let job =
            Workload { namespace: "shop".into(), name: "a".into(), ..Workload::empty(WorkloadKind::Job) };
        let object = Object::Workload(Box::new(job));
        assert_eq!(object.kind(), Kind::Workload(WorkloadKind::Job));
        assert_eq!(object.key().to_string(), "Job shop/a");
    }
}
