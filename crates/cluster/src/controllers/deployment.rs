//! Deployments: which ReplicaSets there are, and how large each is.

use berth_controllers::deployment::{Change, ReplicaSetState, Strategy, View, reconcile};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::selector::{Operator, Requirement};
use berth_model::workload::{PodCount, Rollout, ScaledFor, Workload, WorkloadKind};
use berth_sim::template::hash;

use super::controller;
use crate::simulation::Simulation;

/// The label that tells the pods of a Deployment's ReplicaSets apart.
pub(crate) const HASH_LABEL: &str = "pod-template-hash";
/// `spec.revisionHistoryLimit` as the API server sets it.
const HISTORY_LIMIT: i32 = 10;

impl Simulation {
    pub(super) fn sync_deployment(&mut self, id: u32, deployment: &Workload) {
        let PodCount::Replicas { count: replicas, .. } = deployment.count else { return };
        let strategy = match deployment.rollout {
            Rollout::Rolling { surge, unavailable, .. } => Strategy::RollingUpdate { surge, unavailable },
            Rollout::Recreate | Rollout::OnDelete => Strategy::Recreate,
        };
        let owned: Vec<u32> = self.workloads.get(id).owned.iter().copied().collect();
        let mut states = Vec::with_capacity(owned.len());
        for set in &owned {
            let available = self.available(*set, deployment.timing.min_ready_seconds);
            states.extend(self.set_state(*set, available, deployment));
        }
        let view = View {
            replicas,
            strategy,
            paused: deployment.paused,
            terminating: false,
            history_limit: Some(HISTORY_LIMIT),
            sets: &states,
        };
        for change in reconcile(&view, self.unix_seconds()) {
            match change {
                Change::Create { replicas, revision, scaled_for } => {
                    self.make_set(id, deployment, replicas, revision, scaled_for);
                }
                Change::Scale { set, replicas, scaled_for } => self.change_set(owned[set], |set| {
                    set.count = PodCount::Replicas { count: replicas, first: 0 };
                    set.scaled_for = Some(scaled_for);
                }),
                Change::SetRevision { set, revision } => {
                    self.change_set(owned[set], |set| set.revision = Some(revision));
                }
                Change::Delete { set } => self.delete_workload(owned[set]),
            }
        }
    }

    fn set_state(&self, id: u32, available: i32, deployment: &Workload) -> Option<ReplicaSetState> {
        let (state, set) = (self.workloads.get(id), self.workload(id)?);
        let PodCount::Replicas { count: replicas, .. } = set.count else { return None };
        Some(ReplicaSetState {
            name: set.name.clone(),
            created: set.created,
            revision: set.revision,
            updated: set.template.equals_but_for_label(&deployment.template, HASH_LABEL),
            terminating: set.terminating,
            replicas,
            actual: state.active,
            available,
            not_ended: state.not_ended,
            scaled_for: set.scaled_for,
        })
    }

    fn change_set(&mut self, id: u32, change: impl FnOnce(&mut Workload)) {
        if let Some(mut set) = self.workload(id).cloned() {
            change(&mut set);
            self.write_workload(Box::new(set));
        }
    }

    /// Makes the ReplicaSet of the Deployment's template.
    fn make_set(
        &mut self,
        id: u32,
        deployment: &Workload,
        replicas: i32,
        revision: i64,
        scaled_for: ScaledFor,
    ) {
        let namespace = &deployment.namespace;
        let key = |hash: &Str| {
            let name = format!("{}-{hash}", deployment.name).into();
            ObjectKey { kind: Kind::Workload(WorkloadKind::ReplicaSet), namespace: namespace.clone(), name }
        };
        let mut own = hash(namespace, &deployment.name);
        while self.store.get(&key(&own)).is_some() {
            own = hash(namespace, &format!("{}-{own}", deployment.name));
        }
        let mut template = deployment.template.clone();
        template.labels.insert(HASH_LABEL.into(), own.clone());
        let mut selector = deployment.selector.clone();
        if let Some(selector) = &mut selector {
            let (key, values) = (HASH_LABEL.into(), vec![own.clone()]);
            selector.requirements.push(Requirement { key, operator: Operator::In, values });
        }
        let key = key(&own);
        let uid = self.store.new_uid();
        let set = Workload {
            namespace: namespace.clone(),
            name: key.name.clone(),
            uid: uid.clone(),
            labels: template.labels.clone(),
            created: Some(self.unix_seconds()),
            controller: Some(controller(deployment)),
            selector,
            template,
            count: PodCount::Replicas { count: replicas, first: 0 },
            revision: Some(revision),
            scaled_for: Some(scaled_for),
            timing: deployment.timing.clone(),
            ..Workload::empty(WorkloadKind::ReplicaSet)
        };
        self.workloads.add(key, uid, Some(id), self.now);
        self.store.put(Object::Workload(Box::new(set)));
    }
}
