//! Pods and objects that caused a panic. No later flow gets them.

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::object::{Object, ObjectKey};

/// Pods and objects that are ignored until they are deleted.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    /// The uids of pods whose attempt panicked. Once another scheduler has bound such a pod, it is taken again.
    pods: BTreeSet<Str>,
    objects: BTreeSet<ObjectKey>,
}

impl Quarantine {
    /// Quarantines the pod with this uid.
    pub(super) fn put_pod(&mut self, uid: Str) {
        self.pods.insert(uid);
    }

    /// Quarantines an object.
    pub(super) fn put_object(&mut self, key: ObjectKey) {
        self.objects.insert(key);
    }

    /// Whether an object is quarantined.
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

    /// Releases an object that was deleted: another one of the same name may be valid.
    pub(super) fn release(&mut self, key: &ObjectKey, uid: &str) {
        self.objects.remove(key);
        self.pods.remove(uid);
    }

    /// The number of pods and objects.
    pub(super) fn len(&self) -> usize {
        self.pods.len() + self.objects.len()
    }
}
