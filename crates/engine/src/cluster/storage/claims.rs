//! The claims that a pod's volumes name.
//!
//! Upstream: component-helpers `storage/ephemeral/ephemeral.go`.

use berth_model::Str;
use berth_model::pod::{Pod, PodSpec};
use berth_model::volume::{Claim, PodVolume, PodVolumeSource};

/// A claim that a volume of a pod names.
#[derive(Clone, Debug)]
pub(crate) struct NamedClaim {
    /// The claim's name, in the pod's namespace.
    pub name: Str,
    /// The claim is made for the pod, and must be owned by it.
    pub ephemeral: bool,
}

impl NamedClaim {
    /// The claim that a volume names, if it names one.
    pub(crate) fn of(volume: &PodVolume, pod: &Pod) -> Option<Self> {
        match &volume.source {
            PodVolumeSource::Claim { name, .. } => Some(Self { name: name.clone(), ephemeral: false }),
            PodVolumeSource::Ephemeral => {
                Some(Self { name: format!("{}-{}", pod.name, volume.name).into(), ephemeral: true })
            }
            PodVolumeSource::InlineCsi { .. }
            | PodVolumeSource::Disk(_)
            | PodVolumeSource::Image { .. }
            | PodVolumeSource::Local => None,
        }
    }

    /// What is wrong with the claim as an ephemeral one: another owner than the pod.
    pub(crate) fn foreign(&self, claim: &Claim, pod: &Pod) -> Option<String> {
        if !self.ephemeral || claim.controller_uid.as_ref() == Some(&pod.uid) {
            return None;
        }
        let (namespace, name) = (&claim.namespace, &claim.name);
        Some(format!(
            "PVC {namespace}/{name} was not created for pod {}/{} (pod is not owner)",
            pod.spec.namespace, pod.name
        ))
    }
}

/// Whether a pod names claims at all.
pub(crate) fn has_claims(spec: &PodSpec) -> bool {
    let claims =
        |v: &PodVolume| matches!(v.source, PodVolumeSource::Claim { .. } | PodVolumeSource::Ephemeral);
    spec.volumes.iter().any(claims)
}

/// The claims of a pod, in the order of its volumes.
pub(crate) fn named_claims(pod: &Pod) -> impl Iterator<Item = NamedClaim> {
    pod.spec.volumes.iter().filter_map(|volume| NamedClaim::of(volume, pod))
}

/// Upstream's words for a claim that is not there.
pub(crate) fn not_found(name: &str) -> String {
    format!("persistentvolumeclaim {name:?} not found")
}
