//! What broke a flow is kept away from those that follow.

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::object::{Object, ObjectKey};

/// Pods and objects that are left aside until they are deleted.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    /// By uid: pods that could not be tried. Once somebody else has bound them they count as all others.
    pods: BTreeSet<Str>,
    objects: BTreeSet<ObjectKey>,
}

impl Quarantine {
    /// Leaves a pod aside that has this uid.
    pub(super) fn put_pod(&mut self, uid: Str) {
        self.pods.insert(uid);
    }

    /// Leaves an object aside.
    pub(super) fn put_object(&mut self, key: ObjectKey) {
        self.objects.insert(key);
    }

    /// Whether an object is left aside.
    pub(super) fn holds(&self, object: &Object) -> bool {
        if self.pods.is_empty() && self.objects.is_empty() {
            return false;
        }
        let is_held = match object {
            Object::Pod(manifest) => manifest.pod.node.is_none() && self.pods.contains(&manifest.pod.uid),
            _ => false,
        };
        is_held || self.objects.contains(&object.key())
    }

    /// An object is gone; one that is made in its place may be better.
    pub(super) fn release(&mut self, key: &ObjectKey, uid: &str) {
        self.objects.remove(key);
        self.pods.remove(uid);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.pods.len() + self.objects.len()
    }
}
