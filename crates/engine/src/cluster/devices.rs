//! Devices, the classes that select them, and the claims on them, as watches tell it.

use berth_devices::NodeView;
use berth_devices::objects::{DeviceObjects, PoolOwner};
use berth_model::Str;
use berth_model::device::{Allocation, DeviceClass, DeviceTaintRule, ResourceClaim, ResourceSlice};

use super::device_answers::AnswerCache;
use super::trial::Undo;
use super::{Change, Cluster, DeviceScope};
use crate::effect::{DeviceReservation, Effect, NewDeviceClaim};
use crate::ids::NodeRow;

impl Cluster {
    /// Devices, their classes, and the claims on them.
    pub fn devices(&self) -> &DeviceObjects {
        &self.devices
    }

    /// How many devices a node can reach, and how many of them are allocated, for each class of which it has some.
    pub fn device_totals(&self, row: NodeRow) -> Vec<(&Str, i64, i64)> {
        if self.devices.slices().is_empty() {
            return Vec::new();
        }
        let node = self.nodes.object(row);
        let view = NodeView { name: &node.name, labels: &node.labels };
        let totals = self.devices.classes().iter().map(|(name, class)| {
            let totals = self.devices.totals(view, class);
            (name, totals.capacity, totals.allocated)
        });
        totals.filter(|(_, total, _)| *total > 0).collect()
    }

    /// What nodes have answered about devices.
    pub(crate) fn device_answers(&self) -> &AnswerCache {
        &self.device_answers
    }

    /// The device objects, to change something that every node may see.
    fn devices_mut(&mut self) -> &mut DeviceObjects {
        self.changes.push(Change::Devices(DeviceScope::All));
        &mut self.devices
    }

    /// Adds or replaces a device class.
    pub fn upsert_device_class(&mut self, class: DeviceClass) {
        if self.devices.class(&class.name) != Some(&class) {
            self.note_class(&class.name);
            self.devices_mut().upsert_class(class);
        }
    }

    /// Forgets a device class.
    pub fn remove_device_class(&mut self, name: &str) {
        self.note_class(name);
        self.devices_mut().remove_class(name);
    }

    /// Adds or replaces a slice of devices.
    pub fn upsert_slice(&mut self, slice: ResourceSlice) {
        let before = self.devices.slices().get(&slice.name);
        if before == Some(&slice) {
            return;
        }
        self.note_slice(&slice.name);
        let before = self.devices.slices().get(&slice.name);
        let of_former = before.map(|before| self.devices.owner(&before.driver, &before.pool.name));
        let (driver, pool) = (slice.driver.clone(), slice.pool.name.clone());
        let of_pool = self.devices.owner(&driver, &pool);
        self.devices.upsert_slice(slice);
        let owners = [of_former, Some(of_pool), Some(self.devices.owner(&driver, &pool))];
        self.log_owners(owners.into_iter().flatten().collect());
    }

    /// Forgets a slice of devices.
    pub fn remove_slice(&mut self, name: &str) {
        let Some(slice) = self.devices.slices().get(name) else { return };
        let (driver, pool) = (slice.driver.clone(), slice.pool.name.clone());
        self.note_slice(name);
        let before = self.devices.owner(&driver, &pool);
        self.devices.remove_slice(name);
        let after = self.devices.owner(&driver, &pool);
        self.log_owners(vec![before, after]);
    }

    /// Adds or replaces a rule about device taints.
    pub fn upsert_device_taint_rule(&mut self, rule: DeviceTaintRule) {
        if self.devices.rules().get(&rule.name) != Some(&rule) {
            self.note_rule(&rule.name);
            self.devices_mut().upsert_rule(rule);
        }
    }

    /// Forgets a rule about device taints.
    pub fn remove_device_taint_rule(&mut self, name: &str) {
        self.note_rule(name);
        self.devices_mut().remove_rule(name);
    }

    /// Adds or replaces a claim on devices.
    pub fn upsert_device_claim(&mut self, claim: ResourceClaim) {
        let before = self.devices.claim(&claim.namespace, &claim.name);
        if before == Some(&claim) {
            return;
        }
        self.note_device_claim(&claim.namespace, &claim.name);
        let before = self.devices.claim(&claim.namespace, &claim.name);
        let former = before.and_then(|before| before.allocation.as_ref());
        let owners = if former == claim.allocation.as_ref() {
            Vec::new()
        } else {
            self.owners_of(former.into_iter().chain(&claim.allocation))
        };
        self.devices.upsert_claim(claim);
        self.log_owners(owners);
    }

    /// The owners of the pools of allocated devices.
    fn owners_of<'a>(&self, allocations: impl Iterator<Item = &'a Allocation>) -> Vec<PoolOwner> {
        let devices = allocations.flat_map(|allocation| &allocation.results).map(|result| &result.device);
        devices.map(|device| self.devices.owner(&device.driver, &device.pool)).collect()
    }

    /// Logs that devices of pools with these owners have changed.
    fn log_owners(&mut self, owners: Vec<PoolOwner>) {
        let mut rows = Vec::new();
        for owner in owners {
            match owner {
                PoolOwner::None => {}
                PoolOwner::Node(name) => rows.extend(self.nodes.find(&name)),
                PoolOwner::Several => return self.changes.push(Change::Devices(DeviceScope::All)),
            }
        }
        rows.sort_unstable();
        rows.dedup();
        if rows.is_empty() {
            self.changes.push(Change::Devices(DeviceScope::NoDevice));
        }
        rows.into_iter().for_each(|row| self.changes.push(Change::Devices(DeviceScope::OfNode(row))));
    }

    /// Forgets a claim on devices.
    pub fn remove_device_claim(&mut self, namespace: &Str, name: &Str) {
        self.note_device_claim(namespace, name);
        let Some(claim) = self.devices.remove_claim(namespace, name) else { return };
        let owners = self.owners_of(claim.allocation.iter());
        self.log_owners(owners);
    }

    /// Takes a reservation as done. `None` if nothing changes: the claim is gone, is reserved like this already, or has
    /// other devices, which the API server does not replace.
    pub(super) fn assume_devices(&mut self, wanted: &DeviceReservation) -> Option<AssumedDevices> {
        let found = self.devices.claim(&wanted.namespace, &wanted.claim)?;
        let has_others = match (&found.allocation, &wanted.allocation) {
            (Some(found), Some(wanted)) => !has_same_devices(found, wanted),
            _ => false,
        };
        if found.uid != wanted.claim_uid || has_others {
            return None;
        }
        let allocates = found.allocation.is_none() && wanted.allocation.is_some();
        let reserves = !found.reserved_for.contains(&wanted.consumer);
        if !allocates && !reserves {
            return None;
        }
        let mut claim = found.clone();
        if allocates {
            claim.allocation.clone_from(&wanted.allocation);
        }
        if reserves {
            claim.reserved_for.push(wanted.consumer.clone());
        }
        self.upsert_device_claim(claim);
        if allocates {
            self.set_in_flight(&wanted.namespace, &wanted.claim, true);
        }
        Some(AssumedDevices { reservation: wanted.clone(), allocates, reserves })
    }

    /// It is known that an effect was carried out, or that its object is another one by now: pods that share the claim
    /// need not wait any more. Returns whether any may wait.
    pub fn settle(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::ReserveDevices(wanted) => {
                wanted.allocation.is_some() && self.set_in_flight(&wanted.namespace, &wanted.claim, false)
            }
            Effect::MakeDeviceClaim(made) => {
                self.set_in_flight(&made.claim.namespace, &made.claim.name, false)
            }
            Effect::BindVolume { .. } | Effect::ProvisionVolume { .. } => false,
        }
    }

    fn set_in_flight(&mut self, namespace: &Str, name: &Str, in_flight: bool) -> bool {
        self.note_device_claim(namespace, name);
        let is_new = self.devices.set_in_flight(namespace, name, in_flight);
        if is_new {
            self.changes.push(Change::Devices(DeviceScope::NoDevice));
        }
        is_new
    }

    /// Removes what a reservation has added to a claim.
    pub(super) fn release_devices(&mut self, assumed: &AssumedDevices) {
        let AssumedDevices { reservation, allocates, reserves } = assumed;
        let Some(found) = self.devices.claim(&reservation.namespace, &reservation.claim) else { return };
        if found.uid != reservation.claim_uid {
            return;
        }
        let mut claim = found.clone();
        if *allocates {
            self.set_in_flight(&reservation.namespace, &reservation.claim, false);
            if claim.allocation == reservation.allocation {
                claim.allocation = None;
            }
        }
        if *reserves {
            claim.reserved_for.retain(|consumer| *consumer != reservation.consumer);
        }
        self.upsert_device_claim(claim);
    }

    /// Keeps the devices of a reservation from others while its claim has other devices: its write may still be carried
    /// out when the claim has lost those. `None` unless that is so.
    pub(super) fn hold_devices(&mut self, wanted: &DeviceReservation) -> Option<Allocation> {
        let (found, uid) = (self.devices.claim(&wanted.namespace, &wanted.claim)?, &wanted.claim_uid);
        let (now, wanted) = (found.allocation.as_ref()?, wanted.allocation.as_ref()?);
        if found.uid != *uid || has_same_devices(now, wanted) {
            return None;
        }
        let allocation = wanted.clone();
        let (namespace, claim) = (found.namespace.clone(), found.name.clone());
        self.set_in_flight(&namespace, &claim, false); // what the claim has is written
        self.set_held(&allocation, true);
        Some(allocation)
    }

    /// Devices are held apart from claims, or not any more.
    pub(super) fn set_held(&mut self, allocation: &Allocation, held: bool) {
        self.note(|_| Undo::Devices(DeviceUndo::Held(Box::new(allocation.clone()), !held)));
        match held {
            true => self.devices.hold(allocation),
            false => self.devices.release(allocation),
        }
        let owners = self.owners_of(std::iter::once(allocation));
        self.log_owners(owners);
    }

    /// Takes the claim for extended resources as made.
    pub(super) fn assume_claim(&mut self, wanted: &NewDeviceClaim) -> ResourceClaim {
        let claim = &wanted.claim;
        self.upsert_device_claim(claim.clone());
        self.set_in_flight(&claim.namespace, &claim.name, true);
        claim.clone()
    }

    /// What an effect writes into the status of a claim that is there; `None` if there is no such claim.
    pub(super) fn reservation_of(&self, effect: &Effect) -> Option<DeviceReservation> {
        match effect {
            Effect::ReserveDevices(wanted) => Some((**wanted).clone()),
            Effect::MakeDeviceClaim(made) => {
                let found = self.devices.claim(&made.claim.namespace, &made.claim.name)?;
                made.is(found).then(|| made.reservation(&found.uid))
            }
            Effect::BindVolume { .. } | Effect::ProvisionVolume { .. } => None,
        }
    }
}

/// What takes a change of a device object back: what was there before, by name.
#[derive(Clone, Debug)]
pub(super) enum DeviceUndo {
    Class(Str, Option<Box<DeviceClass>>),
    Slice(Str, Option<Box<ResourceSlice>>),
    Rule(Str, Option<Box<DeviceTaintRule>>),
    Claim { namespace: Str, name: Str, before: Option<Box<ResourceClaim>>, in_flight: bool },
    Held(Box<Allocation>, bool),
}

impl Cluster {
    fn note_class(&mut self, name: &str) {
        let before = |it: &Self| it.devices.class(name).cloned().map(Box::new);
        self.note(|it| Undo::Devices(DeviceUndo::Class(name.into(), before(it))));
    }

    fn note_slice(&mut self, name: &str) {
        let before = |it: &Self| it.devices.slices().get(name).cloned().map(Box::new);
        self.note(|it| Undo::Devices(DeviceUndo::Slice(name.into(), before(it))));
    }

    fn note_rule(&mut self, name: &str) {
        let before = |it: &Self| it.devices.rules().get(name).cloned().map(Box::new);
        self.note(|it| Undo::Devices(DeviceUndo::Rule(name.into(), before(it))));
    }

    fn note_device_claim(&mut self, namespace: &Str, name: &Str) {
        self.note(|it| {
            let before = it.devices.claim(namespace, name);
            Undo::Devices(DeviceUndo::Claim {
                namespace: namespace.clone(),
                name: name.clone(),
                in_flight: before.is_some_and(|claim| it.devices.is_in_flight(claim)),
                before: before.cloned().map(Box::new),
            })
        });
    }

    pub(super) fn take_back_devices(&mut self, undo: DeviceUndo) {
        match undo {
            DeviceUndo::Class(_, Some(before)) => self.upsert_device_class(*before),
            DeviceUndo::Class(name, None) => self.remove_device_class(&name),
            DeviceUndo::Slice(_, Some(before)) => self.upsert_slice(*before),
            DeviceUndo::Slice(name, None) => self.remove_slice(&name),
            DeviceUndo::Rule(_, Some(before)) => self.upsert_device_taint_rule(*before),
            DeviceUndo::Rule(name, None) => self.remove_device_taint_rule(&name),
            DeviceUndo::Claim { before: Some(before), in_flight, namespace, name } => {
                self.upsert_device_claim(*before);
                self.set_in_flight(&namespace, &name, in_flight);
            }
            DeviceUndo::Held(allocation, held) => self.set_held(&allocation, held),
            DeviceUndo::Claim { before: None, namespace, name, .. } => {
                self.remove_device_claim(&namespace, &name);
            }
        }
    }
}

/// A reservation that is taken as done, and what it has added to the claim.
#[derive(Clone, Debug)]
pub(super) struct AssumedDevices {
    reservation: DeviceReservation,
    allocates: bool,
    reserves: bool,
}

/// Whether two allocations have the same devices, in the same order.
pub(crate) fn has_same_devices(a: &Allocation, b: &Allocation) -> bool {
    a.results.iter().map(|result| &result.device).eq(b.results.iter().map(|result| &result.device))
}

/// The uid of the claim for a pod's extended resources until the API server has given it one.
pub fn assumed_uid(owner: &str) -> Str {
    format!("{owner}-extended-resources").into()
}
