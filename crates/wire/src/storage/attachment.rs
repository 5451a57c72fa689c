//! Volumes that are attached to a node, or on their way.

use berth_model::Str;
use berth_model::volume::Attachment;

use crate::context::Context;
use crate::decode::{IntoModel, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::pod::non_empty;

wire_object! {
    /// The part of an inline volume that names it.
    pub(crate) struct InlineCsiWire {
        driver: Str = "driver",
        handle: Str = "volumeHandle",
    }
    skipped {
        "readOnly" "fsType" "volumeAttributes" "controllerPublishSecretRef" "nodeStageSecretRef" "nodePublishSecretRef"
        "controllerExpandSecretRef" "nodeExpandSecretRef"
    }
}

wire_object! {
    /// `v1.PersistentVolumeSpec` of an inline volume; only CSI volumes are attached this way.
    pub(crate) struct InlineWire {
        csi: Option<InlineCsiWire> = "csi",
    }
    skipped {
        "capacity" "accessModes" "claimRef" "persistentVolumeReclaimPolicy" "storageClassName" "mountOptions"
        "volumeMode" "nodeAffinity" "volumeAttributesClassName" "gcePersistentDisk" "awsElasticBlockStore" "hostPath"
        "glusterfs" "nfs" "rbd" "iscsi" "cinder" "cephfs" "fc" "flocker" "flexVolume" "azureFile" "vsphereVolume"
        "quobyte" "azureDisk" "photonPersistentDisk" "portworxVolume" "scaleIO" "local" "storageos"
    }
}

wire_object! {
    /// `v1.VolumeAttachmentSource`.
    pub(crate) struct AttachmentSourceWire {
        volume: Str = "persistentVolumeName",
        inline: InlineWire = "inlineVolumeSpec",
    }
    skipped {}
}

wire_object! {
    /// `v1.VolumeAttachmentSpec`.
    pub(crate) struct AttachmentSpecWire {
        attacher: Str = "attacher",
        node: Str = "nodeName",
        source: AttachmentSourceWire = "source",
    }
    skipped {}
}

wire_object! {
    /// `storage.k8s.io/v1.VolumeAttachment`.
    pub(crate) struct AttachmentWire {
        meta: MetaField = "metadata",
        spec: AttachmentSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

wire_format!(Attachment, AttachmentWire, encode::attachment);

impl IntoModel for AttachmentWire {
    type Out = Attachment;

    fn into_model(self, cx: &mut Context) -> Attachment {
        let meta = self.meta.named(cx);
        let AttachmentSpecWire { attacher, node, source } = self.spec;
        cx.within(crate::context::Step::Field("spec"), |cx| {
            for (field, value) in [("attacher", &attacher), ("nodeName", &node)] {
                if value.is_empty() {
                    cx.problem_at(field, "missing; an attachment names a driver and a node");
                }
            }
        });
        Attachment {
            name: meta.name,
            node,
            driver: attacher,
            volume: non_empty(source.volume),
            inline: source.inline.csi.map(|csi| (csi.driver, csi.handle)),
        }
    }
}
