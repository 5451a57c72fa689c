//! ReplicaSets and ReplicationControllers: a number of pods that are alike.

use berth_controllers::change::PodChange;
use berth_controllers::replica_set::{View, reconcile};
use berth_model::workload::{PodCount, Workload};
use berth_sim::template::prefix;
use rustc_hash::FxHashMap;

use crate::simulation::{Made, Simulation};

impl Simulation {
    pub(super) fn sync_replica_set(&mut self, id: u32, set: &Workload) {
        let PodCount::Replicas { count: replicas, .. } = set.count else { return };
        let state = self.workloads.get(id);
        let missing = replicas - state.active;
        if missing == 0 {
            return;
        }
        if missing > 0 {
            let revision = state.revision;
            return self.make_alike(id, set, missing, revision);
        }
        let pods = self.states(id);
        let on = self.ranks(id);
        let view = View { replicas, terminating: false, pods: &pods };
        let rank = |node: Option<u32>| on.get(&node).copied().unwrap_or(0);
        for change in reconcile(&view, self.unix_seconds(), rank) {
            if let PodChange::Delete(pod) = change {
                self.delete_pod(pod, None);
            }
        }
    }

    /// Makes pods that differ by their names only.
    pub(super) fn make_alike(&mut self, id: u32, workload: &Workload, count: i32, revision: u64) {
        let Some(spec) = self.spec_of_alike(id, workload) else { return };
        let prefix = prefix(&workload.name);
        for _ in 0..count {
            let name = self.numbered_name(id, &workload.namespace, &prefix);
            let made = Made { owner: Some(id), revision, ..Made::default() };
            self.make_pod(name, spec.clone(), &workload.template, made);
        }
    }

    /// How many active pods of all ReplicaSets of the same Deployment are on each node.
    fn ranks(&self, id: u32) -> FxHashMap<Option<u32>, u32> {
        let family: Vec<u32> = match self.workloads.get(id).owner {
            Some(owner) => self.workloads.get(owner).owned.iter().copied().collect(),
            None => vec![id],
        };
        let pods = family.iter().flat_map(|set| self.workloads.get(*set).pods.iter());
        let mut on = FxHashMap::default();
        for record in pods.filter_map(|pod| self.pods.get(*pod)).filter(|record| record.counted().active) {
            *on.entry(record.node).or_default() += 1;
        }
        on
    }
}
