//! Persistent volumes.
//!
//! Upstream: core `validation.go` (`ValidatePersistentVolumeSpec`).

use berth_model::Str;
use berth_model::node::ResourceList;
use berth_model::volume::{ClaimRef, Volume, VolumeSource};

use crate::context::{Context, Step};
use crate::decode::{IntoModel, Obj, wire_object};
use crate::encode;
use crate::meta::{Meta, MetaField};
use crate::object::wire_format;
use crate::selector::NodeSelectorWire;
use crate::storage::disk::{
    AwsWire, AzureWire, CinderWire, GceWire, IscsiWire, PortworxWire, RbdWire, VsphereWire,
};
use crate::storage::{access_modes, class_of, is_block};

wire_object! {
    /// `v1.ObjectReference`.
    pub(crate) struct ReferenceWire {
        namespace: Str = "namespace",
        name: Str = "name",
        uid: Str = "uid",
    }
    skipped { "kind" "apiVersion" "resourceVersion" "fieldPath" }
}

impl IntoModel for ReferenceWire {
    type Out = ClaimRef;

    fn into_model(self, _: &mut Context) -> ClaimRef {
        ClaimRef { namespace: self.namespace, name: self.name, uid: self.uid }
    }
}

wire_object! {
    /// `v1.VolumeNodeAffinity`.
    pub(crate) struct VolumeAffinityWire {
        required: Obj<NodeSelectorWire> = "required",
    }
    skipped {}
}

wire_object! {
    /// `v1.CSIPersistentVolumeSource`.
    pub(crate) struct CsiSourceWire {
        driver: Str = "driver",
        handle: Str = "volumeHandle",
    }
    skipped {
        "readOnly" "fsType" "volumeAttributes" "controllerPublishSecretRef" "nodeStageSecretRef" "nodePublishSecretRef"
        "controllerExpandSecretRef" "nodeExpandSecretRef"
    }
}

impl IntoModel for CsiSourceWire {
    type Out = (Str, Str);

    fn into_model(self, cx: &mut Context) -> (Str, Str) {
        for (field, value) in [("driver", &self.driver), ("volumeHandle", &self.handle)] {
            if value.is_empty() {
                cx.problem_at(field, "missing; a CSI volume needs a driver and a volumeHandle");
            }
        }
        (self.driver, self.handle)
    }
}

wire_object! {
    /// `v1.PersistentVolumeSpec`.
    pub(crate) struct VolumeSpecWire {
        capacity: ResourceList = "capacity",
        access_modes: Vec<Str> = "accessModes",
        claim: Obj<ReferenceWire> = "claimRef",
        class: Option<Str> = "storageClassName",
        mode: Str = "volumeMode",
        affinity: VolumeAffinityWire = "nodeAffinity",
        attributes_class: Option<Str> = "volumeAttributesClassName",
        csi: Obj<CsiSourceWire> = "csi",
        gce: Obj<GceWire> = "gcePersistentDisk",
        aws: Obj<AwsWire> = "awsElasticBlockStore",
        azure: Obj<AzureWire> = "azureDisk",
        cinder: Obj<CinderWire> = "cinder",
        iscsi: Obj<IscsiWire> = "iscsi",
        rbd: Obj<RbdWire> = "rbd",
        vsphere: Obj<VsphereWire> = "vsphereVolume",
        portworx: Obj<PortworxWire> = "portworxVolume",
    }
    skipped {
        "persistentVolumeReclaimPolicy" "mountOptions" "hostPath" "glusterfs" "nfs" "cephfs" "fc" "flocker" "flexVolume"
        "azureFile" "quobyte" "photonPersistentDisk" "scaleIO" "local" "storageos"
    }
}

impl VolumeSpecWire {
    fn take_source(&mut self) -> VolumeSource {
        if let Some((driver, handle)) = self.csi.0.take() {
            return VolumeSource::Csi { driver, handle };
        }
        let disks = [
            self.gce.0.take(),
            self.aws.0.take(),
            self.azure.0.take(),
            self.cinder.0.take(),
            self.iscsi.0.take(),
            self.rbd.0.take(),
            self.vsphere.0.take(),
            self.portworx.0.take(),
        ];
        disks.into_iter().flatten().next().map_or(VolumeSource::Other, VolumeSource::Disk)
    }
}

wire_object! {
    /// `v1.PersistentVolumeStatus`.
    pub(crate) struct VolumeStatusWire {
        phase: Str = "phase",
    }
    skipped { "message" "reason" "lastPhaseTransitionTime" }
}

wire_object! {
    /// `v1.PersistentVolume`.
    pub(crate) struct VolumeWire {
        meta: MetaField = "metadata",
        spec: VolumeSpecWire = "spec",
        status: VolumeStatusWire = "status",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(Volume, VolumeWire, encode::volume, has_annotations: true);

impl IntoModel for VolumeWire {
    type Out = Volume;

    fn into_model(self, cx: &mut Context) -> Volume {
        let Self { meta, spec, status } = self;
        let meta = meta.named(cx);
        cx.within(Step::Field("spec"), |cx| volume(cx, meta, spec, &status.phase))
    }
}

fn volume(cx: &mut Context, meta: Meta, mut spec: VolumeSpecWire, phase: &str) -> Volume {
    let capacity = spec.capacity.iter().find(|(name, _)| &**name == "storage").map(|(_, amount)| *amount);
    if capacity.is_none() {
        cx.problem_at("capacity", "storage is missing; expected a quantity such as 10Gi");
    }
    Volume {
        storage_class: class_of(&meta.annotations, spec.class.take()).unwrap_or_default(),
        capacity: capacity.unwrap_or_default(),
        access_modes: access_modes(cx, &spec.access_modes),
        block: is_block(cx, &spec.mode),
        attributes_class: spec.attributes_class.take(),
        source: spec.take_source(),
        claim: spec.claim.0,
        node_affinity: spec.affinity.required.0,
        // A manifest has no status; the volume controller makes a new volume available at once.
        available: matches!(phase, "Available" | ""),
        terminating: meta.terminating,
        name: meta.name,
        labels: meta.labels,
        annotations: meta.annotations,
    }
}
