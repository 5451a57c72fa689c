//! Users, controllers, kubelets and other schedulers. They write objects as manifests.

use berth_flow::PodRef;
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod_manifest::PodManifest;
use berth_model::volume::{BIND_COMPLETED, Claim, ClaimRef, SELECTED_NODE, Volume};

use crate::plan::{Fault, PodFeature, UserAction};
use crate::world::{World, log};

/// The name of another scheduler.
pub const OTHER: &str = "other-scheduler";
const OURS: &str = "default-scheduler";

/// The reference to a pod.
pub fn reference(manifest: &PodManifest) -> PodRef {
    PodRef::of(&manifest.pod)
}

/// Whether Berth places the pod.
pub fn is_ours(manifest: &PodManifest) -> bool {
    &*manifest.pod.spec.scheduler_name == OURS
}

impl World {
    /// Creates the objects that exist at the start.
    pub(crate) fn set_up(&mut self) {
        self.store(r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}"#);
        self.store(
            r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"late"},
                "provisioner":"example.com/disks","volumeBindingMode":"WaitForFirstConsumer"}"#,
        );
        self.store(
            r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"local"},
                "provisioner":"kubernetes.io/no-provisioner","volumeBindingMode":"WaitForFirstConsumer"}"#,
        );
        self.set_up_devices();
        for _ in 0..self.plan.nodes {
            self.add_node();
        }
        for number in 0..2 {
            self.store(&format!(
                r#"{{"apiVersion":"v1","kind":"PersistentVolume","metadata":{{"name":"local-{number}"}},"spec":
                    {{"storageClassName":"local","capacity":{{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"],
                    "local":{{"path":"/d"}}}},"status":{{"phase":"Available"}}}}"#
            ));
        }
    }

    /// Stores an object that is written as JSON.
    pub(crate) fn store(&mut self, json: &str) {
        match self.decoder.object(json) {
            Ok(Some(object)) => self.server.put(object),
            other => self.violation(format!("the simulation writes what cannot be read: {other:?}")),
        }
    }

    fn add_node(&mut self) {
        let name = format!("n{}", self.rng.random.usize(0..9));
        self.write_node(&name);
    }

    /// Writes a node with random labels, taints and allocatable CPU.
    fn write_node(&mut self, name: &str) {
        let chance = &mut self.rng.random;
        let (cpu, zone) = (chance.usize(1..6), chance.usize(0..3));
        let cordoned = chance.usize(0..6) == 0;
        let taint = if chance.usize(0..6) == 0 { r#"{"key":"dedicated","effect":"NoSchedule"}"# } else { "" };
        let disk = if chance.bool() { r#","disk":"ssd""# } else { "" };
        log!(self, "user writes node {name}: {cpu} cpu, zone {zone}, cordoned {cordoned}, taints [{taint}]");
        self.mark_disturbed(name);
        self.store(&format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}","labels":{{"kubernetes.io/hostname":"{name}",
                "zone":"z{zone}"{disk}}}}},"spec":{{"unschedulable":{cordoned},"taints":[{taint}]}},
                "status":{{"allocatable":{{"cpu":"{cpu}","memory":"8Gi","pods":"6"}}}}}}"#
        ));
        if self.rng.random.bool() {
            let count = self.rng.random.usize(0..3);
            self.publish(name, count);
        }
    }

    /// A user does something.
    pub(crate) fn user_acts(&mut self) {
        let actions = self.plan.user_actions_by_weight(self.step);
        match self.weighted(&actions) {
            UserAction::CreatePod => self.create_pod(),
            UserAction::DeletePod => {
                if let Some(pod) = self.any_pod(|_| true) {
                    log!(self, "user deletes pod {pod}");
                    let _ = self.server.delete_pod(&pod); // it may be terminating already
                }
            }
            UserAction::WriteNode => self.add_node(),
            UserAction::LiftGates => self.lift_gates(),
            UserAction::RelabelPod => self.relabel_pod(),
            UserAction::WriteBudget => self.write_budget(),
        }
        if self.rng.strikes(Fault::NodeFlap) {
            self.remove_node();
        }
        if self.rng.strikes(Fault::NodeShrinks)
            && let Some(node) = self.any_node()
        {
            self.write_node(&node);
        }
        if self.rng.strikes(Fault::DevicesWithdrawn)
            && let Some(node) = self.any_node()
        {
            self.withdraw_devices(&node);
        }
        if self.rng.strikes(Fault::ForeignBinding) {
            self.bind_elsewhere(|_| true);
        }
        if self.rng.strikes(Fault::ForeignNomination) {
            self.nominate_elsewhere();
        }
        if self.rng.strikes(Fault::Reincarnation)
            && let Some(pod) = self.any_pod(|p| is_ours(p) && p.pod.node.is_none())
        {
            log!(self, "user deletes pod {pod} and makes another one of its name");
            let _ = self.server.end_pod(&pod); // it is not bound, so it is deleted at once
            self.write_pod(&pod.name);
        }
    }

    /// Draws one of these by weight.
    fn weighted<T: Copy>(&mut self, all: &[(T, usize)]) -> T {
        let total = all.iter().map(|(_, weight)| weight).sum();
        let mut at = self.rng.random.usize(0..total);
        for &(what, weight) in all {
            if at < weight {
                return what;
            }
            at -= weight;
        }
        all[0].0
    }

    fn any_node(&mut self) -> Option<String> {
        let names: Vec<Str> = self.server.all(Kind::Node).map(|node| node.key().name).collect();
        self.rng.random.choice(names).map(|name| name.to_string())
    }

    fn any_pod(&mut self, which: impl Fn(&PodManifest) -> bool) -> Option<PodRef> {
        let pods: Vec<PodRef> = self.server.pods().filter(|pod| which(pod)).map(reference).collect();
        self.rng.random.choice(pods)
    }

    fn remove_node(&mut self) {
        let Some(node) = self.any_node() else { return };
        log!(self, "node {node} goes away");
        self.mark_disturbed(&node);
        if self.rng.random.bool() {
            self.remove_slices(&node);
        }
        self.server.remove(&ObjectKey { kind: Kind::Node, namespace: "".into(), name: node.into() });
    }

    fn create_pod(&mut self) {
        self.made += 1;
        let name = format!("p{}", self.made);
        self.write_pod(&name);
    }

    fn write_pod(&mut self, name: &str) {
        let features: Vec<(PodFeature, usize)> = self.plan.pod_features_by_weight().collect();
        let feature = self.weighted(&features);
        let chance = &mut self.rng.random;
        let scheduler = if chance.usize(0..10) == 0 { OTHER } else { OURS };
        let priority = [0, 0, 10, 100][chance.usize(0..4)];
        let app = ["web", "db"][chance.usize(0..2)];
        let cpu = [100, 500, 1000, 2000][chance.usize(0..4)];
        let (mut spec, mut requests, mut limits) = (String::new(), "", "");
        match feature {
            PodFeature::Plain => {}
            PodFeature::Gate => spec.push_str(r#""schedulingGates":[{"name":"example.com/wait"}],"#),
            PodFeature::NodeSelector => spec.push_str(r#""nodeSelector":{"disk":"ssd"},"#),
            PodFeature::Toleration => {
                spec.push_str(r#""tolerations":[{"key":"dedicated","operator":"Exists"}],"#);
            }
            PodFeature::AntiAffinity => spec.push_str(&anti_affinity(app)),
            PodFeature::Affinity => spec.push_str(&affinity(app)),
            PodFeature::Spread => spec.push_str(&spread(app)),
            PodFeature::Licence => limits = r#","limits":{"example.com/licence":"0"}"#,
            PodFeature::Device if chance.usize(0..3) == 0 => {
                requests = r#","example.com/gpu":"1""#;
                limits = r#","limits":{"example.com/gpu":"1"}"#;
            }
            PodFeature::Device => {
                let claim = self.claim_for(name);
                spec.push_str(&format!(
                    r#""resourceClaims":[{{"name":"gpu","resourceClaimName":"{claim}"}}],"#
                ));
            }
            PodFeature::Claim => {
                let class = ["late", "local"][chance.usize(0..2)];
                self.write_claim(name, class);
                spec.push_str(&format!(
                    r#""volumes":[{{"name":"v","persistentVolumeClaim":{{"claimName":"{name}"}}}}],"#
                ));
            }
        }
        let uid = self.server.uid();
        log!(
            self,
            "user creates pod {name} ({uid}): {cpu}m cpu, priority {priority}, {scheduler} {spec}{requests}{limits}"
        );
        self.store(&format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"default","uid":"{uid}",
                "labels":{{"app":"{app}"}}}},"spec":{{"schedulerName":"{scheduler}","priority":{priority},{spec}
                "containers":[{{"name":"c","resources":{{"requests":{{"cpu":"{cpu}m"{requests}}}{limits}}}}}]}}}}"#
        ));
    }

    fn write_claim(&mut self, name: &str, class: &str) {
        let uid = self.server.uid();
        self.store(&format!(
            r#"{{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{{"name":"{name}","namespace":"default",
                "uid":"{uid}"}},"spec":{{"storageClassName":"{class}","accessModes":["ReadWriteOnce"],
                "resources":{{"requests":{{"storage":"1Gi"}}}}}}}}"#
        ));
    }

    fn lift_gates(&mut self) {
        let Some(pod) = self.any_pod(|p| !p.pod.spec.scheduling_gates.is_empty()) else { return };
        log!(self, "user lifts the gates of pod {pod}");
        let _ = self.server.change_pod(&pod, |manifest| {
            let mut spec = (*manifest.pod.spec).clone();
            spec.scheduling_gates.clear();
            manifest.pod.spec = spec.into();
        });
    }

    fn relabel_pod(&mut self) {
        let Some(pod) = self.any_pod(|_| true) else { return };
        let app = ["web", "db"][self.rng.random.usize(0..2)];
        log!(self, "user labels pod {pod} app={app}");
        let _ = self.server.change_pod(&pod, |manifest| {
            let mut spec = (*manifest.pod.spec).clone();
            spec.labels.insert("app".into(), app.into());
            manifest.pod.spec = spec.into();
        });
    }

    fn write_budget(&mut self) {
        let allowed = self.rng.random.usize(0..2);
        log!(self, "budget for app=db allows {allowed}");
        self.store(&format!(
            r#"{{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{{"name":"db","namespace":"default"}},
                "spec":{{"selector":{{"matchLabels":{{"app":"db"}}}}}},"status":{{"disruptionsAllowed":{allowed}}}}}"#
        ));
    }

    /// Another scheduler binds one of these pods to a random node.
    fn bind_elsewhere(&mut self, which: impl Fn(&PodManifest) -> bool) {
        let pod =
            self.any_pod(|p| which(p) && p.pod.node.is_none() && p.pod.spec.scheduling_gates.is_empty());
        let (Some(pod), Some(any)) = (pod, self.any_node()) else { return };
        // Often the node that the pod is nominated to, so that two schedulers compete for it.
        let hoped =
            self.server.pods().find(|p| reference(p) == pod).and_then(|p| p.pod.nominated_node.clone());
        let hoped = hoped.filter(|node| self.server.all(Kind::Node).any(|object| object.key().name == *node));
        let node = match hoped {
            Some(hoped) if self.rng.random.bool() => hoped.to_string(),
            _ => any,
        };
        log!(self, "another scheduler binds pod {pod} to {node}");
        self.mark_disturbed(&node);
        let _ = self.server.bind(&pod, &node.into());
    }

    /// Another process, for example an autoscaler, nominates a pod of Berth to a node.
    fn nominate_elsewhere(&mut self) {
        let pod = self.any_pod(|p| is_ours(p) && p.pod.node.is_none() && !p.pod.terminating);
        let (Some(pod), Some(node)) = (pod, self.any_node()) else { return };
        log!(self, "another process nominates pod {pod} to {node}");
        let node: Str = node.into();
        let _ = self.server.change_pod(&pod, |manifest| manifest.pod.nominated_node = Some(node));
    }

    /// Controllers and kubelets act.
    pub(crate) fn agents_act(&mut self) {
        if self.rng.random.usize(0..4) == 0 {
            self.bind_elsewhere(|p| !is_ours(p));
        }
        let ending: Vec<PodRef> =
            self.server.pods().filter(|p| p.pod.terminating && p.pod.node.is_some()).map(reference).collect();
        for pod in ending {
            if self.rng.is_over() || self.rng.random.usize(0..6) == 0 {
                log!(self, "pod {pod} has ended");
                let _ = self.server.end_pod(&pod);
            }
        }
        let stranded: Vec<PodRef> =
            self.server.pods().filter(|pod| self.is_stranded(pod)).map(reference).collect();
        for pod in stranded {
            if self.rng.random.usize(0..10) == 0 {
                log!(self, "the garbage collector ends pod {pod}: its node is gone");
                let _ = self.server.end_pod(&pod);
            }
        }
        self.bind_claims();
        self.provision();
        self.free_claims();
        self.publish_the_rest();
    }

    /// A claim that the volume controller or the provisioner will act on.
    pub(crate) fn open_claim(&self) -> Option<Str> {
        let claim = self.claims_to_bind().next().map(|(claim, _)| claim);
        claim
            .or_else(|| self.claims_to_provision().next().map(|(claim, _)| claim))
            .map(|claim| claim.name.clone())
    }

    /// Unbound claims that a volume is reserved for, with the volume.
    fn claims_to_bind(&self) -> impl Iterator<Item = (&Claim, &Volume)> {
        self.server.all(Kind::Volume).filter_map(|object| {
            let Object::Volume(volume) = object else { return None };
            let ClaimRef { namespace, name, uid } = volume.claim.as_ref()?;
            let key = ObjectKey { kind: Kind::Claim, namespace: namespace.clone(), name: name.clone() };
            match self.server.get(&key)? {
                Object::Claim(claim) if claim.volume.is_none() && claim.uid == *uid => Some((claim, volume)),
                _ => None,
            }
        })
    }

    /// The volume controller binds claims to the volumes that are reserved for them.
    fn bind_claims(&mut self) {
        let open: Vec<(Claim, Volume)> =
            self.claims_to_bind().map(|(claim, volume)| (claim.clone(), volume.clone())).collect();
        for (mut claim, volume) in open {
            if self.rng.random.bool() {
                continue;
            }
            claim.volume = Some(volume.name.clone());
            claim.annotations.insert(BIND_COMPLETED.into(), "yes".into());
            log!(self, "claim {} is bound to {}", claim.name, volume.name);
            self.server.put(Object::Claim(claim));
            self.server.put(Object::Volume(Volume { available: false, ..volume }));
        }
    }

    /// Claims with a selected node and no volume yet.
    fn claims_to_provision(&self) -> impl Iterator<Item = (&Claim, &Str)> {
        self.server.all(Kind::Claim).filter_map(|object| match object {
            Object::Claim(claim)
                if claim.volume.is_none() && claim.storage_class.as_deref() == Some("late") =>
            {
                let node = claim.annotations.get(SELECTED_NODE)?;
                let key =
                    ObjectKey { kind: Kind::Volume, namespace: "".into(), name: volume_of(claim).into() };
                self.server.get(&key).is_none().then_some((claim, node))
            }
            _ => None,
        })
    }

    /// The provisioner makes volumes for claims with a selected node. Sometimes it rejects the node.
    fn provision(&mut self) {
        let open: Vec<(Claim, Str)> =
            self.claims_to_provision().map(|(claim, node)| (claim.clone(), node.clone())).collect();
        for (mut claim, node) in open {
            if self.rng.random.bool() {
                continue;
            }
            if self.rng.strikes(Fault::Refused) {
                log!(self, "the provisioner gives claim {} back: not on node {node}", claim.name);
                let others = claim.annotations.iter().filter(|(key, _)| &***key != SELECTED_NODE);
                claim.annotations = others.map(|(key, value)| (key.clone(), value.clone())).collect();
                self.server.put(Object::Claim(claim));
                continue;
            }
            let name = volume_of(&claim);
            log!(self, "the provisioner makes {name} on node {node}");
            self.store(&format!(
                r#"{{"apiVersion":"v1","kind":"PersistentVolume","metadata":{{"name":"{name}"}},"spec":{{
                    "storageClassName":"late","capacity":{{"storage":"1Gi"}},"accessModes":["ReadWriteOnce"],
                    "claimRef":{{"namespace":"default","name":"{}","uid":"{}"}},
                    "nodeAffinity":{{"required":{{"nodeSelectorTerms":[{{"matchExpressions":[
                    {{"key":"kubernetes.io/hostname","operator":"In","values":["{node}"]}}]}}]}}}},
                    "csi":{{"driver":"example.com","volumeHandle":"{name}"}}}}}}"#,
                claim.name, claim.uid
            ));
        }
    }
}

/// The name of the volume that is provisioned for a claim.
fn volume_of(claim: &Claim) -> String {
    format!("pvc-{}", claim.uid)
}

fn term(app: &str, key: &str) -> String {
    format!(r#"{{"topologyKey":"{key}","labelSelector":{{"matchLabels":{{"app":"{app}"}}}}}}"#)
}

fn anti_affinity(app: &str) -> String {
    let term = term(app, "kubernetes.io/hostname");
    format!(
        r#""affinity":{{"podAntiAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":[{term}]}}}},"#
    )
}

fn affinity(app: &str) -> String {
    let term = term(app, "zone");
    format!(r#""affinity":{{"podAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":[{term}]}}}},"#)
}

fn spread(app: &str) -> String {
    format!(
        r#""topologySpreadConstraints":[{{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":{{"matchLabels":{{"app":"{app}"}}}}}}],"#
    )
}
