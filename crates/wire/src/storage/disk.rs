//! Disks of in-tree volume plugins, as pods and persistent volumes name them.

use berth_model::Str;
use berth_model::volume::Disk;

use crate::context::Context;
use crate::decode::{IntoModel, wire_object};

/// Declares a disk: its fields, what is skipped, and what it becomes.
macro_rules! disk {
    (
        $name:ident { $( $field:ident : $kind:ty = $key:literal, )* } skipped { $( $skipped:literal )* }
        required $required:ident $required_key:literal
        becomes $out:expr
    ) => {
        wire_object! {
            pub(crate) struct $name { $( $field: $kind = $key, )* }
            skipped { $( $skipped )* }
        }

        impl IntoModel for $name {
            type Out = Disk;

            fn into_model(self, cx: &mut Context) -> Disk {
                if self.$required.is_empty() {
                    cx.problem_at($required_key, "missing; the disk has no name");
                }
                let Self { $( $field, )* } = self;
                $out
            }
        }
    };
}

disk! {
    GceWire { name: Str = "pdName", read_only: bool = "readOnly", } skipped { "fsType" "partition" }
    required name "pdName"
    becomes Disk::GcePersistentDisk { name, read_only }
}
disk! {
    AwsWire { id: Str = "volumeID", } skipped { "fsType" "partition" "readOnly" }
    required id "volumeID"
    becomes Disk::AwsElasticBlockStore { id }
}
disk! {
    AzureWire { name: Str = "diskName", uri: Str = "diskURI", kind: Option<Str> = "kind", }
    skipped { "cachingMode" "fsType" "readOnly" }
    required name "diskName"
    becomes Disk::AzureDisk { name, uri, kind: kind.unwrap_or_else(|| "Shared".into()) }
}
disk! {
    CinderWire { id: Str = "volumeID", } skipped { "fsType" "readOnly" "secretRef" }
    required id "volumeID"
    becomes Disk::Cinder { id }
}
disk! {
    IscsiWire { iqn: Str = "iqn", read_only: bool = "readOnly", }
    skipped {
        "targetPortal" "lun" "iscsiInterface" "fsType" "portals" "chapAuthDiscovery" "chapAuthSession" "secretRef"
        "initiatorName"
    }
    required iqn "iqn"
    becomes Disk::Iscsi { iqn, read_only }
}
disk! {
    RbdWire {
        monitors: Vec<Str> = "monitors",
        pool: Option<Str> = "pool",
        image: Str = "image",
        read_only: bool = "readOnly",
    }
    skipped { "fsType" "user" "keyring" "secretRef" }
    required image "image"
    becomes Disk::Rbd { monitors, pool: pool.filter(|p| !p.is_empty()).unwrap_or_else(|| "rbd".into()), image, read_only }
}
disk! {
    VsphereWire { path: Str = "volumePath", } skipped { "fsType" "storagePolicyName" "storagePolicyID" }
    required path "volumePath"
    becomes Disk::Vsphere { path }
}
disk! {
    PortworxWire { id: Str = "volumeID", } skipped { "fsType" "readOnly" }
    required id "volumeID"
    becomes Disk::Portworx { id }
}
