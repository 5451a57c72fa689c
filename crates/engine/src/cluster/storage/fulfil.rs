//! What the cluster's controllers make of an effect, for simulations where there are none.
//!
//! Upstream: kube-controller-manager `volume/persistentvolume` binds a claim to the volume that is reserved for it;
//! external-provisioner makes a volume that the nodes of the selected node's topology can reach.

use berth_model::Str;
use berth_model::volume::{BIND_COMPLETED, Claim, Volume};

use crate::cluster::Cluster;
use crate::effect::Effect;

impl Cluster {
    /// Carries an effect through to its end, as controllers would: the claim is bound, to a volume that is made for it
    /// where it had to be provisioned. Nothing happens where an object is gone or the claim is bound already.
    pub fn fulfil(&mut self, effect: &Effect) {
        self.apply(effect);
        self.settle(effect);
        let (namespace, name) = match effect {
            Effect::BindVolume { namespace, claim, .. }
            | Effect::ProvisionVolume { namespace, claim, .. } => (namespace, claim),
            Effect::ReserveDevices(_) | Effect::MakeDeviceClaim(_) => return,
        };
        let Some(claim) = self.storage().claim(namespace, name).filter(|c| c.volume.is_none()) else {
            return;
        };
        let volume = match effect {
            Effect::ReserveDevices(_) | Effect::MakeDeviceClaim(_) => return,
            Effect::BindVolume { volume, .. } if !self.storage().volumes.contains_key(volume) => return,
            Effect::BindVolume { volume, .. } => volume.clone(),
            Effect::ProvisionVolume { node, .. } => {
                let volume = self.provisioned(claim, node);
                let name = volume.name.clone();
                self.upsert_volume(volume);
                name
            }
        };
        self.bind(namespace, name, volume);
    }

    fn bind(&mut self, namespace: &Str, claim: &Str, volume: Str) {
        if let Some(mut volume) = self.storage().volumes.get(&volume).cloned() {
            volume.available = false;
            self.upsert_volume(volume);
        }
        if let Some(mut claim) = self.storage().claim(namespace, claim).cloned() {
            claim.volume = Some(volume);
            claim.annotations.insert(BIND_COMPLETED.into(), "yes".into());
            self.upsert_claim(claim);
        }
    }

    fn provisioned(&self, claim: &Claim, node: &Str) -> Volume {
        let class = claim.storage_class.clone().unwrap_or_default();
        let driver = self.storage().classes.get(&class).map(|c| c.provisioner.clone()).unwrap_or_default();
        let name: Str = format!("pvc-{}-{}", claim.namespace, claim.name).into();
        let drivers = self.storage().csi_nodes.get(node).map_or(&[][..], |csi_node| &csi_node.drivers);
        let of_node = drivers.iter().find(|known| known.name == driver);
        let labels = self.nodes().find(node).map(|row| &self.nodes().object(row).labels);
        let topology = of_node.zip(labels).and_then(|(known, labels)| known.topology_of(labels));
        Volume::provisioned(claim, name, driver, topology)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, labels};
    use crate::storage_fixture::nodes_with;
    use berth_model::quantity::Quantity;
    use berth_model::volume::{CsiNode, CsiNodeDriver};

    fn claim(world: &World) -> &Claim {
        world.cluster.storage().claim(&"default".into(), &"data".into()).unwrap()
    }

    #[test]
    fn a_claim_is_bound_to_the_volume_that_was_reserved_for_it() {
        let mut world = World::default();
        world.claim("data", |_| {});
        world.volume("pv", |_| {});
        let bind =
            Effect::BindVolume { volume: "pv".into(), namespace: "default".into(), claim: "data".into() };
        world.cluster.fulfil(&bind);
        assert_eq!(claim(&world).volume.as_deref(), Some("pv"));
        assert!(claim(&world).annotations.contains_key(BIND_COMPLETED));
        assert!(!world.cluster.storage().volumes["pv"].available);
    }

    #[test]
    fn a_provisioned_volume_is_reached_from_the_topology_of_the_selected_node() {
        let mut world = World::default();
        world.node("n1", |n| n.labels = labels(&[("zone", "a"), ("rack", "1")]));
        world.class("zonal", "csi.example", |_| {});
        world.claim("data", |claim| {
            claim.storage_class = Some("zonal".into());
            claim.request = Quantity::from_units(5);
        });
        let drivers = vec![CsiNodeDriver {
            name: "csi.example".into(),
            limit: None,
            topology_keys: vec!["zone".into(), "region".into()],
        }];
        let csi_node = CsiNode { node: "n1".into(), drivers, ..CsiNode::default() };
        world.cluster.upsert_csi_node(csi_node);
        let provision =
            Effect::ProvisionVolume { namespace: "default".into(), claim: "data".into(), node: "n1".into() };
        world.cluster.fulfil(&provision);
        let volume = &world.cluster.storage().volumes[claim(&world).volume.as_ref().unwrap()];
        assert_eq!((&*volume.name, volume.capacity.value()), ("pvc-default-data", 5));
        assert_eq!(volume.node_affinity, nodes_with("zone", &["a"]));
        let before = world.cluster.storage().volumes.len();
        world.cluster.fulfil(&provision);
        assert_eq!(world.cluster.storage().volumes.len(), before, "once bound, nothing is left to do");
    }
}
