//! What is known of storage beyond the objects themselves, found out when it is first asked for.

use std::sync::OnceLock;

use berth_model::Str;
use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::cluster::pods::Pods;
use crate::cluster::storage::Storage;
use crate::cluster::storage::attached::AttachedVolumes;
use crate::cluster::storage::available::{AvailableVolumes, ClassVolumes};
use crate::ids::{NodeRow, PodRow};

/// Indexes over storage. Clusters without volumes never make them.
#[derive(Clone, Debug, Default)]
pub(crate) struct VolumeIndex {
    pub(crate) available: OnceLock<AvailableVolumes>,
    pub(crate) attached: OnceLock<AttachedVolumes>,
    /// By driver: how many of its volumes any node can attach at least.
    pub(crate) least_limits: OnceLock<FxHashMap<Str, i64>>,
}

impl VolumeIndex {
    /// Anything may have changed in storage.
    pub(crate) fn storage_changed(&mut self) {
        *self = Self::default();
    }

    /// A node came, went or has other labels.
    pub(crate) fn nodes_changed(&mut self) {
        self.available = OnceLock::new();
    }

    pub(crate) fn placed(&mut self, pod: PodRow, node: NodeRow, pods: &Pods, storage: &Storage) {
        if let Some(attached) = self.attached.get_mut() {
            attached.placed(pod, node, &pods.entry(pod).pod, storage);
        }
    }

    pub(crate) fn displaced(&mut self, pod: PodRow) {
        if let Some(attached) = self.attached.get_mut() {
            attached.displaced(pod);
        }
    }
}

impl Cluster {
    /// What a storage class has to offer; `None` where there is neither a volume nor capacity of the class.
    pub fn available_volumes(&self, class: &str) -> Option<&ClassVolumes> {
        self.volume_index.available.get_or_init(|| AvailableVolumes::new(self)).get(class)
    }

    /// How many volumes of a driver a node can attach at least; `None` where no node has a limit.
    pub fn least_limit(&self, driver: &Str) -> Option<i64> {
        let limits = self.volume_index.least_limits.get_or_init(|| {
            let mut limits: FxHashMap<Str, i64> = FxHashMap::default();
            for driver in self.storage().csi_nodes.values().flat_map(|node| &node.drivers) {
                if let Some(limit) = driver.limit {
                    let least = limits.entry(driver.name.clone()).or_insert(limit);
                    *least = limit.min(*least);
                }
            }
            limits
        });
        limits.get(driver).copied()
    }

    /// The volumes that the pods on each node have attached.
    pub fn attached_volumes(&self) -> &AttachedVolumes {
        self.volume_index.attached.get_or_init(|| AttachedVolumes::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Effect;
    use crate::fixture::{World, labels};
    use crate::storage_fixture::{claim_volume, disk_volume, ephemeral_volume, nodes_with};
    use berth_model::quantity::Quantity;
    use berth_model::selector::LabelSelector;
    use berth_model::volume::{Attachment, ClaimRef, Disk, StorageCapacity, VolumeSource};
    use proptest::prelude::*;

    /// Something that happens to a cluster of three nodes, three claims and three volumes.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        Place(u8, u8),
        Displace(u8),
        Bind(u8, u8),
        Provision(u8, u8),
        FulfilBind(u8, u8),
        FulfilProvision(u8, u8),
        Undo,
        Node(u8, u8),
        RemoveNode(u8),
        Volume(u8, u8, u8),
        RemoveVolume(u8),
        Claim(u8, Option<u8>),
        RemoveClaim(u8),
        Capacity(u8, Option<u8>),
        Attachment(u8, u8, u8),
        RemoveAttachment(u8),
        Class(bool),
        Rewrite(u8, u8),
    }

    fn event() -> impl Strategy<Value = Event> {
        let (pod, three) = (0..6u8, 0..3u8);
        prop_oneof![
            4 => (pod.clone(), three.clone()).prop_map(|(p, n)| Event::Place(p, n)),
            2 => pod.prop_map(Event::Displace),
            2 => (three.clone(), three.clone()).prop_map(|(c, v)| Event::Bind(c, v)),
            1 => (three.clone(), three.clone()).prop_map(|(c, n)| Event::Provision(c, n)),
            1 => (three.clone(), three.clone()).prop_map(|(c, v)| Event::FulfilBind(c, v)),
            1 => (three.clone(), three.clone()).prop_map(|(c, n)| Event::FulfilProvision(c, n)),
            1 => Just(Event::Undo),
            1 => (three.clone(), three.clone()).prop_map(|(n, z)| Event::Node(n, z)),
            1 => three.clone().prop_map(Event::RemoveNode),
            3 => (three.clone(), three.clone(), 0..6u8).prop_map(|(v, z, how)| Event::Volume(v, z, how)),
            1 => three.clone().prop_map(Event::RemoveVolume),
            2 => (three.clone(), prop::option::of(three.clone())).prop_map(|(c, v)| Event::Claim(c, v)),
            1 => three.clone().prop_map(Event::RemoveClaim),
            1 => (three.clone(), prop::option::of(three.clone())).prop_map(|(c, z)| Event::Capacity(c, z)),
            1 => (three.clone(), three.clone(), three.clone()).prop_map(|(a, n, v)| Event::Attachment(a, n, v)),
            1 => three.clone().prop_map(Event::RemoveAttachment),
            1 => any::<bool>().prop_map(Event::Class),
            1 => (0..6u8, 0..6u8).prop_map(|(pod, like)| Event::Rewrite(pod, like)),
        ]
    }

    fn node(world: &mut World, node: u8, zone: u8) {
        world.node(&format!("n{node}"), |n| n.labels = labels(&[("zone", &format!("z{zone}"))]));
    }

    fn volume(world: &mut World, volume: u8, zone: u8) {
        world.volume(&format!("v{volume}"), |v| {
            v.storage_class = "local".into();
            v.node_affinity = nodes_with("zone", &[&format!("z{zone}")]);
        });
    }

    /// A volume in one of its states: free, taken, going, reserved for one of two claims, or on another disk.
    fn volume_as(world: &mut World, at: u8, zone: u8, how: u8) {
        let claim = |name: &str| {
            Some(ClaimRef { namespace: "default".into(), name: name.into(), uid: Default::default() })
        };
        world.volume(&format!("v{at}"), |v| {
            v.storage_class = if how == 5 { "other".into() } else { "local".into() };
            v.node_affinity = nodes_with("zone", &[&format!("z{zone}")]);
            v.capacity = Quantity::from_units(i64::from(zone));
            match how {
                1 => v.available = false,
                2 => v.terminating = true,
                3 => v.claim = claim("c0"),
                4 => v.claim = claim("c1"),
                5 => {
                    v.source = VolumeSource::Csi { driver: "csi.example".into(), handle: "elsewhere".into() }
                }
                _ => {}
            }
        });
    }

    fn world() -> (World, Vec<PodRow>) {
        let mut world = World::default();
        for at in 0..3 {
            node(&mut world, at, at);
            volume(&mut world, at, at);
            world.claim(&format!("c{at}"), |claim| claim.storage_class = Some("local".into()));
        }
        world.claim("p5-own", |claim| {
            claim.storage_class = Some("local".into());
            claim.controller_uid = Some("p5".into());
        });
        world.class("local", "csi.example", |_| {});
        let attachment = Attachment {
            name: "a".into(),
            node: "n0".into(),
            driver: "csi.example".into(),
            volume: Some("v2".into()),
            inline: None,
        };
        world.cluster.upsert_attachment(attachment);
        let disk = || disk_volume("disk", Disk::AwsElasticBlockStore { id: "vol-1".into() });
        let volumes = [
            vec![claim_volume("a", "c0")],
            vec![claim_volume("a", "c0"), claim_volume("b", "c1")],
            vec![claim_volume("a", "c2"), claim_volume("b", "c2")],
            vec![disk()],
            vec![disk(), disk_volume("bad", Disk::AwsElasticBlockStore { id: "aws://x".into() })],
            vec![ephemeral_volume("own")],
        ];
        let pods = volumes.into_iter().zip(0..).map(|(list, at)| {
            let name = format!("p{at}");
            world.pod(&name, |_, spec| spec.volumes = list)
        });
        let pods = pods.collect();
        (world, pods)
    }

    /// All that the indexes say, in words.
    fn said(cluster: &Cluster) -> String {
        let mut out = String::new();
        let attached = cluster.attached_volumes();
        let most = |driver: &str| attached.numbers().driver(driver).map_or(0, |d| attached.most(d));
        out += &format!("at most {} csi, {} ebs, ", most("csi.example"), most("ebs.csi.aws.com"));
        out += &format!("{} attached, {}, ", attached.most_attachments(), attached.has_unresolved());
        out += &format!("{} have numbers\n", attached.numbers().volume_count());
        for (name, row) in cluster.nodes().by_name() {
            for claim in ["c0", "c1", "c2"] {
                let free = cluster
                    .available_volumes("local")
                    .and_then(|o| o.free.first(row, cluster, |_| false, |_| true));
                let reserved: &[Str] = cluster
                    .available_volumes("local")
                    .map_or(&[], |o| o.reserved_for(&"default".into(), &claim.into()));
                let users = cluster.attached_volumes().users(&"default".into(), &claim.into());
                let mut users: Vec<_> = users.to_vec();
                users.sort_unstable();
                let free = free.map(|volume| &volume.name);
                let room = cluster.available_volumes("local").map(|o| &o.capacities);
                let room = room.and_then(|r| r.first(row, cluster, |_| false, |_| true)).map(|c| c.bytes);
                out += &format!(
                    "{name} {claim}: free {free:?}, reserved {reserved:?}, users {users:?}, room {room:?}\n"
                );
            }
            let attached = cluster.attached_volumes();
            let pods = cluster.nodes().pods(row).iter().filter_map(|&p| attached.pod(p));
            let volumes: usize = pods.clone().flatten().map(|list| list.len()).sum();
            let driver = |d: &str| {
                let number = attached.numbers().driver(d);
                number.and_then(|n| Some(attached.node(row)?.count(n))).unwrap_or(0)
            };
            let errors = pods.filter(|found| found.is_err()).count();
            out += &format!("{name}: {volumes} of pods, {errors} unresolved, ");
            out += &format!("{} csi, {} ebs, ", driver("csi.example"), driver("ebs.csi.aws.com"));
            let unresolved = attached.node(row).is_some_and(|n| n.has_unresolved());
            out += &format!("{unresolved}, {} attachments\n", attached.attachments(name).count());
        }
        out
    }

    /// Capacities and attachments.
    fn publish(world: &mut World, event: Event) {
        let named = |kind: &str, at: u8| format!("{kind}{at}").into();
        match event {
            Event::Capacity(at, Some(zone)) => world.cluster.upsert_capacity(StorageCapacity {
                namespace: "default".into(),
                name: named("capacity", at),
                storage_class: "local".into(),
                topology: Some(LabelSelector::from_labels(&labels(&[("zone", &format!("z{zone}"))]))),
                capacity: Some(Quantity::from_units(5)),
                ..StorageCapacity::default()
            }),
            Event::Capacity(at, None) => {
                world.cluster.remove_capacity(&"default".into(), &named("capacity", at));
            }
            Event::Attachment(at, node, volume) => world.cluster.upsert_attachment(Attachment {
                name: named("a", at),
                node: named("n", node),
                driver: "csi.example".into(),
                volume: Some(named("v", volume)),
                inline: None,
            }),
            Event::RemoveAttachment(at) => world.cluster.remove_attachment(&named("a", at)),
            _ => {}
        }
    }

    fn happen(world: &mut World, pods: &[PodRow], event: Event, undo: &mut Vec<crate::cluster::Assumed>) {
        let named = |kind: &str, at: u8| format!("{kind}{at}").into();
        let bind = |claim, volume| Effect::BindVolume {
            volume: named("v", volume),
            namespace: "default".into(),
            claim: named("c", claim),
        };
        let provision = |claim, node| Effect::ProvisionVolume {
            namespace: "default".into(),
            claim: named("c", claim),
            node: named("n", node),
        };
        let find = |world: &World, at: u8| world.cluster.nodes().find(&format!("n{at}"));
        match event {
            Event::Place(pod, at) => {
                let pod = pods[usize::from(pod)];
                if let Some(row) = find(world, at)
                    && world.cluster.pods().entry(pod).pod.node.is_none()
                {
                    world.cluster.assign(pod, row);
                }
            }
            Event::Displace(pod) => world.cluster.unassign(pods[usize::from(pod)]),
            Event::Bind(claim, volume) => undo.extend(world.cluster.apply(&bind(claim, volume))),
            Event::Provision(claim, node) => undo.extend(world.cluster.apply(&provision(claim, node))),
            Event::FulfilBind(claim, volume) => world.cluster.fulfil(&bind(claim, volume)),
            Event::FulfilProvision(claim, node) => world.cluster.fulfil(&provision(claim, node)),
            Event::Undo => {
                if let Some(assumed) = undo.pop() {
                    world.cluster.undo(assumed);
                }
            }
            Event::Node(at, zone) => node(world, at, zone),
            Event::RemoveNode(at) => {
                if let Some(row) = find(world, at) {
                    world.cluster.remove_node(row);
                }
            }
            Event::Volume(at, zone, how) => volume_as(world, at, zone, how),
            Event::RemoveVolume(at) => world.cluster.remove_volume(&named("v", at)),
            Event::Claim(at, volume) => world.claim(&format!("c{at}"), |claim| {
                claim.storage_class = Some("local".into());
                claim.volume = volume.map(|v| named("v", v));
            }),
            Event::RemoveClaim(at) => world.cluster.remove_claim(&"default".into(), &named("c", at)),
            Event::Capacity(..) | Event::Attachment(..) | Event::RemoveAttachment(_) => publish(world, event),
            Event::Class(true) => world.class("local", "csi.example", |_| {}),
            Event::Class(false) => world.cluster.remove_class("local"),
            Event::Rewrite(pod, like) => {
                let [row, like] = [pod, like].map(|at| pods[usize::from(at)]);
                let mut pod = world.cluster.pods().entry(row).pod.clone();
                pod.spec = world.cluster.pods().entry(like).pod.spec.clone();
                world.cluster.update_pod(row, pod);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_up_to_date_says_what_is_found_anew(events in prop::collection::vec(event(), 1..40)) {
            let (mut world, pods) = world();
            let mut undo = Vec::new();
            for event in events {
                happen(&mut world, &pods, event, &mut undo);
                let mut rebuilt = world.cluster.clone();
                rebuilt.volume_index = VolumeIndex::default();
                prop_assert_eq!(said(&world.cluster), said(&rebuilt), "after {:?}", event);
            }
        }
    }
}
