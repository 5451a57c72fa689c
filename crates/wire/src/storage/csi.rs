//! What CSI drivers publish: where they run, what they are able to, how much they have left.

use berth_model::Str;
use berth_model::volume::{CsiDriver, CsiNode, CsiNodeDriver, StorageCapacity};

use crate::context::{Context, Step};
use crate::decode::{Amount, IntoModel, List, Obj, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::selector::LabelSelectorWire;

/// Names in-tree plugins whose volumes a node attaches through CSI, separated by commas.
const MIGRATED: &str = "storage.alpha.kubernetes.io/migrated-plugins";

wire_object! {
    /// `v1.VolumeNodeResources`.
    pub(crate) struct NodeResourcesWire {
        count: Option<i32> = "count",
    }
    skipped {}
}

wire_object! {
    /// `v1.CSINodeDriver`.
    pub(crate) struct NodeDriverWire {
        name: Str = "name",
        topology_keys: Vec<Str> = "topologyKeys",
        allocatable: NodeResourcesWire = "allocatable",
    }
    skipped { "nodeID" }
}

impl IntoModel for NodeDriverWire {
    type Out = CsiNodeDriver;

    fn into_model(self, cx: &mut Context) -> CsiNodeDriver {
        if self.name.is_empty() {
            cx.problem_at("name", "missing; expected the name of a CSI driver");
        }
        if let Some(count) = self.allocatable.count.filter(|count| *count < 0) {
            cx.within(Step::Field("allocatable"), |cx| {
                cx.problem_at("count", format!("found {count}, expected an integer that is not negative"));
            });
        }
        CsiNodeDriver {
            name: self.name,
            limit: self.allocatable.count.map(i64::from),
            topology_keys: self.topology_keys,
        }
    }
}

wire_object! {
    /// `v1.CSINodeSpec`.
    pub(crate) struct CsiNodeSpecWire {
        drivers: List<NodeDriverWire> = "drivers",
    }
    skipped {}
}

wire_object! {
    /// `storage.k8s.io/v1.CSINode`.
    pub(crate) struct CsiNodeWire {
        meta: MetaField = "metadata",
        spec: CsiNodeSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

wire_format!(CsiNode, CsiNodeWire, encode::csi_node, has_annotations: true);

impl IntoModel for CsiNodeWire {
    type Out = CsiNode;

    fn into_model(self, cx: &mut Context) -> CsiNode {
        let meta = self.meta.named(cx);
        let migrated = meta.annotations.get(MIGRATED).cloned().unwrap_or_default();
        CsiNode {
            node: meta.name,
            drivers: self.spec.drivers.0,
            migrated_plugins: migrated
                .split(',')
                .map(str::trim)
                .filter(|plugin| !plugin.is_empty())
                .map(|plugin| cx.intern(plugin))
                .collect(),
        }
    }
}

wire_object! {
    /// `v1.CSIDriverSpec`.
    pub(crate) struct CsiDriverSpecWire {
        storage_capacity: bool = "storageCapacity",
        required_on_node: bool = "preventPodSchedulingIfMissing",
    }
    skipped {
        "attachRequired" "podInfoOnMount" "volumeLifecycleModes" "fsGroupPolicy" "tokenRequests" "requiresRepublish"
        "seLinuxMount" "nodeAllocatableUpdatePeriodSeconds" "serviceAccountTokenInSecrets"
    }
}

wire_object! {
    /// `storage.k8s.io/v1.CSIDriver`.
    pub(crate) struct CsiDriverWire {
        meta: MetaField = "metadata",
        spec: CsiDriverSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(CsiDriver, CsiDriverWire, encode::csi_driver);

impl IntoModel for CsiDriverWire {
    type Out = CsiDriver;

    fn into_model(self, cx: &mut Context) -> CsiDriver {
        CsiDriver {
            name: self.meta.named(cx).name,
            storage_capacity: self.spec.storage_capacity,
            required_on_node: self.spec.required_on_node,
        }
    }
}

wire_object! {
    /// `storage.k8s.io/v1.CSIStorageCapacity`.
    pub(crate) struct StorageCapacityWire {
        meta: MetaField = "metadata",
        topology: Obj<LabelSelectorWire> = "nodeTopology",
        class: Str = "storageClassName",
        capacity: Option<Amount> = "capacity",
        maximum: Option<Amount> = "maximumVolumeSize",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(StorageCapacity, StorageCapacityWire, encode::storage_capacity);

impl IntoModel for StorageCapacityWire {
    type Out = StorageCapacity;

    fn into_model(self, cx: &mut Context) -> StorageCapacity {
        let meta = self.meta.named(cx);
        if self.class.is_empty() {
            cx.problem_at("storageClassName", "missing; expected the name of a StorageClass");
        }
        for (field, amount) in [("capacity", self.capacity), ("maximumVolumeSize", self.maximum)] {
            if amount.is_some_and(|amount| amount.0.is_negative()) {
                cx.problem_at(field, "is negative; expected a quantity that is not");
            }
        }
        StorageCapacity {
            namespace: meta.namespace,
            name: meta.name,
            storage_class: self.class,
            topology: self.topology.0,
            capacity: self.capacity.map(|amount| amount.0),
            maximum_volume_size: self.maximum.map(|amount| amount.0),
        }
    }
}
