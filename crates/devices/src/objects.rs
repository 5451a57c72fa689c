//! All device objects of a cluster, and what follows from them: slices with the taints of rules, allocated devices, and
//! the classes that serve extended resources.
//!
//! Upstream: plugins/dynamicresources `dra_manager.go`, `allocateddevices.go`; dynamic-resource-allocation
//! `resourceslice/tracker`, `deviceclass/extendedresourcecache`.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::Str;
use berth_model::device::{Allocation, DeviceClass, DeviceTaintRule, Reach, ResourceClaim, ResourceSlice};

use crate::extended::ExtendedResources;
use crate::pools::PoolId;
use crate::selectors::Selectors;
use crate::state::AllocatedState;

/// The device objects of a cluster, by name.
#[derive(Clone, Debug, Default)]
pub struct DeviceObjects {
    classes: BTreeMap<Str, DeviceClass>,
    slices: BTreeMap<Str, ResourceSlice>,
    rules: BTreeMap<Str, DeviceTaintRule>,
    /// By namespace and name.
    claims: BTreeMap<(Str, Str), ResourceClaim>,
    /// Claims whose allocation was decided here and is not known to be written. Upstream: `inFlightAllocations` in
    /// `plugins/dynamicresources/dra_manager.go`.
    in_flight: BTreeSet<(Str, Str)>,
    /// Slices to whose devices rules add taints.
    tainted: BTreeMap<Str, ResourceSlice>,
    /// The slices of each pool.
    pools: BTreeMap<PoolId, BTreeSet<Str>>,
    /// The pools that only one node sees, by the node's name.
    of_node: BTreeMap<Str, BTreeMap<PoolId, usize>>,
    /// The pools that several nodes may see, each with the number of its slices that say so.
    of_nodes: BTreeMap<PoolId, usize>,
    /// The claims that were made for the extended resources of pods: the pod's uid, the namespace, the name.
    made_for: BTreeSet<(Str, Str, Str)>,
    allocated: AllocatedState,
    extended: ExtendedResources,
    selectors: Selectors,
}

/// Who sees the devices of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolOwner {
    /// There is no such pool.
    None,
    /// Only this node.
    Node(Str),
    /// Several nodes, perhaps.
    Several,
}

impl DeviceObjects {
    /// Who sees the devices of a pool, given by its driver and name.
    pub fn owner(&self, driver: &Str, pool: &Str) -> PoolOwner {
        let id = PoolId { driver: driver.clone(), name: pool.clone() };
        let slices = self.pools.get(&id).into_iter().flatten().filter_map(|name| self.slices.get(name));
        let mut owner = PoolOwner::None;
        for slice in slices {
            match (&slice.reach, &owner) {
                (Reach::Node(node), PoolOwner::None) => owner = PoolOwner::Node(node.clone()),
                (Reach::Node(node), PoolOwner::Node(known)) if node == known => {}
                _ => return PoolOwner::Several,
            }
        }
        owner
    }

    /// Whether there is nothing that a pod could get a device from or with.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.slices.is_empty() && self.claims.is_empty() && self.rules.is_empty()
    }

    /// The class of this name.
    pub fn class(&self, name: &str) -> Option<&DeviceClass> {
        self.classes.get(name)
    }

    /// All classes, by name.
    pub fn classes(&self) -> &BTreeMap<Str, DeviceClass> {
        &self.classes
    }

    /// All slices as their drivers published them, by name.
    pub fn slices(&self) -> &BTreeMap<Str, ResourceSlice> {
        &self.slices
    }

    /// All taint rules, by name.
    pub fn rules(&self) -> &BTreeMap<Str, DeviceTaintRule> {
        &self.rules
    }

    /// The claim of this name.
    pub fn claim(&self, namespace: &Str, name: &Str) -> Option<&ResourceClaim> {
        self.claims.get(&(namespace.clone(), name.clone()))
    }

    /// Whether the allocation of a claim was decided here and is not known to be written.
    pub fn is_in_flight(&self, claim: &ResourceClaim) -> bool {
        !self.in_flight.is_empty() && self.in_flight.contains(&(claim.namespace.clone(), claim.name.clone()))
    }

    /// The allocation of a claim is being written (`true`), or what became of the write is known. Returns whether that
    /// is new.
    pub fn set_in_flight(&mut self, namespace: &Str, name: &Str, in_flight: bool) -> bool {
        let key = (namespace.clone(), name.clone());
        if in_flight { self.in_flight.insert(key) } else { self.in_flight.remove(&key) }
    }

    /// All claims, by namespace and name.
    pub fn claims(&self) -> impl Iterator<Item = &ResourceClaim> {
        self.claims.values()
    }

    /// The claims that were made for the extended resources of the pod with this uid.
    pub fn claims_made_for(&self, pod: &Str) -> impl Iterator<Item = &ResourceClaim> {
        let first = (pod.clone(), Str::default(), Str::default());
        let names = self.made_for.range(first..).take_while(move |(owner, ..)| owner == pod);
        names.filter_map(|(_, namespace, name)| self.claim(namespace, name))
    }

    /// The class that serves an extended resource.
    pub fn class_of_resource(&self, resource: &str) -> Option<&DeviceClass> {
        self.extended.class(resource).and_then(|name| self.classes.get(name))
    }

    /// Whether some class serves some extended resource.
    pub fn serve_resources(&self) -> bool {
        !self.classes.is_empty()
    }

    /// What claims hold.
    pub(crate) fn allocated(&self) -> &AllocatedState {
        &self.allocated
    }

    pub(crate) fn selectors(&self) -> &Selectors {
        &self.selectors
    }

    /// The slices of all pools of which the node may see a part, with the taints of rules, pool by pool.
    pub(crate) fn slices_for(&self, node: &str) -> Vec<&ResourceSlice> {
        let own = self.of_node.get(node).into_iter().flatten().map(|(pool, _)| pool);
        let pools: BTreeSet<&PoolId> = own.chain(self.of_nodes.keys()).collect();
        let names = pools.into_iter().filter_map(|pool| self.pools.get(pool)).flatten();
        names.filter_map(|name| self.tainted.get(name).or_else(|| self.slices.get(name))).collect()
    }

    /// Adds a class, or replaces the one of its name.
    pub fn upsert_class(&mut self, class: DeviceClass) {
        let old = self.classes.get(&class.name);
        self.extended.upsert(&class, old, &self.classes);
        self.classes.insert(class.name.clone(), class);
    }

    /// Removes a class.
    pub fn remove_class(&mut self, name: &str) {
        if let Some(class) = self.classes.remove(name) {
            self.extended.remove(&class);
        }
    }

    /// Adds a claim, or replaces the one of its name.
    pub fn upsert_claim(&mut self, claim: ResourceClaim) {
        let key = (claim.namespace.clone(), claim.name.clone());
        self.forget(&key);
        if let Some(allocation) = &claim.allocation {
            self.allocated.add(allocation);
        }
        self.made_for.extend(made_for(&claim));
        self.claims.insert(key, claim);
    }

    /// Removes a claim, and returns it.
    pub fn remove_claim(&mut self, namespace: &Str, name: &Str) -> Option<ResourceClaim> {
        let key = (namespace.clone(), name.clone());
        self.in_flight.remove(&key);
        self.forget(&key)
    }

    /// Removes a claim with what is counted of it.
    fn forget(&mut self, key: &(Str, Str)) -> Option<ResourceClaim> {
        let claim = self.claims.remove(key)?;
        if let Some(allocation) = &claim.allocation {
            self.allocated.remove(allocation);
        }
        if let Some(entry) = made_for(&claim) {
            self.made_for.remove(&entry);
        }
        Some(claim)
    }

    /// Counts devices that no claim has yet as allocated: a write that gives them to a claim may still be carried out.
    pub fn hold(&mut self, allocation: &Allocation) {
        self.allocated.add(allocation);
    }

    /// Stops counting devices that were held.
    pub fn release(&mut self, allocation: &Allocation) {
        self.allocated.remove(allocation);
    }

    /// Adds a slice, or replaces the one of its name.
    pub fn upsert_slice(&mut self, slice: ResourceSlice) {
        self.remove_slice(&slice.name.clone());
        let pool = PoolId { driver: slice.driver.clone(), name: slice.pool.name.clone() };
        self.pools.entry(pool.clone()).or_default().insert(slice.name.clone());
        *self.views(&slice.reach).entry(pool).or_default() += 1;
        self.taint(&slice);
        self.slices.insert(slice.name.clone(), slice);
    }

    /// Removes a slice.
    pub fn remove_slice(&mut self, name: &str) {
        let Some(slice) = self.slices.remove(name) else { return };
        self.tainted.remove(name);
        let pool = PoolId { driver: slice.driver.clone(), name: slice.pool.name.clone() };
        if let Some(names) = self.pools.get_mut(&pool) {
            names.remove(name);
            if names.is_empty() {
                self.pools.remove(&pool);
            }
        }
        let views = self.views(&slice.reach);
        if let Some(count) = views.get_mut(&pool) {
            *count -= 1;
            if *count == 0 {
                views.remove(&pool);
            }
        }
        if let Reach::Node(node) = &slice.reach
            && self.of_node.get(node).is_some_and(BTreeMap::is_empty)
        {
            self.of_node.remove(node);
        }
    }

    fn views(&mut self, reach: &Reach) -> &mut BTreeMap<PoolId, usize> {
        match reach {
            Reach::Node(node) => self.of_node.entry(node.clone()).or_default(),
            _ => &mut self.of_nodes,
        }
    }

    /// Adds a taint rule, or replaces the one of its name.
    pub fn upsert_rule(&mut self, rule: DeviceTaintRule) {
        self.rules.insert(rule.name.clone(), rule);
        self.taint_all();
    }

    /// Removes a taint rule.
    pub fn remove_rule(&mut self, name: &str) {
        if self.rules.remove(name).is_some() {
            self.taint_all();
        }
    }

    fn taint_all(&mut self) {
        self.tainted.clear();
        let slices = std::mem::take(&mut self.slices);
        for slice in slices.values() {
            self.taint(slice);
        }
        self.slices = slices;
    }

    /// Keeps a copy of the slice with the taints of rules, if there are any.
    fn taint(&mut self, slice: &ResourceSlice) {
        let mut copy = None;
        for rule in self.rules.values() {
            let Some(selector) = &rule.selector else { continue };
            let selects =
                |wanted: &Option<Str>, found: &Str| wanted.as_ref().is_none_or(|wanted| wanted == found);
            if !selects(&selector.driver, &slice.driver) || !selects(&selector.pool, &slice.pool.name) {
                continue;
            }
            for (at, device) in slice.devices.iter().enumerate() {
                if selects(&selector.device, &device.name) {
                    let copy = copy.get_or_insert_with(|| slice.clone());
                    copy.devices[at].taints.push(rule.taint.clone());
                }
            }
        }
        if let Some(copy) = copy {
            self.tainted.insert(slice.name.clone(), copy);
        }
    }
}

/// The entry of a claim among those that were made for pods.
fn made_for(claim: &ResourceClaim) -> Option<(Str, Str, Str)> {
    let owner = claim.extended_owner()?;
    Some((owner.uid.clone(), claim.namespace.clone(), claim.name.clone()))
}
