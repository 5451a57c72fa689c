//! Devices: the drivers that publish them, the claims that users make, and the controller that frees claims.

use std::collections::BTreeMap;

use berth_engine::effect::Write;
use berth_flow::{Input, Request};
use berth_model::device::{DeviceId, ResourceClaim};
use berth_model::object::{Kind, Object, ObjectKey};

use crate::network::Pending;
use crate::server::Server;
use crate::world::{World, log};

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
    /// Creates the device class.
    pub(crate) fn set_up_devices(&mut self) {
        self.store(
            r#"{"apiVersion":"resource.k8s.io/v1","kind":"DeviceClass","metadata":{"name":"gpu"},
                "spec":{"selectors":[{"cel":{"expression":"device.driver == \"gpu.example.com\""}}]}}"#,
        );
    }

    /// The driver of a node publishes this many devices.
    pub(crate) fn write_slice(&mut self, node: &str, count: usize) {
        let devices: Vec<String> = (0..count).map(|number| format!(r#"{{"name":"d{number}"}}"#)).collect();
        let generation = self.server.version() + 1;
        self.store(&format!(
            r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{{"name":"{node}-gpu"}},"spec":{{
                "driver":"gpu.example.com","nodeName":"{node}","pool":{{"name":"{node}","generation":{generation},
                "resourceSliceCount":1}},"devices":[{}]}}}}"#,
            devices.join(",")
        ));
    }

    /// The driver of a node withdraws its slice.
    pub(crate) fn remove_slice(&mut self, node: &str) {
        let name = format!("{node}-gpu").into();
        self.server.remove(&ObjectKey { kind: Kind::ResourceSlice, namespace: "".into(), name });
    }

    /// A driver withdraws devices, or publishes others.
    pub(crate) fn withdraw_devices(&mut self, node: &str) {
        let count = self.rng.random.usize(0..3);
        log!(self, "the driver of node {node} publishes {count} devices");
        self.write_slice(node, count);
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
            left.reserved_for.retain(|consumer| exists(&consumer.uid));
            if left.reserved_for.is_empty() {
                left.allocation = None;
                left.devices.clear();
            }
            (left != **claim).then_some(left)
        })
    }

    /// A claim that the controller will free.
    pub(crate) fn stale_claim(&self) -> Option<String> {
        self.stale_claims().next().map(|claim| claim.name.to_string())
    }

    /// The controller of claims frees those that no pod uses.
    pub(crate) fn free_claims(&mut self) {
        for claim in self.stale_claims().collect::<Vec<_>>() {
            if self.rng.is_over() || self.rng.random.usize(0..4) == 0 {
                log!(self, "the controller frees claim {}", claim.name);
                self.server.put(Object::ResourceClaim(Box::new(claim)));
            }
        }
    }

    /// What a process receives before the answer to a write of devices: the claim as the server has it.
    pub(crate) fn claim_written(&mut self, pending: &Pending, reply: &Input) -> Option<Input> {
        let Request::Write(Write::ReserveDevices(reservation)) = &pending.request else { return None };
        let Input::Reply(_, Ok(_)) = reply else { return None };
        let object = self.server.json_of(&reservation.object())?;
        let instance = self.instances.iter_mut().find(|instance| instance.id == pending.instance)?;
        instance.watches.on_answer(Kind::ResourceClaim, object, &mut self.decode_cache)
    }

    /// A request is about to be carried out.
    pub(crate) fn before_devices_are_written(&mut self, pending: &Pending) {
        if matches!(pending.request, Request::Write(Write::ReserveDevices(_))) {
            self.allocators.forget_freed(&self.server);
        }
    }

    /// A request was carried out. No device may be allocated twice, unless the process that did so could not know of
    /// the other allocation: nothing at the API server prevents that, here as upstream.
    pub(crate) fn check_devices(&mut self, pending: &Pending) {
        let Request::Write(Write::ReserveDevices(reservation)) = &pending.request else { return };
        let key = reservation.object();
        let mine = devices(self.server.get(&key));
        if mine.is_empty() || self.allocators.0.contains_key(&key) {
            return;
        }
        let allocator = Allocator { version: self.server.version(), process: pending.instance };
        self.allocators.0.insert(key.clone(), allocator);
        let process = self.instances.iter().find(|process| process.id == pending.instance);
        let Some(seen) = process.and_then(|process| process.claims_seen_for(&reservation.consumer.uid))
        else {
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
