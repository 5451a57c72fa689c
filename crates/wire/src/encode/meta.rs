//! Metadata that all objects share.

use berth_model::labels::Labels;
use berth_model::pod::Controller;

use super::writer::Fields;

/// A time of deletion; only whether there is one is kept.
const DELETED: &str = "1970-01-01T00:00:00Z";

/// The metadata of an object that has a name and no more.
pub(super) fn named(fields: &mut Fields<'_>, name: &str) {
    fields.object("metadata", |meta| meta.text("name", name));
}

/// Namespace and name.
pub(super) fn key(meta: &mut Fields<'_>, namespace: &str, name: &str) {
    meta.non_empty("name", name);
    meta.non_empty("namespace", namespace);
}

/// The labels of an object.
pub(super) fn labels(meta: &mut Fields<'_>, labels: &Labels) {
    meta.labels("labels", labels);
}

/// The annotations of an object of which they matter.
pub(super) fn annotations(meta: &mut Fields<'_>, annotations: &Labels) {
    meta.labels("annotations", annotations);
}

/// That the object is going away.
pub(super) fn terminating(meta: &mut Fields<'_>, terminating: bool) {
    if terminating {
        meta.text("deletionTimestamp", DELETED);
    }
}

/// The controller that owns the object.
pub(super) fn controller(meta: &mut Fields<'_>, controller: Option<&Controller>) {
    meta.objects("ownerReferences", controller.as_slice(), |owner, controller| {
        owner.non_empty("apiVersion", &controller.api_version);
        owner.non_empty("kind", &controller.kind);
        owner.non_empty("name", &controller.name);
        owner.non_empty("uid", &controller.uid);
        owner.truth("controller", true);
    });
}
