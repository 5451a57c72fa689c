//! DefaultStorageClass: claims that name no class get the default one.
//!
//! A claim that was stored without a class, because there was no default then, gets it later from the volume
//! controller, as long as it is not bound.
//!
//! Upstream: `plugin/pkg/admission/storage/storageclass/setdefault/admission.go`, `pkg/volume/util/storageclass.go`.

use std::cmp::Reverse;

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::volume::Claim;

/// The default class of the cluster, if there is one.
pub struct DefaultClass(Option<Str>);

impl DefaultClass {
    /// Of several default classes the newest counts, of equally old ones the first by name.
    pub fn new(manifests: &Manifests) -> Self {
        let classes = manifests.storage_classes.iter().map(|entry| &entry.value);
        let default = classes
            .filter(|class| class.is_default)
            .min_by_key(|class| (Reverse(class.created), &class.name));
        Self(default.map(|class| class.name.clone()))
    }

    /// Sets the class of a claim that has none, unless the claim is stored and bound.
    pub fn apply(&self, claim: &mut Claim) {
        if claim.storage_class.is_none() && (claim.uid.is_empty() || claim.volume.is_none()) {
            claim.storage_class.clone_from(&self.0);
        }
    }
}
