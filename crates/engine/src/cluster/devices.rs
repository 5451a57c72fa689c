//! Devices, the classes that select them, and the claims on them, as watches tell it.

use berth_devices::objects::DeviceObjects;
use berth_model::Str;
use berth_model::device::{DeviceClass, DeviceTaintRule, ResourceClaim, ResourceSlice};

use super::{Change, Cluster};
use crate::effect::{DeviceReservation, NewDeviceClaim};

impl Cluster {
    /// Devices, their classes, and the claims on them.
    pub fn devices(&self) -> &DeviceObjects {
        &self.devices
    }

    fn devices_mut(&mut self) -> &mut DeviceObjects {
        self.changes.push(Change::Devices);
        &mut self.devices
    }

    /// Adds or replaces a device class.
    pub fn upsert_device_class(&mut self, class: DeviceClass) {
        if self.devices.class(&class.name) != Some(&class) {
            self.devices_mut().upsert_class(class);
        }
    }

    /// Forgets a device class.
    pub fn remove_device_class(&mut self, name: &str) {
        self.devices_mut().remove_class(name);
    }

    /// Adds or replaces a slice of devices.
    pub fn upsert_slice(&mut self, slice: ResourceSlice) {
        if self.devices.slices().get(&slice.name) != Some(&slice) {
            self.devices_mut().upsert_slice(slice);
        }
    }

    /// Forgets a slice of devices.
    pub fn remove_slice(&mut self, name: &str) {
        self.devices_mut().remove_slice(name);
    }

    /// Adds or replaces a rule about device taints.
    pub fn upsert_device_taint_rule(&mut self, rule: DeviceTaintRule) {
        if self.devices.rules().get(&rule.name) != Some(&rule) {
            self.devices_mut().upsert_rule(rule);
        }
    }

    /// Forgets a rule about device taints.
    pub fn remove_device_taint_rule(&mut self, name: &str) {
        self.devices_mut().remove_rule(name);
    }

    /// Adds or replaces a claim on devices.
    pub fn upsert_device_claim(&mut self, claim: ResourceClaim) {
        self.replace_assumed(&claim);
        if self.devices.claim(&claim.namespace, &claim.name) != Some(&claim) {
            self.devices_mut().upsert_claim(claim);
        }
    }

    /// A claim for extended resources that was assumed to be made is known by the name that the API server gave it.
    fn replace_assumed(&mut self, claim: &ResourceClaim) {
        let Some(owner) = claim.owner.as_ref().filter(|_| claim.extended) else { return };
        let uid = assumed_uid(owner);
        let is_assumed = |other: &&ResourceClaim| *other.uid == *uid && other.name != claim.name;
        let assumed = self.devices.claims().find(is_assumed).map(|other| other.name.clone());
        if let Some(name) = assumed {
            self.devices_mut().remove_claim(&claim.namespace, &name);
        }
    }

    /// Forgets a claim on devices.
    pub fn remove_device_claim(&mut self, namespace: &Str, name: &Str) {
        self.devices_mut().remove_claim(namespace, name);
    }

    /// A claim before and after it is reserved; `None` if nothing changes or the claim is gone.
    pub(super) fn reserve_devices(
        &self,
        wanted: &DeviceReservation,
    ) -> Option<(ResourceClaim, ResourceClaim)> {
        let before = self.devices.claim(&wanted.namespace, &wanted.claim)?;
        let mut after = before.clone();
        if after.allocation.is_none() {
            after.allocation.clone_from(&wanted.allocation);
        }
        if !after.reserved_for.contains(&wanted.consumer) {
            after.reserved_for.push(wanted.consumer.clone());
        }
        (after != *before).then(|| (before.clone(), after))
    }

    /// The claim for extended resources that is made, unless the pod has one.
    pub(super) fn make_device_claim(&self, wanted: &NewDeviceClaim) -> Option<ResourceClaim> {
        let claim = &wanted.claim;
        let is_there = |other: &ResourceClaim| {
            other.extended && other.namespace == claim.namespace && other.owner == claim.owner
        };
        (!self.devices.claims().any(is_there)).then(|| claim.clone())
    }
}

/// The uid of the claim for a pod's extended resources until the API server has given it one.
pub fn assumed_uid(owner: &str) -> Str {
    format!("{owner}-extended-resources").into()
}
