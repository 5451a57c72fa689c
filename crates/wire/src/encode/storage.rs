//! Storage objects.

use berth_model::Str;
use berth_model::volume::{
    AccessMode, Attachment, Claim, CsiDriver, CsiNode, StorageCapacity, StorageClass, Volume, VolumeSource,
};

use super::meta;
use super::selector::{label_selector, node_selector};
use super::volume::disk;
use super::writer::Fields;

/// `v1.PersistentVolume`.
pub(crate) fn volume(fields: &mut Fields<'_>, volume: &Volume) {
    fields.object("metadata", |meta| {
        meta.text("name", &volume.name);
        meta::labels(meta, &volume.labels);
        meta::annotations(meta, &volume.annotations);
        meta::terminating(meta, volume.terminating);
    });
    fields.object("spec", |spec| {
        spec.object("capacity", |capacity| capacity.amount("storage", volume.capacity));
        access_modes(spec, &volume.access_modes);
        if let Some(claim) = &volume.claim {
            spec.object("claimRef", |reference| {
                reference.non_empty("namespace", &claim.namespace);
                reference.non_empty("name", &claim.name);
                reference.non_empty("uid", &claim.uid);
            });
        }
        spec.non_empty("storageClassName", &volume.storage_class);
        spec.non_empty("volumeMode", mode(volume.block));
        spec.part("nodeAffinity", |fields| node_selector(fields, "required", volume.node_affinity.as_ref()));
        spec.optional("volumeAttributesClassName", volume.attributes_class.as_ref());
        match &volume.source {
            VolumeSource::Csi { driver, handle } => spec.object("csi", |csi| {
                csi.text("driver", driver);
                csi.text("volumeHandle", handle);
            }),
            VolumeSource::Disk(source) => disk(spec, source),
            VolumeSource::Other => {}
        }
    });
    let phase = if volume.available { "Available" } else { "Bound" };
    fields.object("status", |status| status.text("phase", phase));
}

fn access_modes(spec: &mut Fields<'_>, modes: &[AccessMode]) {
    spec.list("accessModes", modes, |writer, mode| {
        writer.text(match mode {
            AccessMode::ReadWriteOnce => "ReadWriteOnce",
            AccessMode::ReadOnlyMany => "ReadOnlyMany",
            AccessMode::ReadWriteMany => "ReadWriteMany",
            AccessMode::ReadWriteOncePod => "ReadWriteOncePod",
        });
    });
}

fn mode(block: bool) -> &'static str {
    if block { "Block" } else { "" }
}

/// `v1.PersistentVolumeClaim`.
pub(crate) fn claim(fields: &mut Fields<'_>, claim: &Claim) {
    claim_template(fields, claim, &claim.name);
    fields.part("status", |status| status.non_empty("phase", if claim.lost { "Lost" } else { "" }));
}

/// `v1.PersistentVolumeClaimTemplate`, whose claims get their names elsewhere.
pub(super) fn claim_template(fields: &mut Fields<'_>, claim: &Claim, name: &str) {
    fields.object("metadata", |meta| {
        meta::key(meta, &claim.namespace, name);
        meta.non_empty("uid", &claim.uid);
        meta::labels(meta, &claim.labels);
        meta::annotations(meta, &claim.annotations);
        meta::terminating(meta, claim.terminating);
        meta.objects("ownerReferences", claim.controller_uid.as_slice(), |owner, uid: &Str| {
            owner.non_empty("uid", uid);
            owner.truth("controller", true);
        });
    });
    fields.object("spec", |spec| {
        access_modes(spec, &claim.access_modes);
        label_selector(spec, "selector", claim.selector.as_ref());
        spec.object("resources", |resources| {
            resources.object("requests", |requests| requests.amount("storage", claim.request));
        });
        spec.non_empty("volumeName", claim.volume.as_deref().unwrap_or_default());
        spec.optional("storageClassName", claim.storage_class.as_ref());
        spec.non_empty("volumeMode", mode(claim.block));
        spec.optional("volumeAttributesClassName", claim.attributes_class.as_ref());
    });
}

/// `storage.k8s.io/v1.StorageClass`.
pub(crate) fn class(fields: &mut Fields<'_>, class: &StorageClass) {
    fields.object("metadata", |meta| {
        meta.text("name", &class.name);
        meta.part("annotations", |annotations| {
            let marked = if class.is_default { "true" } else { "" };
            annotations.non_empty("storageclass.kubernetes.io/is-default-class", marked);
        });
        meta.time("creationTimestamp", class.created);
    });
    fields.text("provisioner", &class.provisioner);
    fields.non_empty("volumeBindingMode", if class.waits_for_consumer { "WaitForFirstConsumer" } else { "" });
    fields.objects("allowedTopologies", &class.allowed_topologies, |fields, term| {
        fields.objects("matchLabelExpressions", term, |fields, (key, values)| {
            fields.text("key", key);
            fields.texts("values", values);
        });
    });
}

/// `storage.k8s.io/v1.CSINode`.
pub(crate) fn csi_node(fields: &mut Fields<'_>, node: &CsiNode) {
    fields.object("metadata", |meta| {
        meta.text("name", &node.node);
        meta.part("annotations", |annotations| {
            annotations
                .non_empty("storage.alpha.kubernetes.io/migrated-plugins", &node.migrated_plugins.join(","));
        });
    });
    fields.part("spec", |spec| {
        spec.objects("drivers", &node.drivers, |fields, driver| {
            fields.text("name", &driver.name);
            fields.texts("topologyKeys", &driver.topology_keys);
            if let Some(limit) = driver.limit {
                fields.object("allocatable", |resources| resources.number("count", limit));
            }
        });
    });
}

/// `storage.k8s.io/v1.CSIDriver`.
pub(crate) fn csi_driver(fields: &mut Fields<'_>, driver: &CsiDriver) {
    meta::named(fields, &driver.name);
    fields.part("spec", |spec| {
        spec.truth("storageCapacity", driver.storage_capacity);
        spec.truth("preventPodSchedulingIfMissing", driver.required_on_node);
    });
}

/// `storage.k8s.io/v1.CSIStorageCapacity`.
pub(crate) fn capacity(fields: &mut Fields<'_>, capacity: &StorageCapacity) {
    fields.object("metadata", |meta| meta::key(meta, &capacity.namespace, &capacity.name));
    label_selector(fields, "nodeTopology", capacity.topology.as_ref());
    fields.text("storageClassName", &capacity.storage_class);
    let amounts = [("capacity", capacity.capacity), ("maximumVolumeSize", capacity.maximum_volume_size)];
    for (key, amount) in amounts {
        if let Some(amount) = amount {
            fields.amount(key, amount);
        }
    }
}

/// `storage.k8s.io/v1.VolumeAttachment`.
pub(crate) fn attachment(fields: &mut Fields<'_>, attachment: &Attachment) {
    meta::named(fields, &attachment.name);
    fields.object("spec", |spec| {
        spec.text("attacher", &attachment.driver);
        spec.text("nodeName", &attachment.node);
        spec.part("source", |source| {
            source.non_empty("persistentVolumeName", attachment.volume.as_deref().unwrap_or_default());
            if let Some((driver, handle)) = &attachment.inline {
                source.object("inlineVolumeSpec", |inline| {
                    inline.object("csi", |csi| {
                        csi.non_empty("driver", driver);
                        csi.non_empty("volumeHandle", handle);
                    });
                });
            }
        });
    });
}
