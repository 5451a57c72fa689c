//! Counters that devices of a pool share.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::device::{Device, DeviceId};

use crate::pools::Pool;
use crate::state::AllocatedState;

/// The counters of a pool, in thousand millionths.
#[derive(Debug)]
pub(super) struct Counters<'a> {
    /// What is left of each counter of each set, beside allocated devices. It may be below zero.
    available: BTreeMap<(&'a Str, &'a Str), i128>,
    /// What the devices take that are picked in this search.
    picked: BTreeMap<(&'a Str, &'a Str), i128>,
}

impl<'a> Counters<'a> {
    pub(super) fn new(pool: &Pool<'a>, state: &AllocatedState) -> Self {
        let mut available = BTreeMap::new();
        for set in pool.counters.values() {
            available.extend(
                set.counters.iter().map(|(name, amount)| ((&set.name, name), amount.quantity().nanos())),
            );
        }
        for slice in pool.slices.iter().chain(&pool.elsewhere) {
            for device in slice.devices.iter().filter(|device| !device.consumes_counters.is_empty()) {
                let id = DeviceId {
                    driver: slice.driver.clone(),
                    pool: slice.pool.name.clone(),
                    device: device.name.clone(),
                };
                if state.is_allocated(&id) {
                    for (counter, amount) in consumption(device) {
                        if let Some(left) = available.get_mut(&counter) {
                            *left -= amount;
                        }
                    }
                }
            }
        }
        Self { available, picked: BTreeMap::new() }
    }

    /// Takes what the device consumes, if that is left. Upstream looks at all counters of the pool: one that is short
    /// stops every device that consumes any.
    pub(super) fn take(&mut self, device: &'a Device) -> bool {
        for (counter, amount) in consumption(device) {
            *self.picked.entry(counter).or_default() += amount;
        }
        let picked = &self.picked;
        let enough =
            self.available.iter().all(|(counter, left)| picked.get(counter).copied().unwrap_or(0) <= *left);
        if !enough {
            self.give_back(device);
        }
        enough
    }

    /// What is left of a counter beside allocated devices; `None` if there is no such counter.
    pub(super) fn left(&self, set: &Str, counter: &Str) -> Option<i128> {
        self.available.get(&(set, counter)).copied()
    }

    /// Gives back what a device has taken.
    pub(super) fn give_back(&mut self, device: &'a Device) {
        for (counter, amount) in consumption(device) {
            *self.picked.entry(counter).or_default() -= amount;
        }
    }
}

/// What a device takes of each counter of each set, in thousand millionths.
pub(super) fn consumption(device: &Device) -> impl Iterator<Item = ((&Str, &Str), i128)> {
    let sets = device.consumes_counters.iter();
    sets.flat_map(|set| {
        set.counters.iter().map(|(name, amount)| ((&set.name, name), amount.quantity().nanos()))
    })
}
