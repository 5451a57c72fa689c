//! Volumes are bound before the pod is: reserved for its claims, or made for them on its node.
//!
//! Upstream: plugins/volumebinding/binder.go (`BindPodVolumes`, `checkBindings`).

use berth_engine::cluster::Assumed;
use berth_engine::effect::Effect;
use berth_engine::ids::PodRow;
use berth_engine::scheduler::Reserved;
use berth_engine::topology::NodeMatcher;
use berth_model::Str;
use berth_model::object::{Kind, ObjectKey};
use berth_model::volume::{BIND_COMPLETED, BOUND_BY_CONTROLLER, Claim, SELECTED_NODE, Volume};

use crate::action::Request;
use crate::devices;
use crate::flow::Flow;
use crate::input::{Answer, Failure};
use crate::now::Now;
use crate::outbox::{Errand, Purpose};
use crate::track::{Phase, Track};

/// Something that must come true before the pod is bound.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) effect: Effect,
    /// What takes it back, as long as the watch has not shown it.
    pub(crate) assumed: Option<Assumed>,
    /// The watch has shown it: whoever takes it back from now on means it.
    seen: bool,
}

impl Part {
    /// What was reserved with a placement, and is not written yet.
    pub(crate) fn of(reserved: Reserved) -> Self {
        Self { effect: reserved.effect, assumed: reserved.assumed, seen: false }
    }

    /// Whether the object is the one that is written.
    fn is_about(&self, key: &ObjectKey) -> bool {
        match &self.effect {
            Effect::BindVolume { volume, .. } => key.kind == Kind::Volume && key.name == *volume,
            Effect::ProvisionVolume { namespace, claim, .. } => {
                key.kind == Kind::Claim && key.name == *claim && key.namespace == *namespace
            }
            Effect::ReserveDevices(wanted) => {
                key.kind == Kind::ResourceClaim
                    && (&key.namespace, &key.name) == (&wanted.namespace, &wanted.claim)
            }
            Effect::MakeDeviceClaim(made) => {
                key.kind == Kind::ResourceClaim && key.namespace == made.claim.namespace
            }
        }
    }
}

/// How a part stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Bound,
    Open,
    /// It will not come true.
    Lost(String),
}

impl Flow {
    /// Asks for what goes with a placement. The pod's binding waits for it.
    pub(crate) fn prepare_volumes(
        &mut self,
        now: Now,
        pod: PodRow,
        node: &Str,
        reserved: &[Reserved],
    ) -> Phase {
        if reserved.is_empty() {
            return Phase::Sent { lost: 0 };
        }
        // Others (an autoscaler, say) learn where the pod is about to be bound, since that may take a while.
        self.write_status(pod, None, Some(Some(node.clone())));
        let uid = self.track(pod).pod.uid.clone();
        let attempt = self.queue.entry(pod).map_or(0, |entry| entry.attempts);
        for Reserved { effect, .. } in reserved {
            let request = self.request_of(pod, effect);
            self.outbox.ask(request, Errand { pod, uid: uid.clone(), purpose: Purpose::Volume { attempt } });
        }
        let profile = &self.settings.profiles[self.track(pod).profile];
        let deadline = now.millis.saturating_add(profile.bind_timeout_millis);
        self.tracks.set_timer(deadline, pod);
        Phase::Volumes { open: reserved.len(), deadline }
    }

    fn request_of(&self, pod: PodRow, effect: &Effect) -> Request {
        let cluster = self.scheduler.cluster();
        let storage = cluster.storage();
        match effect.clone() {
            Effect::BindVolume { volume, namespace, claim } => {
                let claim_uid = storage.claim(&namespace, &claim).map(|c| c.uid.clone()).unwrap_or_default();
                let annotations = storage.volumes.get(&volume).map(|v| &v.annotations);
                let reserved = annotations.is_none_or(|a| !a.contains_key(BOUND_BY_CONTROLLER));
                Request::BindVolume { volume, namespace, claim, claim_uid, reserved }
            }
            Effect::ProvisionVolume { namespace, claim, node } => {
                Request::SelectNode { namespace, claim, node }
            }
            Effect::ReserveDevices(reservation) => {
                let claim = cluster.devices().claim(&reservation.namespace, &reservation.claim);
                let claim_uid = claim.map(|claim| claim.uid.clone()).unwrap_or_default();
                Request::ReserveDevices { reservation, claim_uid }
            }
            Effect::MakeDeviceClaim(made) => {
                Request::MakeDeviceClaim { pod: self.track(pod).pod.clone(), made }
            }
        }
    }

    /// The API server answered a request about a pod's volume.
    pub(crate) fn volume_replied(
        &mut self,
        now: Now,
        pod: PodRow,
        attempt: u32,
        outcome: Result<Answer, Failure>,
    ) {
        let Some(binding) = self.tracks.get_mut(pod).and_then(Track::binding_mut) else { return };
        let Phase::Volumes { open, .. } = &mut binding.phase else { return };
        if binding.attempts != attempt {
            return; // of an attempt that failed meanwhile
        }
        *open -= 1;
        match outcome {
            Ok(_) => self.look_at_volumes(now, pod),
            Err(failure) => self.volumes_failed(now, pod, &failure.message),
        }
    }

    pub(crate) fn volumes_failed(&mut self, now: Now, pod: PodRow, why: &str) {
        let of_devices =
            |part: &Part| matches!(part.effect, Effect::ReserveDevices(_) | Effect::MakeDeviceClaim(_));
        let binding = self.tracks.get_mut(pod).and_then(Track::binding_mut);
        let message = match binding.is_some_and(|binding| binding.parts.iter().all(of_devices)) {
            true => format!("running PreBind plugin \"DynamicResources\": {why}"),
            false => format!("running PreBind plugin \"VolumeBinding\": binding volumes: {why}"),
        };
        self.binding_failed(now, pod, message);
    }

    /// The watch told of an object: pods that wait for volumes may go on.
    pub(crate) fn look_at_claims(&mut self, now: Now, key: &ObjectKey) {
        if !matches!(key.kind, Kind::Claim | Kind::Volume | Kind::ResourceClaim) {
            return;
        }
        for pod in self.tracks.preparing() {
            self.hold(pod, key);
            self.look_at_volumes(now, pod);
        }
    }

    /// What the watch tells may be older than what was written: until the writing is seen, it is taken as done.
    fn hold(&mut self, pod: PodRow, key: &ObjectKey) {
        let Some(binding) = self.tracks.get_mut(pod).and_then(Track::binding_mut) else { return };
        for part in binding.parts.iter_mut().filter(|part| !part.seen && part.is_about(key)) {
            // What was to be taken back is another object by now.
            part.assumed = self.scheduler.cluster_mut().apply(&part.effect);
            part.seen = part.assumed.is_none();
        }
    }

    fn look_at_volumes(&mut self, now: Now, pod: PodRow) {
        let Some(binding) = self.tracks.get_mut(pod).and_then(Track::binding_mut) else { return };
        let Phase::Volumes { open: 0, .. } = &binding.phase else { return };
        let (node, parts) = (binding.node.clone(), binding.parts.clone());
        let mut all_bound = true;
        for part in &parts {
            match self.standing(part, &node) {
                Standing::Bound => {}
                Standing::Open => all_bound = false,
                Standing::Lost(why) => return self.volumes_failed(now, pod, &why),
            }
        }
        if all_bound && self.leads {
            if let Some(binding) = self.tracks.get_mut(pod).and_then(Track::binding_mut) {
                binding.prepared = Some(now.millis);
            }
            self.send_binding(pod);
        }
    }

    fn standing(&self, part: &Part, node: &Str) -> Standing {
        let cluster = self.scheduler.cluster();
        let storage = cluster.storage();
        let (namespace, claim) = match &part.effect {
            Effect::BindVolume { namespace, claim, .. }
            | Effect::ProvisionVolume { namespace, claim, .. } => (namespace, claim),
            Effect::ReserveDevices(wanted) => {
                return devices::reserved(cluster.devices().claim(&wanted.namespace, &wanted.claim), wanted);
            }
            Effect::MakeDeviceClaim(made) => return devices::made(cluster.devices().claims(), made),
        };
        let Some(held) = storage.claim(namespace, claim) else {
            return Standing::Lost(format!("persistentvolumeclaim \"{claim}\" not found"));
        };
        match &part.effect {
            Effect::ReserveDevices(_) | Effect::MakeDeviceClaim(_) => Standing::Bound,
            Effect::BindVolume { volume, .. } => {
                let Some(found) = storage.volumes.get(volume) else {
                    return Standing::Lost(format!("persistentvolume \"{volume}\" not found"));
                };
                if found.claim.as_ref().is_none_or(|c| c.uid.is_empty()) {
                    return Standing::Lost(format!("ClaimRef got reset for pv {volume:?}"));
                }
                self.reached(found, node).unwrap_or_else(|| fully_bound(held))
            }
            Effect::ProvisionVolume { .. } => {
                if held.annotations.get(SELECTED_NODE) != Some(node) {
                    return Standing::Lost(format!("provisioning failed for PVC {claim:?}"));
                }
                let made = held.volume.as_ref().map(|volume| storage.volumes.get(volume));
                match made {
                    None | Some(None) => Standing::Open,
                    Some(Some(volume)) => self.reached(volume, node).unwrap_or_else(|| fully_bound(held)),
                }
            }
        }
    }

    /// `None` where the node reaches the volume.
    fn reached(&self, volume: &Volume, node: &Str) -> Option<Standing> {
        let cluster = self.scheduler.cluster();
        let affinity = volume.node_affinity.as_ref()?;
        let row = cluster.nodes().find(node);
        if row.is_some_and(|row| NodeMatcher::of_affinity(affinity, cluster).includes(row, cluster)) {
            return None;
        }
        let name = &volume.name;
        let why =
            format!("pv {name:?} node affinity doesn't match node {node:?}: no matching NodeSelectorTerms");
        Some(Standing::Lost(why))
    }
}

fn fully_bound(claim: &Claim) -> Standing {
    match claim.volume.is_some() && claim.annotations.contains_key(BIND_COMPLETED) {
        true => Standing::Bound,
        false => Standing::Open,
    }
}
