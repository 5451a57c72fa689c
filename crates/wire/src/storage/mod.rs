//! Storage objects.

mod attachment;
mod claim;
mod class;
mod csi;
pub(crate) mod disk;
mod volume;

pub(crate) use claim::{ClaimTemplateWire, ClaimWire};

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::volume::AccessMode;

use crate::context::Context;
use crate::selector::one_of;

/// The annotation that named the class before there was a field for it; it still wins where both are set.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

fn class_of(annotations: &Labels, field: Option<Str>) -> Option<Str> {
    annotations.get(CLASS_ANNOTATION).cloned().or(field)
}

fn access_modes(cx: &mut Context, names: &[Str]) -> Vec<AccessMode> {
    let all = &[
        ("ReadWriteOnce", AccessMode::ReadWriteOnce),
        ("ReadOnlyMany", AccessMode::ReadOnlyMany),
        ("ReadWriteMany", AccessMode::ReadWriteMany),
        ("ReadWriteOncePod", AccessMode::ReadWriteOncePod),
    ];
    if names.is_empty() {
        cx.problem_at("accessModes", "missing; expected at least one access mode");
    }
    names.iter().map(|name| one_of(cx, "accessModes", name, all)).collect()
}

fn is_block(cx: &mut Context, mode: &str) -> bool {
    match mode {
        "" => false,
        _ => one_of(cx, "volumeMode", mode, &[("Block", true), ("Filesystem", false)]),
    }
}
