//! Claims and volumes: the volume controller binds claims, and provisioners make volumes.
//!
//! A claim of a class that waits for its consumer gets a volume when the scheduler has selected a node, any other claim
//! when it is created. A volume that is provisioned can be used on the nodes that are like the selected one in the
//! topology keys of the driver.
//!
//! Upstream: `pkg/controller/volume/persistentvolume/pv_controller.go`, the external provisioner's `pkg/controller`.

use berth_flow::{Failure, FailureKind};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::selector::NodeSelector;
use berth_model::volume::{Claim, ClaimRef, StorageClass, Volume};
use berth_sim::admission::DefaultClass;

use crate::Millis;
use crate::simulation::Simulation;
use crate::store::refuse;
use crate::timers::Timer;

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The provisioner of classes whose volumes are made by hand.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
/// How long a provisioner takes.
const PROVISION_TIME: Millis = 2_000;

/// Claims that a provisioner works on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    asked: Vec<ObjectKey>,
}

fn claim_key(namespace: &Str, name: &Str) -> ObjectKey {
    ObjectKey { kind: Kind::Claim, namespace: namespace.clone(), name: name.clone() }
}

fn volume_key(name: &Str) -> ObjectKey {
    ObjectKey { kind: Kind::Volume, namespace: Str::default(), name: name.clone() }
}

impl Simulation {
    fn claim(&self, key: &ObjectKey) -> Option<Claim> {
        match self.object(key) {
            Some(Object::Claim(claim)) => Some(claim),
            _ => None,
        }
    }

    fn class_of(&self, claim: &Claim) -> Option<StorageClass> {
        let name = claim.storage_class.clone()?;
        match self.object(&ObjectKey { kind: Kind::StorageClass, namespace: Str::default(), name }) {
            Some(Object::StorageClass(class)) => Some(class),
            _ => None,
        }
    }

    /// A claim is created, unless there is one of its name.
    pub(crate) fn create_claim(&mut self, mut claim: Claim) {
        let key = claim_key(&claim.namespace, &claim.name);
        if self.store.get(&key).is_some() {
            return;
        }
        DefaultClass::new(&self.policy).apply(&mut claim);
        if claim.uid.is_empty() {
            claim.uid = self.store.new_uid();
        }
        let waits = self.class_of(&claim).is_none_or(|class| class.waits_for_consumer);
        let is_bound = claim.volume.is_some();
        self.store.put(Object::Claim(claim));
        if !waits && !is_bound {
            self.ask_for_volume(key);
        }
    }

    /// A claim is deleted, and with it the volume that was made for it.
    pub(crate) fn delete_claim(&mut self, namespace: &Str, name: &Str) {
        let key = claim_key(namespace, name);
        if let Some(claim) = self.claim(&key) {
            self.store.remove(&key);
            if let Some(volume) = claim.volume.filter(|volume| volume.starts_with("pvc-")) {
                self.store.remove(&volume_key(&volume));
            }
        }
    }

    fn ask_for_volume(&mut self, key: ObjectKey) {
        let place = self.claims.asked.len();
        self.claims.asked.push(key);
        self.timers.set(self.now + PROVISION_TIME, Timer::Volume(place));
    }

    /// PATCH the annotation that names the node for which a volume is wanted.
    pub(crate) fn select_node(&mut self, namespace: &Str, name: &Str, node: &Str) -> Result<(), Failure> {
        let key = claim_key(namespace, name);
        let Some(mut claim) = self.claim(&key) else {
            return refuse(FailureKind::Gone, format!("persistentvolumeclaims \"{name}\" not found"));
        };
        claim.annotations.insert(SELECTED_NODE.into(), node.clone());
        self.store.put(Object::Claim(claim));
        self.ask_for_volume(key);
        Ok(())
    }

    /// PATCH a volume's claim; the volume controller binds the claim to it.
    pub(crate) fn reserve_volume(
        &mut self,
        volume: &Str,
        namespace: &Str,
        claim: &Str,
        uid: &Str,
    ) -> Result<(), Failure> {
        let Some(Object::Volume(mut found)) = self.object(&volume_key(volume)) else {
            return refuse(FailureKind::Gone, format!("persistentvolumes \"{volume}\" not found"));
        };
        found.claim = Some(ClaimRef { namespace: namespace.clone(), name: claim.clone(), uid: uid.clone() });
        self.bind_claim(&claim_key(namespace, claim), found);
        Ok(())
    }

    fn bind_claim(&mut self, key: &ObjectKey, volume: Volume) {
        if let Some(mut claim) = self.claim(key) {
            claim.volume = Some(volume.name.clone());
            claim.annotations.insert(BIND_COMPLETED.into(), "yes".into());
            self.store.put(Object::Volume(Volume { available: false, ..volume }));
            self.store.put(Object::Claim(claim));
        }
    }

    /// The provisioner has made the volume of a claim.
    pub(crate) fn volume_is_ready(&mut self, place: usize) {
        let key = self.claims.asked[place].clone();
        let Some(claim) = self.claim(&key).filter(|claim| claim.volume.is_none()) else { return };
        let Some(class) = self.class_of(&claim).filter(|class| &*class.provisioner != NO_PROVISIONER) else {
            return;
        };
        let node = claim.annotations.get(SELECTED_NODE).cloned();
        let name: Str = format!("pvc-{}", claim.uid).into();
        let topology = node.and_then(|node| self.topology_of(&node, &class.provisioner));
        let volume = Volume::provisioned(&claim, name, class.provisioner.clone(), topology);
        self.bind_claim(&key, volume);
    }

    /// The nodes that can use a volume which a driver makes for a node.
    fn topology_of(&self, node: &Str, driver: &Str) -> Option<NodeSelector> {
        let key = |kind| ObjectKey { kind, namespace: Str::default(), name: node.clone() };
        let (Some(Object::Node(node)), Some(Object::CsiNode(csi))) =
            (self.object(&key(Kind::Node)), self.object(&key(Kind::CsiNode)))
        else {
            return None;
        };
        csi.drivers.iter().find(|known| known.name == *driver)?.topology_of(&node.labels)
    }
}
