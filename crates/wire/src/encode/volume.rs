//! Volumes of pods, and disks of in-tree plugins.

use berth_model::volume::{Claim, Disk, PodVolume, PodVolumeSource};

use super::storage::claim_template;
use super::writer::Fields;

/// The volumes of a pod; the claims of ephemeral ones are in the order of the volumes and named after them. One
/// `emptyDir` stands for all that the pod has.
pub(super) fn volumes(spec: &mut Fields<'_>, volumes: &[PodVolume], claims: &[Claim], has_empty_dir: bool) {
    let mut claims = claims.iter().peekable();
    let mut volumes = volumes.to_vec();
    if has_empty_dir {
        let mut name = "empty-dir".to_owned();
        while volumes.iter().any(|volume| *volume.name == *name) {
            name.push_str("-1");
        }
        volumes.push(PodVolume { name: name.into(), source: PodVolumeSource::Local });
    }
    spec.objects("volumes", &volumes, |fields, volume| {
        fields.text("name", &volume.name);
        match &volume.source {
            PodVolumeSource::Claim { name, read_only } => fields.object("persistentVolumeClaim", |claim| {
                claim.text("claimName", name);
                claim.truth("readOnly", *read_only);
            }),
            PodVolumeSource::Ephemeral => fields.object("ephemeral", |ephemeral| {
                if let Some(claim) = claims.next_if(|claim| claim.name == volume.name) {
                    ephemeral.object("volumeClaimTemplate", |template| claim_template(template, claim, ""));
                }
            }),
            PodVolumeSource::InlineCsi { driver } => {
                fields.object("csi", |csi| csi.text("driver", driver));
            }
            PodVolumeSource::Disk(source) => disk(fields, source),
            PodVolumeSource::Image { reference } => {
                fields.object("image", |image| image.non_empty("reference", reference));
            }
            PodVolumeSource::Local => fields.object("emptyDir", |_| {}),
        }
    });
}

/// The field of a volume that names a disk.
pub(super) fn disk(fields: &mut Fields<'_>, disk: &Disk) {
    match disk {
        Disk::GcePersistentDisk { name, read_only } => fields.object("gcePersistentDisk", |disk| {
            disk.text("pdName", name);
            disk.truth("readOnly", *read_only);
        }),
        Disk::AwsElasticBlockStore { id } => {
            fields.object("awsElasticBlockStore", |disk| disk.text("volumeID", id));
        }
        Disk::AzureDisk { name, uri, kind } => fields.object("azureDisk", |disk| {
            disk.text("diskName", name);
            disk.non_empty("diskURI", uri);
            disk.text("kind", kind);
        }),
        Disk::Cinder { id } => fields.object("cinder", |disk| disk.text("volumeID", id)),
        Disk::Iscsi { iqn, read_only } => fields.object("iscsi", |disk| {
            disk.text("iqn", iqn);
            disk.truth("readOnly", *read_only);
        }),
        Disk::Rbd { monitors, pool, image, read_only } => fields.object("rbd", |disk| {
            disk.texts("monitors", monitors);
            disk.text("pool", pool);
            disk.text("image", image);
            disk.truth("readOnly", *read_only);
        }),
        Disk::Vsphere { path } => fields.object("vsphereVolume", |disk| disk.text("volumePath", path)),
        Disk::Portworx { id } => fields.object("portworxVolume", |disk| disk.text("volumeID", id)),
    }
}
