//! StatefulSets: pods with ordinals, made and replaced in order, each with claims of its own.

use berth_controllers::change::{NewPod, PodChange};
use berth_controllers::stateful_set::{Strategy, View, reconcile};
use berth_model::Str;
use berth_model::workload::{PodCount, Rollout, Workload};
use berth_sim::template::{POD_INDEX, POD_NAME, claims, mount_claims};

use crate::simulation::{Made, Simulation};

impl Simulation {
    pub(super) fn sync_stateful_set(&mut self, id: u32, set: &Workload) {
        let PodCount::Replicas { count: replicas, first: start } = set.count else { return };
        let strategy = match set.rollout {
            Rollout::Rolling { unavailable, partition, .. } => {
                Strategy::RollingUpdate { partition, unavailable }
            }
            Rollout::OnDelete | Rollout::Recreate => Strategy::OnDelete,
        };
        let min_ready_seconds = set.timing.min_ready_seconds;
        self.available(id, min_ready_seconds);
        let pods = self.states(id);
        let view = View {
            replicas,
            start,
            parallel: set.parallel,
            strategy,
            min_ready_seconds,
            terminating: false,
            pods: &pods,
        };
        for change in reconcile(&view, self.unix_seconds()) {
            match change {
                PodChange::Delete(pod) => self.delete_pod(pod, None),
                PodChange::Create(NewPod::Ordinal { ordinal, updated }) => {
                    self.make_ordinal(id, set, ordinal, updated);
                }
                PodChange::Create(_) => {}
            }
        }
    }

    fn make_ordinal(&mut self, id: u32, set: &Workload, ordinal: i32, updated: bool) {
        let state = self.workloads.get(id);
        let (revision, previous) = match &state.previous {
            Some(previous) if !updated => (state.revision - 1, Some(previous.clone())),
            _ => (state.revision, None),
        };
        let template = previous.as_ref().unwrap_or(&set.template);
        let name = Str::from(format!("{}-{ordinal}", set.name));
        let mut labels = template.labels.clone();
        labels.insert(POD_NAME.into(), name.clone());
        labels.insert(POD_INDEX.into(), ordinal.to_string().into());
        let mount = |spec: &mut _| mount_claims(spec, set, ordinal.into());
        let Some(spec) = self.admitted(id, set, template, labels, mount) else { return };
        for claim in claims(set, ordinal.into()) {
            self.create_claim(claim);
        }
        let made = Made { owner: Some(id), revision, index: Some(ordinal), group: None };
        self.make_pod(name, spec, template, made);
    }
}
