//! What is known of storage beyond the objects themselves, found out when it is first asked for.

use std::sync::OnceLock;

use crate::cluster::Cluster;
use crate::cluster::attached::AttachedVolumes;
use crate::cluster::offers::{Offer, Offers};
use crate::cluster::pods::Pods;
use crate::cluster::storage::Storage;
use crate::ids::{NodeRow, PodRow};

/// Two indexes over storage. Clusters without volumes never make them.
#[derive(Clone, Debug, Default)]
pub(crate) struct VolumeIndex {
    pub(crate) offers: OnceLock<Offers>,
    pub(crate) attached: OnceLock<AttachedVolumes>,
}

impl VolumeIndex {
    /// Anything may have changed in storage.
    pub(crate) fn storage_changed(&mut self) {
        *self = Self::default();
    }

    /// A node came, went or has other labels.
    pub(crate) fn nodes_changed(&mut self) {
        self.offers = OnceLock::new();
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
    pub fn offer(&self, class: &str) -> Option<&Offer> {
        self.volume_index.offers.get_or_init(|| Offers::new(self)).get(class)
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
    use berth_model::volume::{Attachment, Disk};
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
        Volume(u8, u8),
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
            1 => (three.clone(), three).prop_map(|(v, z)| Event::Volume(v, z)),
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
        world.cluster.storage_mut().attachments.insert("a".into(), attachment);
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
        for (name, row) in cluster.nodes().by_name() {
            for claim in ["c0", "c1", "c2"] {
                let free =
                    cluster.offer("local").and_then(|o| o.free.first(row, cluster, |_| false, |_| true));
                let reserved =
                    cluster.offer("local").map(|o| o.reserved_for(&"default".into(), &claim.into()));
                let users = cluster.attached_volumes().users(&"default".into(), &claim.into());
                let mut users: Vec<_> = users.to_vec();
                users.sort_unstable();
                let free = free.map(|volume| &volume.name);
                out += &format!("{name} {claim}: free {free:?}, reserved {reserved:?}, users {users:?}\n");
            }
            let attached = cluster.attached_volumes();
            let pods = cluster.nodes().pods(row).iter().filter_map(|&p| attached.pod(p));
            let volumes: usize = pods.clone().flatten().map(|list| list.len()).sum();
            let driver = |d: &str| {
                let number = attached.numbers().driver(d);
                number.and_then(|n| Some(attached.node(row)?.count(n))).unwrap_or(0)
            };
            let errors = pods.filter(|found| found.is_err()).count();
            out += &format!("{name}: {volumes} of pods, {errors} untold, ");
            out += &format!("{} csi, {} ebs, ", driver("csi.example"), driver("ebs.csi.aws.com"));
            let untold = attached.node(row).is_some_and(|n| n.has_untold());
            out += &format!("{untold}, {} attachments\n", attached.attachments(name).len());
        }
        out
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
            Event::Volume(at, zone) => volume(world, at, zone),
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_up_to_date_says_what_is_found_anew(events in prop::collection::vec(event(), 1..40)) {
            let (mut world, pods) = world();
            let mut undo = Vec::new();
            for event in events {
                happen(&mut world, &pods, event, &mut undo);
                let mut anew = world.cluster.clone();
                anew.volume_index = VolumeIndex::default();
                prop_assert_eq!(said(&world.cluster), said(&anew), "after {:?}", event);
            }
        }
    }
}
