//! Volumes of pods. Only those that tie a pod to nodes are told apart.

use berth_model::Str;
use berth_model::volume::{Claim, PodVolume, PodVolumeSource};

use crate::context::Context;
use crate::decode::{AnyMap, IntoModel, Obj, wire_object};
use crate::storage::ClaimTemplateWire;
use crate::storage::disk::{
    AwsWire, AzureWire, CinderWire, GceWire, IscsiWire, PortworxWire, RbdWire, VsphereWire,
};
use crate::syntax::check_dns_label;

wire_object! {
    /// `v1.PersistentVolumeClaimVolumeSource`.
    pub(crate) struct ClaimSourceWire {
        name: Str = "claimName",
        read_only: bool = "readOnly",
    }
    skipped {}
}

impl IntoModel for ClaimSourceWire {
    type Out = PodVolumeSource;

    fn into_model(self, cx: &mut Context) -> PodVolumeSource {
        if self.name.is_empty() {
            cx.problem_at("claimName", "missing; expected the name of a PersistentVolumeClaim");
        }
        PodVolumeSource::Claim { name: self.name, read_only: self.read_only }
    }
}

wire_object! {
    /// `v1.CSIVolumeSource`.
    pub(crate) struct InlineCsiWire {
        driver: Str = "driver",
    }
    skipped { "readOnly" "fsType" "volumeAttributes" "nodePublishSecretRef" }
}

impl IntoModel for InlineCsiWire {
    type Out = PodVolumeSource;

    fn into_model(self, cx: &mut Context) -> PodVolumeSource {
        if self.driver.is_empty() {
            cx.problem_at("driver", "missing; expected the name of a CSI driver");
        }
        PodVolumeSource::InlineCsi { driver: self.driver }
    }
}

wire_object! {
    /// `v1.ImageVolumeSource`.
    pub(crate) struct ImageWire {
        reference: Str = "reference",
    }
    skipped { "pullPolicy" }
}

impl IntoModel for ImageWire {
    type Out = PodVolumeSource;

    fn into_model(self, _: &mut Context) -> PodVolumeSource {
        PodVolumeSource::Image { reference: self.reference }
    }
}

wire_object! {
    /// `v1.EphemeralVolumeSource`.
    pub(crate) struct EphemeralWire {
        template: Obj<ClaimTemplateWire> = "volumeClaimTemplate",
    }
    skipped {}
}

wire_object! {
    /// `v1.Volume`.
    pub(crate) struct VolumeWire {
        name: Str = "name",
        claim: Obj<ClaimSourceWire> = "persistentVolumeClaim",
        ephemeral: Option<EphemeralWire> = "ephemeral",
        csi: Obj<InlineCsiWire> = "csi",
        gce: Obj<GceWire> = "gcePersistentDisk",
        aws: Obj<AwsWire> = "awsElasticBlockStore",
        azure: Obj<AzureWire> = "azureDisk",
        cinder: Obj<CinderWire> = "cinder",
        iscsi: Obj<IscsiWire> = "iscsi",
        rbd: Obj<RbdWire> = "rbd",
        vsphere: Obj<VsphereWire> = "vsphereVolume",
        portworx: Obj<PortworxWire> = "portworxVolume",
        image: Obj<ImageWire> = "image",
        empty_dir: Option<AnyMap> = "emptyDir",
    }
    skipped {
        "hostPath" "gitRepo" "secret" "nfs" "glusterfs" "flexVolume" "cephfs" "flocker" "downwardAPI" "fc"
        "azureFile" "configMap" "quobyte" "photonPersistentDisk" "projected" "scaleIO" "storageos"
    }
}

/// A volume with the claim that an ephemeral one is made of.
#[derive(Clone, Debug)]
pub(crate) struct VolumeParts {
    pub(crate) volume: PodVolume,
    /// Named after the volume.
    pub(crate) claim: Option<Claim>,
    /// It is an `emptyDir`.
    pub(crate) is_empty_dir: bool,
}

impl IntoModel for VolumeWire {
    type Out = VolumeParts;

    fn into_model(self, cx: &mut Context) -> VolumeParts {
        check_dns_label(cx, "name", &self.name);
        let claim = self.ephemeral.as_ref().and_then(|ephemeral| ephemeral.template.0.clone());
        let disks = [
            self.gce.0,
            self.aws.0,
            self.azure.0,
            self.cinder.0,
            self.iscsi.0,
            self.rbd.0,
            self.vsphere.0,
            self.portworx.0,
        ];
        let disks = disks.into_iter().flatten().map(PodVolumeSource::Disk);
        let mut sources =
            [self.claim.0, self.ephemeral.map(|_| PodVolumeSource::Ephemeral), self.csi.0, self.image.0]
                .into_iter()
                .flatten()
                .chain(disks);
        let source = sources.next().unwrap_or(PodVolumeSource::Local);
        if sources.next().is_some() {
            cx.problem("has more than one source; expected exactly one");
        }
        let claim = claim.map(|claim| Claim { name: self.name.clone(), ..claim });
        let is_empty_dir = self.empty_dir.is_some();
        VolumeParts { volume: PodVolume { name: self.name, source }, claim, is_empty_dir }
    }
}
