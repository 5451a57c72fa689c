//! Devices: the drivers that publish them, the claims that users make, and the controller that frees claims.

use std::collections::BTreeMap;
use std::ops::Range;

use berth_engine::effect::Write;
use berth_flow::{Input, Request};
use berth_model::Str;
use berth_model::device::{DeviceId, ResourceClaim};
use berth_model::object::{Kind, Object, ObjectKey};

use crate::network::Pending;
use crate::server::Server;
use crate::world::{World, log};

/// The pool whose devices the nodes of zone `z0` reach.
const RACK: &str = "rack";

/// The names of the slices of a pool.
fn slice_names(pool: &str) -> [String; 2] {
    [format!("{pool}-gpu"), format!("{pool}-gpu-more")]
}

/// Slices that drivers have not written yet, by name; `None`: the slice has to be deleted.
pub(crate) type Unpublished = BTreeMap<String, Option<String>>;

/// Who has allocated devices to a claim.
#[derive(Clone, Copy, Debug)]
struct Allocator {
    /// The version of the server after the write.
    version: u64,
    /// The process.
    process: usize,
}

/// Who has allocated devices to each claim that has some.
#[derive(Debug, Default)]
pub(crate) struct Allocators(BTreeMap<ObjectKey, Allocator>);

impl Allocators {
    /// Forgets the claims that have no devices any more. This must happen before each write that may allocate:
    /// afterwards a new allocation looks like the one before.
    fn forget_freed(&mut self, server: &Server) {
        self.0.retain(|claim, _| !devices(server.get(claim)).is_empty());
    }
}

impl World {
    /// Creates the device class, which also serves an extended resource, and sometimes a pool that the nodes of a zone
    /// reach.
    pub(crate) fn set_up_devices(&mut self) {
        self.store(
            r#"{"apiVersion":"resource.k8s.io/v1","kind":"DeviceClass","metadata":{"name":"gpu"},
                "spec":{"extendedResourceName":"example.com/gpu",
                "selectors":[{"cel":{"expression":"device.driver == \"gpu.example.com\""}}]}}"#,
        );
        if self.rng.random.usize(0..4) == 0 {
            self.publish(RACK, 2);
        }
    }

    /// A driver publishes this many devices in the pool of a node, or of the zone: a new generation of the pool, in one
    /// slice or in two. It writes the slices one after the other, in any order.
    pub(crate) fn publish(&mut self, pool: &str, count: usize) {
        let generation = self.server.version() + 1;
        let slices = if self.rng.random.usize(0..3) == 0 { 2 } else { 1 };
        let first = if slices == 1 { count } else { self.rng.random.usize(0..=count) };
        let reach = match pool {
            RACK => {
                r#""nodeSelector":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone","operator":"In","values":["z0"]}]}]}"#
                    .to_owned()
            }
            node => format!(r#""nodeName":"{node}""#),
        };
        let slice = |name: &str, numbers: Range<usize>| {
            let devices: Vec<String> = numbers.map(|number| format!(r#"{{"name":"d{number}"}}"#)).collect();
            format!(
                r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{{"name":"{name}"}},"spec":{{
                "driver":"gpu.example.com",{reach},"pool":{{"name":"{pool}","generation":{generation},
                "resourceSliceCount":{slices}}},"devices":[{}]}}}}"#,
                devices.join(",")
            )
        };
        let [one, two] = slice_names(pool);
        let one_written = (one.clone(), Some(slice(&one, 0..first)));
        let two_written = (two.clone(), (slices == 2).then(|| slice(&two, first..count)));
        let (now, later) =
            if self.rng.random.bool() { (one_written, two_written) } else { (two_written, one_written) };
        self.unpublished.insert(later.0, later.1);
        self.unpublished.remove(&now.0);
        self.write_slice(&now.0, now.1.as_deref());
    }

    /// Drivers write slices that they have not written yet.
    pub(crate) fn publish_the_rest(&mut self) {
        let names: Vec<String> = self.unpublished.keys().cloned().collect();
        for name in names {
            if !self.rng.is_over() && self.rng.random.usize(0..4) > 0 {
                continue;
            }
            if let Some(slice) = self.unpublished.remove(&name) {
                log!(self, "a driver goes on with slice {name}");
                self.write_slice(&name, slice.as_deref());
            }
        }
    }

    /// Writes a slice, or deletes it.
    fn write_slice(&mut self, name: &str, slice: Option<&str>) {
        match slice {
            Some(slice) => self.store(slice),
            None => {
                let name = name.into();
                self.server.remove(&ObjectKey { kind: Kind::ResourceSlice, namespace: "".into(), name });
            }
        }
    }

    /// The driver of a node withdraws its slices.
    pub(crate) fn remove_slices(&mut self, node: &str) {
        for name in slice_names(node) {
            self.unpublished.remove(&name);
            self.write_slice(&name, None);
        }
    }

    /// A driver withdraws devices, or publishes others.
    pub(crate) fn withdraw_devices(&mut self, node: &str) {
        let pool = if self.rng.random.usize(0..6) == 0 { RACK } else { node };
        let count = self.rng.random.usize(0..3);
        log!(self, "a driver publishes {count} devices in pool {pool}");
        self.publish(pool, count);
    }

    /// The claim of a pod: sometimes one that another pod uses, too. Returns its name.
    pub(crate) fn claim_for(&mut self, pod: &str) -> String {
        let known: Vec<String> =
            self.server.all(Kind::ResourceClaim).map(|claim| claim.key().name.to_string()).collect();
        if known.iter().any(|claim| claim == pod) {
            return pod.to_owned();
        }
        if self.rng.random.usize(0..4) == 0
            && let Some(shared) = self.rng.random.choice(&known)
        {
            return shared.clone();
        }
        let request = match self.rng.random.usize(0..4) {
            0 => r#""exactly":{"deviceClassName":"gpu","allocationMode":"ExactCount","count":2}"#,
            1 => {
                r#""firstAvailable":[{"name":"two","deviceClassName":"gpu","allocationMode":"ExactCount","count":2},
                    {"name":"one","deviceClassName":"gpu","allocationMode":"ExactCount","count":1}]"#
            }
            _ => r#""exactly":{"deviceClassName":"gpu","allocationMode":"ExactCount","count":1}"#,
        };
        let uid = self.server.uid();
        self.store(&format!(
            r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{{"name":"{pod}","namespace":"default",
                "uid":"{uid}"}},"spec":{{"devices":{{"requests":[{{"name":"gpu",{request}}}]}}}}}}"#
        ));
        pod.to_owned()
    }

    /// Claims with consumers that do not exist any more, as the controller leaves them.
    fn stale_claims(&self) -> impl Iterator<Item = ResourceClaim> {
        self.server.all(Kind::ResourceClaim).filter_map(|object| {
            let Object::ResourceClaim(claim) = object else { return None };
            let exists = |uid: &str| self.server.pods().any(|pod| *pod.pod.uid == *uid);
            let mut left = (**claim).clone();
            left.release(|consumer| exists(&consumer.uid));
            (left != **claim).then_some(left)
        })
    }

    /// Claims for extended resources whose pods do not exist any more.
    fn orphaned_claims(&self) -> impl Iterator<Item = ObjectKey> {
        self.server.all(Kind::ResourceClaim).filter_map(|object| {
            let Object::ResourceClaim(claim) = object else { return None };
            let owner = claim.extended_owner()?;
            self.server.pods().all(|pod| pod.pod.uid != owner.uid).then(|| object.key())
        })
    }

    /// A claim that the controller of claims will free, or the garbage collector delete.
    pub(crate) fn stale_claim(&self) -> Option<String> {
        let stale = self.stale_claims().map(|claim| claim.name).next();
        stale.or_else(|| self.orphaned_claims().map(|claim| claim.name).next()).map(|name| name.to_string())
    }

    /// The controller of claims frees those that no pod uses. The garbage collector deletes those whose owner is gone.
    pub(crate) fn free_claims(&mut self) {
        for claim in self.orphaned_claims().collect::<Vec<_>>() {
            if self.rng.is_over() || self.rng.random.usize(0..4) == 0 {
                log!(self, "the garbage collector deletes claim {}", claim.name);
                self.server.remove(&claim);
            }
        }
        for claim in self.stale_claims().collect::<Vec<_>>() {
            if self.rng.is_over() || self.rng.random.usize(0..4) == 0 {
                log!(self, "the controller frees claim {}", claim.name);
                self.server.put(Object::ResourceClaim(Box::new(claim)));
            }
        }
    }

    /// What a process receives before the answer to a write of devices: the claim as the server has it.
    pub(crate) fn claim_written(&mut self, pending: &Pending, reply: &Input) -> Option<Input> {
        let Input::Reply(_, Ok(_)) = reply else { return None };
        let object = self.server.json_of(&written(&pending.request)?.0)?;
        let instance = self.instances.iter_mut().find(|instance| instance.id == pending.instance)?;
        instance.watches.on_answer(Kind::ResourceClaim, object, &mut self.decode_cache)
    }

    /// A request is about to be carried out.
    pub(crate) fn before_devices_are_written(&mut self, pending: &Pending) {
        if written(&pending.request).is_some() {
            self.allocators.forget_freed(&self.server);
        }
    }

    /// A request was carried out. No device may be allocated twice, unless the process that did so could not know of
    /// the other allocation: nothing at the API server prevents that, here as upstream.
    pub(crate) fn check_devices(&mut self, pending: &Pending) {
        let Some((key, consumer)) = written(&pending.request) else { return };
        let mine = devices(self.server.get(&key));
        if mine.is_empty() || self.allocators.0.contains_key(&key) {
            return;
        }
        let allocator = Allocator { version: self.server.version(), process: pending.instance };
        self.allocators.0.insert(key.clone(), allocator);
        let process = self.instances.iter().find(|process| process.id == pending.instance);
        let Some(seen) = process.and_then(|process| process.claims_seen_for(&consumer)) else {
            return; // the process has died: its successor cannot know of the write
        };
        let twice = self.allocators.0.iter().find(|(other, by)| {
            let theirs = devices(self.server.get(other));
            let is_known = by.process == pending.instance || by.version <= seen;
            **other != key && is_known && theirs.iter().any(|device| mine.contains(device))
        });
        if let Some((other, _)) = twice {
            let what = format!("claims {} and {} have the same device: {mine:?}", key.name, other.name);
            self.violation(what);
        }
    }
}

/// The claim that a request gives devices to, and the uid of the pod.
fn written(request: &Request) -> Option<(ObjectKey, Str)> {
    match request {
        Request::Write(Write::ReserveDevices(wanted)) => Some((wanted.object(), wanted.consumer.uid.clone())),
        Request::Write(Write::MakeDeviceClaim(made)) => {
            let wanted = made.reservation(&made.claim.uid);
            Some((wanted.object(), wanted.consumer.uid))
        }
        _ => None,
    }
}

/// The devices of a claim.
fn devices(object: Option<&Object>) -> Vec<DeviceId> {
    let Some(Object::ResourceClaim(claim)) = object else { return Vec::new() };
    let results = claim.allocation.iter().flat_map(|allocation| &allocation.results);
    results.map(|result| result.device.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    #[test]
    fn a_claim_that_was_freed_has_no_allocator_when_it_is_allocated_again() {
        let mut world = World::new(Plan::draw(0), None, false);
        let claim = |status: &str| {
            format!(
                r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{{"name":"c","namespace":"default"}},
                "spec":{{"devices":{{"requests":[{{"name":"gpu","exactly":{{"deviceClassName":"gpu"}}}}]}}}},
                "status":{{{status}}}}}"#
            )
        };
        const ALLOCATED: &str = r#""allocation":{"devices":{"results":[{"request":"gpu","driver":"d","pool":"p","device":"d0"}]}}"#;
        let key = ObjectKey { kind: Kind::ResourceClaim, namespace: "default".into(), name: "c".into() };
        for (status, is_known) in [(ALLOCATED, true), ("", false)] {
            world.store(&claim(status));
            world.allocators.0.insert(key.clone(), Allocator { version: 1, process: 0 });
            world.allocators.forget_freed(&world.server);
            assert_eq!(world.allocators.0.contains_key(&key), is_known, "{status}");
        }
    }
}
