//! Which devices are allocated.
//!
//! Upstream: plugins/dynamicresources `allocateddevices.go`, `dra_manager.go`; `structured/schedulerapi`.

use std::hash::{Hash, Hasher};

use berth_model::Str;
use berth_model::device::{Allocation, DeviceId};
use berth_model::quantity::Amount;
use rustc_hash::{FxHashMap, FxHasher};

/// Amounts by capacity, sorted by name.
pub type Amounts = Vec<(Str, Amount)>;

/// What all allocations together hold.
#[derive(Clone, Debug, Default)]
pub struct AllocatedState {
    /// Devices that a claim has for itself, and how many claims say so: two schedulers may have given a device to two
    /// claims, and it is free only when both are gone. Upstream keeps a set, and forgets the second claim.
    dedicated: FxHashMap<DeviceId, usize>,
    /// How many shares there are of devices that several claims can have.
    shares: FxHashMap<DeviceId, usize>,
    /// What the shares take of a device's capacity.
    consumed: FxHashMap<DeviceId, Amounts>,
}

impl AllocatedState {
    /// Counts an allocation. Devices that are had for administration do not count.
    pub fn add(&mut self, allocation: &Allocation) {
        for result in allocation.results.iter().filter(|result| !result.admin_access) {
            if result.share_id.is_none() {
                *self.dedicated.entry(result.device.clone()).or_default() += 1;
                continue;
            }
            *self.shares.entry(result.device.clone()).or_default() += 1;
            if !result.consumed_capacity.is_empty() {
                add_amounts(
                    self.consumed.entry(result.device.clone()).or_default(),
                    &result.consumed_capacity,
                );
            }
        }
    }

    /// Stops counting an allocation that was counted.
    pub fn remove(&mut self, allocation: &Allocation) {
        for result in allocation.results.iter().filter(|result| !result.admin_access) {
            let device = &result.device;
            if result.share_id.is_none() {
                uncount(&mut self.dedicated, device);
                continue;
            }
            uncount(&mut self.shares, device);
            if let Some(amounts) = self.consumed.get_mut(device) {
                subtract_amounts(amounts, &result.consumed_capacity);
                if is_nothing(amounts) {
                    self.consumed.remove(device);
                }
            }
        }
    }

    /// Whether a claim has the device for itself.
    pub fn is_dedicated(&self, device: &DeviceId) -> bool {
        self.dedicated.contains_key(device)
    }

    /// What shares take of the device; `None` if there is no amount recorded.
    pub fn consumed(&self, device: &DeviceId) -> Option<&Amounts> {
        self.consumed.get(device)
    }

    /// Whether a share of the device is allocated.
    pub fn is_shared(&self, device: &DeviceId) -> bool {
        self.shares.contains_key(device) || self.consumed.contains_key(device)
    }

    /// Whether the device is allocated in whole or in part.
    pub fn is_allocated(&self, device: &DeviceId) -> bool {
        self.is_dedicated(device) || self.is_shared(device)
    }
}

fn uncount(counts: &mut FxHashMap<DeviceId, usize>, device: &DeviceId) {
    if let Some(count) = counts.get_mut(device) {
        *count -= 1;
        if *count == 0 {
            counts.remove(device);
        }
    }
}

/// Adds amounts by name.
pub(crate) fn add_amounts(to: &mut Amounts, more: &[(Str, Amount)]) {
    for (name, amount) in more {
        match to.binary_search_by(|(known, _)| known.cmp(name)) {
            Ok(at) => to[at].1 = &to[at].1 + amount,
            Err(at) => to.insert(at, (name.clone(), amount.clone())),
        }
    }
}

/// Subtracts amounts by name.
pub(crate) fn subtract_amounts(from: &mut Amounts, less: &[(Str, Amount)]) {
    for (name, amount) in less {
        if let Ok(at) = from.binary_search_by(|(known, _)| known.cmp(name)) {
            from[at].1 = &from[at].1 - amount;
        }
    }
}

/// Whether no amount is left.
pub(crate) fn is_nothing(amounts: &Amounts) -> bool {
    amounts.iter().all(|(_, amount)| amount.quantity().is_zero())
}

/// The amount of this name.
pub(crate) fn amount<'a>(amounts: &'a [(Str, Amount)], name: &str) -> Option<&'a Amount> {
    let at = amounts.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
    Some(&amounts[at].1)
}

/// The id of a share of a device: a UUID that follows from the claim and the place of the device in it.
pub fn share_id(claim_uid: &str, at: usize) -> Str {
    let bits = (u128::from(hash(1, claim_uid, at)) << 64) | u128::from(hash(2, claim_uid, at));
    // Version 8 and the variant of RFC 9562: an id by a rule of its own.
    let bits = bits & !(0xf << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62;
    let text = format!("{bits:032x}");
    let parts = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
    parts.join("-").into()
}

/// A hash of a uid and a number.
pub(crate) fn hash(seed: u64, uid: &str, number: usize) -> u64 {
    let mut hasher = FxHasher::default();
    (seed, uid, number).hash(&mut hasher);
    // The low bits of this hash are weak.
    let hash = hasher.finish();
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use berth_model::device::AllocatedDevice;

    use super::*;

    #[test]
    fn a_device_of_two_claims_is_free_when_both_are_gone() {
        let device = DeviceId { driver: "d".into(), pool: "p".into(), device: "0".into() };
        let result = AllocatedDevice { device: device.clone(), ..AllocatedDevice::default() };
        let allocation = Allocation { results: vec![result], ..Allocation::default() };
        let mut state = AllocatedState::default();
        state.add(&allocation);
        state.add(&allocation);
        state.remove(&allocation);
        assert!(state.is_allocated(&device));
        state.remove(&allocation);
        assert!(!state.is_allocated(&device));
    }
}
