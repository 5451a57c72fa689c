//! What goes with a placement is taken as done before anyone has done it.
//!
//! ```text
//!              apply                    the shell carries it out
//!   untouched ───────▶ assumed ───────────────────────────────────▶ fulfilled
//!       ▲                 │
//!       └──── undo ───────┘
//! ```
//!
//! Upstream: `volumebinding/binder.go` (`AssumePodVolumes`, `RevertAssumedPodVolumes`), component-helpers
//! `storage/volume/pv_helpers.go` (`GetBindVolumeToClaim`).

use berth_model::Str;
use berth_model::device::{Allocation, ResourceClaim};
use berth_model::volume::{BOUND_BY_CONTROLLER, Claim, ClaimRef, SELECTED_NODE, Volume};

use crate::cluster::Cluster;
use crate::cluster::devices::AssumedDevices;
use crate::effect::{Effect, Write};

/// A change that is taken as done, so that it can be undone.
#[derive(Clone, Debug)]
pub struct Assumed(Change);

#[derive(Clone, Debug)]
enum Change {
    Volume {
        before: Box<Volume>,
        after: Box<Volume>,
    },
    Claim {
        before: Box<Claim>,
        after: Box<Claim>,
    },
    Devices(Box<AssumedDevices>),
    NewDeviceClaim(Box<ResourceClaim>),
    /// Devices that are held although the claim has others.
    Held(Box<Allocation>),
}

impl Assumed {
    /// Whether devices are held that the claim, as the watch delivered it last, cannot get.
    pub fn is_held(&self) -> bool {
        matches!(self.0, Change::Held(_))
    }
}

impl Cluster {
    /// Takes an effect as done: later pods see the volume as reserved for its claim, the claim's node as selected, the
    /// devices as allocated. `None` where nothing changes: it is so already, an object is gone, or the claim has other
    /// devices.
    pub fn apply(&mut self, effect: &Effect) -> Option<Assumed> {
        let change = match effect {
            Effect::BindVolume { volume, namespace, claim } => {
                self.reserve_volume(volume, namespace, claim)?
            }
            Effect::ProvisionVolume { namespace, claim, node } => self.select_node(namespace, claim, node)?,
            Effect::MakeDeviceClaim(made)
                if self.devices().claim(&made.claim.namespace, &made.claim.name).is_none() =>
            {
                Change::NewDeviceClaim(Box::new(self.assume_claim(made)))
            }
            // The API server has made the claim, perhaps without devices yet.
            Effect::ReserveDevices(_) | Effect::MakeDeviceClaim(_) => {
                let wanted = self.reservation_of(effect)?;
                Change::Devices(Box::new(self.assume_devices(&wanted)?))
            }
        };
        match &change {
            Change::Volume { after, .. } => self.upsert_volume((**after).clone()),
            Change::Claim { after, .. } => self.upsert_claim((**after).clone()),
            Change::Devices(_) | Change::NewDeviceClaim(_) | Change::Held(_) => {}
        }
        Some(Assumed(change))
    }

    /// Keeps the devices of an effect from others although its claim has other devices by now: the write is in flight,
    /// and may be carried out when the claim has lost those. `None` unless that is so.
    pub fn hold(&mut self, effect: &Effect) -> Option<Assumed> {
        let wanted = self.reservation_of(effect)?;
        Some(Assumed(Change::Held(Box::new(self.hold_devices(&wanted)?))))
    }

    /// Undoes what [`Cluster::apply`] did: the placement failed. An object that has changed since stays as it is. A claim
    /// on devices loses what was added to it, also if another pod has reserved it since.
    pub fn undo(&mut self, assumed: Assumed) {
        match assumed.0 {
            Change::Volume { before, after } => {
                if self.storage().volumes.get(&after.name) == Some(&*after) {
                    self.upsert_volume(*before);
                }
            }
            Change::Claim { before, after } => {
                if self.storage().claim(&after.namespace, &after.name) == Some(&*after) {
                    self.upsert_claim(*before);
                }
            }
            Change::Devices(assumed) => self.release_devices(&assumed),
            Change::Held(allocation) => self.set_held(&allocation, false),
            Change::NewDeviceClaim(claim) => {
                if self.devices().claim(&claim.namespace, &claim.name) == Some(&claim) {
                    self.remove_device_claim(&claim.namespace, &claim.name);
                }
            }
        }
    }

    /// The write at the API server that makes an effect true. The effect must have been applied.
    pub fn write_of(&self, effect: &Effect) -> Write {
        let storage = self.storage();
        match effect.clone() {
            Effect::BindVolume { volume, namespace, claim } => {
                let claim_uid = storage.claim(&namespace, &claim).map(|c| c.uid.clone()).unwrap_or_default();
                let annotations = storage.volumes.get(&volume).map(|v| &v.annotations);
                let reserved = annotations.is_none_or(|a| !a.contains_key(BOUND_BY_CONTROLLER));
                Write::BindVolume { volume, namespace, claim, claim_uid, reserved }
            }
            Effect::ProvisionVolume { namespace, claim, node } => {
                Write::SelectNode { namespace, claim, node }
            }
            Effect::ReserveDevices(reservation) => Write::ReserveDevices(reservation),
            Effect::MakeDeviceClaim(made) => Write::MakeDeviceClaim(made),
        }
    }

    fn reserve_volume(&self, volume: &Str, namespace: &Str, claim: &Str) -> Option<Change> {
        let claim = self.storage().claim(namespace, claim)?;
        let before = self.storage().volumes.get(volume)?;
        let reference =
            ClaimRef { namespace: claim.namespace.clone(), name: claim.name.clone(), uid: claim.uid.clone() };
        let was_reserved = before.claim.as_ref().is_some_and(|held| {
            (&held.namespace, &held.name) == (&reference.namespace, &reference.name)
                && (held.uid.is_empty() || held.uid == reference.uid)
        });
        let mut after = before.clone();
        after.claim = Some(reference);
        if !was_reserved {
            // A controller that releases the volume again must know that no user had reserved it.
            after.annotations.insert(BOUND_BY_CONTROLLER.into(), "yes".into());
        }
        (after != *before)
            .then(|| Change::Volume { before: Box::new(before.clone()), after: Box::new(after) })
    }

    fn select_node(&self, namespace: &Str, claim: &Str, node: &Str) -> Option<Change> {
        let before = self.storage().claim(namespace, claim)?;
        if before.volume.is_some() {
            return None; // nothing is provisioned for it any more
        }
        let mut after = before.clone();
        after.annotations.insert(SELECTED_NODE.into(), node.clone());
        (after != *before).then(|| Change::Claim { before: Box::new(before.clone()), after: Box::new(after) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::World;

    fn bind() -> Effect {
        Effect::BindVolume { volume: "pv".into(), namespace: "default".into(), claim: "data".into() }
    }

    fn provision(node: &str) -> Effect {
        Effect::ProvisionVolume { namespace: "default".into(), claim: "data".into(), node: node.into() }
    }

    fn world() -> World {
        let mut world = World::default();
        world.claim("data", |_| {});
        world.volume("pv", |_| {});
        world
    }

    #[test]
    fn a_volume_is_reserved_for_its_claim_until_that_is_undone() {
        let mut world = world();
        let untouched = world.cluster.storage().volumes["pv"].clone();
        let assumed = world.cluster.apply(&bind()).unwrap();
        let reserved = &world.cluster.storage().volumes["pv"];
        let reference = ClaimRef { namespace: "default".into(), name: "data".into(), uid: "uid-data".into() };
        assert_eq!(reserved.claim, Some(reference));
        assert!(reserved.annotations.contains_key(BOUND_BY_CONTROLLER));
        assert!(world.cluster.apply(&bind()).is_none(), "it is so already");
        world.cluster.undo(assumed);
        assert_eq!(world.cluster.storage().volumes["pv"], untouched);
    }

    #[test]
    fn a_volume_that_a_user_reserved_stays_the_users() {
        let mut world = world();
        let reference = ClaimRef { namespace: "default".into(), name: "data".into(), uid: "".into() };
        world.volume("pv", |volume| volume.claim = Some(reference));
        world.cluster.apply(&bind()).unwrap();
        let volume = &world.cluster.storage().volumes["pv"];
        assert_eq!(volume.claim.as_ref().map(|c| &*c.uid), Some("uid-data"));
        assert!(!volume.annotations.contains_key(BOUND_BY_CONTROLLER));
    }

    #[test]
    fn a_claims_node_is_selected_until_that_is_undone() {
        let mut world = world();
        let selected = |world: &World| {
            let claim = world.cluster.storage().claim(&"default".into(), &"data".into()).unwrap();
            claim.annotations.get(SELECTED_NODE).cloned()
        };
        let first = world.cluster.apply(&provision("n1")).unwrap();
        assert_eq!(selected(&world).as_deref(), Some("n1"));
        world.cluster.undo(first.clone());
        assert_eq!(
            world.cluster.storage().claim(&"default".into(), &"data".into()).unwrap().annotations.len(),
            0
        );
        world.cluster.apply(&provision("n2")).unwrap();
        world.cluster.undo(first);
        assert_eq!(selected(&world).as_deref(), Some("n2"), "what changed since is left as it is");
    }

    #[test]
    fn what_is_gone_is_left_alone() {
        let mut world = World::default();
        assert!(world.cluster.apply(&bind()).is_none());
        assert!(world.cluster.apply(&provision("n1")).is_none());
    }
}
