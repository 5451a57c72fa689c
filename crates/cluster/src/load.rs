//! Objects that come from outside: those that are there at the beginning, and those that the user applies or deletes.

use berth_controllers::claim::{Claim, Claimant, claim};
use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::manifests::{Manifests, Place};
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod::Controller;
use berth_model::pod_manifest::PodManifest;
use berth_model::selector::LabelSelector;
use berth_model::workload::{Namespace, PodCount, Workload, WorkloadKind};
use berth_sim::admission::{Admission, is_new};
use std::sync::Arc;

use crate::controllers::HASH_LABEL;
use crate::simulation::{Made, Simulation};

/// A namespace as the API server creates it.
pub(crate) fn namespace(name: &Str) -> Namespace {
    Namespace { name: name.clone(), labels: Labels::from_iter([("kubernetes.io/metadata.name", &**name)]) }
}

impl Simulation {
    /// Loads the objects that are there at the beginning.
    pub(crate) fn load(&mut self, mut manifests: Manifests) {
        self.policy.priority_classes = std::mem::take(&mut manifests.priority_classes);
        self.policy.runtime_classes = std::mem::take(&mut manifests.runtime_classes);
        self.policy.limit_ranges = std::mem::take(&mut manifests.limit_ranges);
        self.policy.storage_classes = manifests.storage_classes.clone();
        manifests.resource_claim_templates.clear(); // `claim_templates` has them
        if !manifests.autoscalers.is_empty() {
            self.warn("HorizontalPodAutoscalers do not act: the number of pods stays as it is".to_owned());
        }
        for quota in manifests.resource_quotas.iter().filter(|entry| entry.value.scoped) {
            let (namespace, name) = (&quota.value.namespace, &quota.value.name);
            self.warn(format!(
                "ResourceQuota {namespace}/{name}: counts only some pods (scopes), which is not simulated"
            ));
        }
        let workloads = std::mem::take(&mut manifests.workloads);
        let pods = std::mem::take(&mut manifests.pods);
        let mut others = Vec::new();
        manifests.into_objects(|object| others.push(object));
        others.into_iter().for_each(|object| self.apply(object));
        // Owners come before what they own.
        let (owned, owners): (Vec<_>, Vec<_>) = workloads
            .into_iter()
            .map(|entry| entry.value)
            .partition(|workload| workload.controller.is_some());
        for workload in owners.into_iter().chain(owned) {
            self.apply_workload(workload);
        }
        for entry in pods {
            self.load_pod(entry.value);
        }
    }

    /// A pod that is there at the beginning.
    fn load_pod(&mut self, mut manifest: PodManifest) {
        if manifest.finished {
            return;
        }
        let controller = manifest.pod.spec.controller.clone();
        let owner = controller.and_then(|controller| {
            let known = self.owner_of(&manifest.pod.spec.namespace, &controller);
            known.or_else(|| self.unlisted_set(&manifest, &controller))
        });
        let is_outdated = owner.is_some_and(|owner| self.differs(owner, &manifest));
        let revision = if is_outdated { 0 } else { 1 };
        let made = Made { owner, revision, index: self.index_of(&manifest, owner), group: None };
        if is_new(&manifest) {
            self.admit_and_create(manifest, made);
            return;
        }
        let node = manifest.pod.node.clone();
        let terminating = std::mem::take(&mut manifest.pod.terminating);
        self.quota_has_room(&manifest.pod.spec.namespace.clone());
        let Some(id) = self.create_pod(manifest, made) else { return };
        self.make_device_claims(id);
        self.adopt_pod(id);
        if let Some(node) = node.and_then(|node| self.nodes.find(&node)) {
            self.start_pod(id, node, true);
        }
        if terminating {
            self.delete_pod(id, None);
        }
    }

    /// The ReplicaSet of a pod that is not in the input, if its Deployment is: it is known by its pods.
    fn unlisted_set(&mut self, manifest: &PodManifest, controller: &Controller) -> Option<u32> {
        let spec = &manifest.pod.spec;
        let hash = spec.labels.get(HASH_LABEL).filter(|_| &*controller.kind == "ReplicaSet")?;
        let name = controller.name.strip_suffix(&**hash)?.strip_suffix('-')?;
        let kind = Kind::Workload(WorkloadKind::Deployment);
        let key = ObjectKey { kind, namespace: spec.namespace.clone(), name: name.into() };
        let deployment = self.workload(self.workloads.find(&key)?)?.clone();
        let mut template = deployment.template.clone();
        template.labels.insert(HASH_LABEL.into(), hash.clone());
        let set = Workload {
            namespace: spec.namespace.clone(),
            name: controller.name.clone(),
            uid: controller.uid.clone(),
            labels: template.labels.clone(),
            controller: Some(crate::controllers::controller(&deployment)),
            selector: Some(LabelSelector::from_labels(&template.labels)),
            template,
            count: deployment.count,
            revision: Some(1),
            timing: deployment.timing.clone(),
            ..Workload::empty(WorkloadKind::ReplicaSet)
        };
        self.apply_workload(set);
        self.owner_of(&spec.namespace, controller)
    }

    /// Whether a pod of a StatefulSet or DaemonSet differs from its template in images or requests.
    fn differs(&self, owner: u32, manifest: &PodManifest) -> bool {
        let Some(workload) = self.workload(owner) else { return false };
        if !matches!(workload.kind, WorkloadKind::StatefulSet | WorkloadKind::DaemonSet) {
            return false;
        }
        workload.template.spec.spec.containers.iter().any(|wanted| {
            let of_pod = manifest.pod.spec.containers.iter().find(|container| container.name == wanted.name);
            of_pod.is_some_and(|found| found.image != wanted.image || found.requests != wanted.requests)
        })
    }

    /// The ordinal, completion index or node of a pod of a controller.
    fn index_of(&self, manifest: &PodManifest, owner: Option<u32>) -> Option<i32> {
        let workload = self.workload(owner?)?;
        let label = |key: &str| manifest.pod.spec.labels.get(key)?.parse::<i32>().ok();
        match workload.kind {
            WorkloadKind::StatefulSet => {
                i32::try_from(berth_sim::template::ordinal(&manifest.pod, &workload.name)?).ok()
            }
            WorkloadKind::DaemonSet => {
                let node = self.nodes.find(berth_sim::template::target(&manifest.pod)?)?;
                i32::try_from(node).ok()
            }
            WorkloadKind::Job => label(berth_sim::template::INDEX_LABEL),
            _ => None,
        }
    }

    /// The workload that a reference names: by uid, or by name if there is none.
    fn owner_of(&self, namespace: &Str, controller: &Controller) -> Option<u32> {
        if let Some(id) = self.workloads.find_uid(&controller.uid).filter(|_| !controller.uid.is_empty()) {
            return Some(id);
        }
        let kind = Kind::of(&controller.api_version, &controller.kind)?;
        self.workloads.find(&ObjectKey { kind, namespace: namespace.clone(), name: controller.name.clone() })
    }

    /// The object of a workload.
    pub(crate) fn workload(&self, id: u32) -> Option<&Workload> {
        match self.store.get(&self.workloads.get(id).key).map(|object| &**object) {
            Some(Object::Workload(workload)) => Some(workload),
            _ => None,
        }
    }

    /// Applies an object, as `kubectl apply` does.
    pub(crate) fn apply(&mut self, object: Object) {
        let place = || Place::start("applied".into());
        match object {
            Object::Node(node) => self.put_node(node),
            Object::Pod(manifest) => {
                if self.store.get(&manifest.key()).is_some() {
                    self.warn(format!("{} exists already: it stays as it is", manifest.key()));
                } else {
                    self.admit_and_create(*manifest, Made::default());
                }
            }
            Object::Workload(workload) => self.apply_workload(*workload),
            Object::Budget(budget) => self.put_budget(budget),
            Object::Claim(claim) => self.create_claim(claim),
            Object::ResourceQuota(quota) => self.put_quota(quota),
            Object::ResourceClaimTemplate(template) => self.apply_template(&template),
            Object::ResourceClaim(mut claim) => {
                if claim.uid.is_empty() {
                    claim.uid = self.store.new_uid();
                }
                self.store.put(Object::ResourceClaim(claim));
            }
            Object::PriorityClass(_) | Object::RuntimeClass(_) | Object::LimitRange(_) => {
                self.policy.add(object, place());
            }
            Object::StorageClass(class) => {
                self.policy.storage_classes.retain(|entry| entry.value.name != class.name);
                self.policy.add(Object::StorageClass(class.clone()), place());
                self.store.put(Object::StorageClass(class));
            }
            object => self.store.put(object),
        }
    }

    pub(crate) fn apply_workload(&mut self, mut workload: Workload) {
        let key = ObjectKey {
            kind: Kind::Workload(workload.kind),
            namespace: workload.namespace.clone(),
            name: workload.name.clone(),
        };
        if workload.custom.is_some() {
            let label = workload.label();
            return self.warn(format!("{label}: custom resources make no pods in time"));
        }
        if let Some(id) = self.workloads.find(&key) {
            return self.replace_workload(id, workload);
        }
        if workload.uid.is_empty() {
            workload.uid = self.store.new_uid();
        }
        workload.created.get_or_insert(self.unix_seconds());
        self.default_selector(&mut workload);
        let owner = workload.controller.clone().and_then(|owner| self.owner_of(&workload.namespace, &owner));
        let id = self.workloads.add(key, workload.uid.clone(), owner, self.now);
        if workload.kind == WorkloadKind::CronJob {
            self.schedule_cron_job(id, &workload);
        }
        if let PodCount::Job { finished, .. } = workload.count {
            let state = &mut self.workloads.get_mut(id).job;
            state.succeeded = workload.progress.succeeded;
            state.ended.clone_from(&workload.progress.ended);
            state.end = finished.then_some((self.now, true));
        }
        self.store.put(Object::Workload(Box::new(workload)));
        self.set_desired(id);
        self.adopt_pods(id);
    }

    /// The labels and the selector that the API server gives to a Job.
    fn default_selector(&self, workload: &mut Workload) {
        use berth_sim::template::{NAME_LABELS, UID_LABELS};
        let PodCount::Job { manual_selector: false, .. } = workload.count else { return };
        if workload.kind != WorkloadKind::Job {
            return;
        }
        for (keys, value) in [(NAME_LABELS, &workload.name), (UID_LABELS, &workload.uid)] {
            for key in keys {
                workload.template.labels.insert(key.into(), value.clone());
            }
        }
    }

    /// The controller of a workload that is new adopts the pods without a controller that it selects.
    fn adopt_pods(&mut self, id: u32) {
        let namespace = self.workloads.get(id).key.namespace.clone();
        let is_own =
            |workload: &Workload| matches!(workload.count, PodCount::Job { manual_selector: false, .. });
        if self.workload(id).is_none_or(is_own) {
            return; // the selector has the uid of the Job, which no other pod has as a label
        }
        let orphans: Vec<u32> = self.pods.orphans(&namespace).collect();
        orphans.into_iter().for_each(|pod| self.adopt_by(pod, id));
    }

    /// A pod without a controller is adopted by one that selects it.
    pub(crate) fn adopt_pod(&mut self, pod: u32) {
        let Some(record) = self.pods.get(pod).filter(|record| record.owner.is_none()) else { return };
        let namespace = record.key.namespace.clone();
        let in_namespace = self.workloads.iter().filter(|(_, state)| state.key.namespace == namespace);
        let ids: Vec<u32> = in_namespace.map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.adopt_by(pod, id));
    }

    fn adopt_by(&mut self, pod: u32, id: u32) {
        let Some(record) = self.pods.get(pod).filter(|record| record.owner.is_none()) else { return };
        let Some(workload) = self.workload(id) else { return };
        if matches!(workload.kind, WorkloadKind::Deployment | WorkloadKind::CronJob) {
            return;
        }
        let Some(Object::Pod(manifest)) = self.object(&record.key) else { return };
        let claimant = Claimant {
            uid: &workload.uid,
            selector: workload.selector.as_ref(),
            terminating: workload.terminating,
        };
        let spec = &manifest.pod.spec;
        let index = self.index_of(&manifest, Some(id));
        let by_index = matches!(workload.kind, WorkloadKind::StatefulSet | WorkloadKind::DaemonSet);
        let terminating = record.terminating || record.phase.has_ended();
        let claim = claim(&claimant, spec.controller.as_ref(), &spec.labels, terminating);
        if claim != Claim::Adopt || (by_index && index.is_none()) {
            return;
        }
        let owner = crate::controllers::controller(workload);
        let revision = if self.differs(id, &manifest) { 0 } else { self.workloads.get(id).revision };
        let reference = record.reference();
        // It cannot fail: the pod is stored.
        let _ = self.store.change_pod(&reference, |manifest| {
            Arc::make_mut(&mut manifest.pod.spec).controller = Some(owner)
        });
        self.own_pod(pod, id, revision, index);
    }

    /// A workload is applied over the one that exists.
    fn replace_workload(&mut self, id: u32, mut workload: Workload) {
        let Some(before) = self.workload(id).cloned() else { return };
        workload.uid = before.uid;
        workload.created = before.created;
        workload.controller = before.controller;
        workload.progress = before.progress;
        self.default_selector(&mut workload);
        if !workload.sets_replicas && matches!(workload.count, PodCount::Replicas { .. }) {
            workload.count = before.count;
        }
        if before.template.is_outdated(&workload.template) {
            let state = self.workloads.get_mut(id);
            state.revision += 1;
            state.previous = Some(before.template);
            state.spec = None;
        }
        self.write_workload(Box::new(workload));
    }

    /// How many pods of a workload should serve, for the report.
    pub(crate) fn set_desired(&mut self, id: u32) {
        if self.workloads.get(id).owner.is_some() {
            return;
        }
        let Some(workload) = self.workload(id) else { return };
        let PodCount::Replicas { count, .. } = workload.count else { return };
        let label = self.label_of(id);
        let at = self.recorder.group(&label);
        let group = &mut self.recorder.groups[at];
        group.change(self.now, group.serving, Some(count));
    }

    /// Admits a pod and creates it, with the claims of its ephemeral volumes.
    pub(crate) fn admit_and_create(&mut self, mut manifest: PodManifest, made: Made) -> Option<u32> {
        let mut spec = (*manifest.pod.spec).clone();
        let asks = manifest.admission.clone();
        let remarks = Admission::new(&self.policy).admit(&mut spec, &asks);
        spec.never_preempts |= !self.settings.preemption;
        let name = manifest.pod.key();
        for (field, message) in &remarks.problems {
            self.problems.push(format!("Pod {name}: spec.{field}: {message}"));
        }
        for message in remarks.warnings {
            self.warn(format!("Pod {name}: {message}"));
        }
        if !remarks.problems.is_empty() {
            return None;
        }
        if spec != *manifest.pod.spec {
            manifest.pod.spec = Arc::new(spec);
        }
        let node = manifest.pod.node.clone();
        let id = self.create_with_claims(manifest, made)?;
        self.adopt_pod(id);
        if let Some(node) = node.and_then(|node| self.nodes.find(&node)) {
            self.start_pod(id, node, false);
        }
        Some(id)
    }

    /// Creates an admitted pod, with the claims of its ephemeral volumes.
    pub(crate) fn create_with_claims(&mut self, manifest: PodManifest, made: Made) -> Option<u32> {
        let claims = manifest.ephemeral_claims.clone();
        let (namespace, name) = (manifest.pod.spec.namespace.clone(), manifest.pod.name.clone());
        if self.is_refused(&manifest, made.owner) {
            return None;
        }
        let id = self.create_pod(manifest, made)?;
        self.make_device_claims(id);
        let uid = self.pods.get(id).map(|record| record.uid.clone());
        for claim in claims {
            let own = format!("{name}-{}", claim.name).into();
            let (namespace, controller_uid) = (namespace.clone(), uid.clone());
            self.create_claim(berth_model::volume::Claim {
                namespace,
                name: own,
                uid: Str::default(),
                controller_uid,
                ..claim
            });
        }
        Some(id)
    }

    /// Deletes an object, with all that it owns. Says what was done.
    pub(crate) fn delete_object(&mut self, key: &ObjectKey) -> String {
        let Some(object) = self.object(key) else { return "does not exist".to_owned() };
        match object {
            Object::Pod(manifest) => {
                if let Some(id) = self.pods.find(&manifest.pod.uid) {
                    self.delete_pod(id, None);
                }
            }
            Object::Workload(_) => {
                if let Some(id) = self.workloads.find(key) {
                    self.delete_workload(id);
                }
            }
            Object::Node(node) => {
                if let Some(id) = self.nodes.find(&node.name) {
                    self.remove_node(id);
                }
            }
            Object::Budget(_) => self.remove_budget(key),
            _ => drop(self.store.remove(key)),
        }
        "1 object".to_owned()
    }
}
