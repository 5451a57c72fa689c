//! The claims of a pod, sorted by what is to be done about them.

use berth_model::labels::Labels;
use berth_model::volume::{BIND_COMPLETED, Claim, StorageClass};

use crate::cluster::Storage;
use crate::cluster::storage::claims::{has_claims, named_claims, not_found};
use crate::plugin::view::PodView;
use crate::verdict::Rejection;

use super::unresolvable;

/// Claims of a pod that may be scheduled, in the order of its volumes.
pub(super) struct PodClaims<'a> {
    /// They have their volume.
    pub(super) bound: Vec<&'a Claim>,
    /// They wait for a pod to be placed, with their classes.
    pub(super) waiting: Vec<(&'a Claim, &'a StorageClass)>,
}

impl<'a> PodClaims<'a> {
    /// `None` where the pod has no claim.
    ///
    /// # Errors
    /// A claim keeps the pod from being scheduled anywhere.
    pub(super) fn of(pod: PodView<'a>) -> Result<Option<Self>, Rejection> {
        if !has_claims(&pod.class.spec) {
            return Ok(None);
        }
        let storage = pod.cluster.storage();
        let claims = usable_claims(pod)?;
        let mut sorted = Self { bound: Vec::new(), waiting: Vec::new() };
        let mut unbound_immediate = false;
        for claim in claims {
            if is_fully_bound(claim) {
                sorted.bound.push(claim);
            } else if let Some(class) = waits_for(claim, storage) {
                sorted.waiting.push((claim, class));
            } else {
                unbound_immediate = true;
            }
        }
        if unbound_immediate {
            return Err(Rejection::unresolvable("pod has unbound immediate PersistentVolumeClaims"));
        }
        Ok(Some(sorted))
    }
}

/// All claims that the pod names, if each of them is fit for use.
fn usable_claims<'a>(pod: PodView<'a>) -> Result<Vec<&'a Claim>, Rejection> {
    let (storage, pod) = (pod.cluster.storage(), &pod.entry().pod);
    let mut claims = Vec::new();
    for named in named_claims(pod) {
        let name = &named.name;
        let Some(claim) = storage.claim(&pod.spec.namespace, name) else {
            return Err(unresolvable(if named.ephemeral {
                format!(
                    "waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}"
                )
            } else {
                not_found(name)
            }));
        };
        if claim.lost {
            let volume = claim.volume.as_deref().unwrap_or_default();
            let bound_to = "bound to non-existent persistentvolume";
            return Err(unresolvable(format!("persistentvolumeclaim {name:?} {bound_to} {volume:?}")));
        }
        if claim.terminating {
            return Err(unresolvable(format!("persistentvolumeclaim {name:?} is being deleted")));
        }
        if let Some(reason) = named.foreign(claim, pod) {
            return Err(unresolvable(reason));
        }
        claims.push(claim);
    }
    Ok(claims)
}

fn has_volume(claim: &Claim) -> bool {
    claim.volume.as_ref().is_some_and(|v| !v.is_empty())
}

fn is_fully_bound(claim: &Claim) -> bool {
    let annotations: &Labels = &claim.annotations;
    has_volume(claim) && annotations.contains_key(BIND_COMPLETED)
}

/// The class that lets an unbound claim wait for a pod. A claim that names its volume is not waiting for one.
fn waits_for<'a>(claim: &Claim, storage: &'a Storage) -> Option<&'a StorageClass> {
    let class = storage.classes.get(claim.storage_class.as_ref().filter(|c| !c.is_empty())?)?;
    (class.waits_for_consumer && !has_volume(claim)).then_some(class)
}
