//! Disruption budgets: the disruption controller counts ready pods and writes how many may be evicted.
//!
//! Upstream: `pkg/controller/disruption/disruption.go` (`getExpectedPodCount`, `updatePdbStatus`).

use std::collections::{BTreeMap, BTreeSet};

use berth_model::object::{Object, ObjectKey};
use berth_model::pod::PodSpec;
use berth_model::workload::{DisruptionBudget, PodCount, Share, WorkloadKind};

use crate::pods::{Counted, PodRecord};
use crate::simulation::Simulation;

/// A budget and what is counted for it.
#[derive(Clone, Debug)]
struct BudgetState {
    key: ObjectKey,
    budget: DisruptionBudget,
    /// Ready pods that are not terminating.
    healthy: i64,
    /// Its pods.
    pods: BTreeSet<u32>,
    exists: bool,
}

/// All budgets, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budgets {
    states: Vec<BudgetState>,
    dirty: BTreeSet<usize>,
}

impl Budgets {
    /// The budgets that select pods of this spec.
    pub(crate) fn selecting(&self, spec: &PodSpec) -> Vec<usize> {
        let selects = |state: &BudgetState| state.exists && state.budget.selects(spec);
        (0..self.states.len()).filter(|at| selects(&self.states[*at])).collect()
    }

    /// A pod that a budget selects has changed.
    pub(crate) fn count(&mut self, at: usize, before: Counted, after: Counted) {
        if before == after {
            return;
        }
        let change = |before: bool, after: bool| i64::from(after) - i64::from(before);
        self.states[at].healthy += change(before.ready, after.ready);
        self.dirty.insert(at);
    }

    /// A pod that a budget selects was made.
    pub(crate) fn pod_made(&mut self, id: u32, record: &PodRecord) {
        for at in &record.budgets {
            self.states[*at].pods.insert(id);
            self.dirty.insert(*at);
        }
    }

    /// A pod does not exist any more.
    pub(crate) fn pod_removed(&mut self, id: u32, record: &PodRecord) {
        for at in &record.budgets {
            self.states[*at].pods.remove(&id);
            self.dirty.insert(*at);
        }
    }
}

impl Simulation {
    /// A budget is created or replaced.
    pub(crate) fn put_budget(&mut self, budget: DisruptionBudget) {
        let key = Object::Budget(budget.clone()).key();
        self.remove_budget(&key);
        let at = self.budgets.states.len();
        self.budgets.states.push(BudgetState {
            key,
            budget: budget.clone(),
            healthy: 0,
            pods: BTreeSet::new(),
            exists: true,
        });
        let ids: Vec<u32> = self.pods.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(record) = self.pods.get(id) else { continue };
            let spec = self.store.pod(&record.key).map(|manifest| manifest.pod.spec.clone());
            if spec.is_some_and(|spec| budget.selects(&spec)) {
                self.budgets.count(at, Counted::default(), record.counted());
                self.budgets.states[at].pods.insert(id);
                if let Some(record) = self.pods.get_mut(id) {
                    record.budgets.push(at);
                }
            }
        }
        self.budgets.dirty.insert(at);
        self.store.put(Object::Budget(budget));
    }

    /// A budget does not exist any more.
    pub(crate) fn remove_budget(&mut self, key: &ObjectKey) {
        for state in self.budgets.states.iter_mut().filter(|state| state.key == *key) {
            state.exists = false;
        }
        self.store.remove(key);
    }

    /// Writes the status of budgets whose pods have changed. Whether a status changes.
    pub(crate) fn sync_budgets(&mut self) -> bool {
        let before = self.store.version();
        while let Some(at) = self.budgets.dirty.pop_first() {
            let state = &self.budgets.states[at];
            let Some(Object::Budget(mut budget)) = self.object(&state.key).filter(|_| state.exists) else {
                continue;
            };
            let (healthy, desired) = (state.healthy, self.desired_healthy(at));
            // A pod whose eviction was counted counts until it is seen to be going away.
            let is_pending = |name: &berth_model::Str| {
                let key = crate::server::pod_key(&budget.namespace, name);
                self.store.pod(&key).is_some_and(|manifest| !manifest.pod.terminating)
            };
            let disrupted: Vec<berth_model::Str> =
                budget.disrupted_pods.iter().filter(|name| is_pending(name)).cloned().collect();
            let allowed = (healthy - disrupted.len() as i64 - desired).max(0);
            budget.disrupted_pods = disrupted;
            budget.disruptions_allowed = i32::try_from(allowed).unwrap_or(i32::MAX);
            budget.is_counted = true;
            self.store.put(Object::Budget(budget));
        }
        self.store.version() != before
    }

    /// How many pods of a budget must be ready.
    fn desired_healthy(&self, at: usize) -> i64 {
        let state = &self.budgets.states[at];
        let expected = || i32::try_from(self.expected_pods(at)).unwrap_or(i32::MAX);
        match (state.budget.max_unavailable, state.budget.min_available) {
            (Some(share), _) => {
                let expected = expected();
                i64::from(expected) - i64::from(share.of(expected)).min(i64::from(expected))
            }
            (None, Some(Share::Pods(pods))) => pods.into(),
            (None, Some(share)) => share.of(expected()).into(),
            // Upstream allows no disruption if the spec has no limit.
            (None, None) => i64::MAX,
        }
    }

    /// How many pods the controllers of a budget's pods want. Pods without a controller count as they are.
    fn expected_pods(&self, at: usize) -> i64 {
        let mut owners: BTreeMap<u32, i64> = BTreeMap::new();
        let mut alone = 0;
        for record in self.budgets.states[at].pods.iter().filter_map(|id| self.pods.get(*id)) {
            match record.owner {
                Some(owner) => {
                    owners.entry(self.workloads.top(owner)).or_insert_with(|| self.scale_of(owner));
                }
                None => alone += i64::from(record.counted().active),
            }
        }
        alone + owners.values().sum::<i64>()
    }

    fn scale_of(&self, owner: u32) -> i64 {
        let state = self.workloads.get(self.workloads.top(owner));
        match self.store.get(&state.key).map(|object| &**object) {
            Some(Object::Workload(workload)) if workload.kind != WorkloadKind::DaemonSet => {
                match workload.count {
                    PodCount::Replicas { count, .. } => count.into(),
                    PodCount::Job { parallelism, .. } => parallelism.into(),
                    PodCount::PerNode => 0,
                }
            }
            _ => state.active.into(),
        }
    }

    /// Whether the eviction of a pod takes nothing from its budget: it is not ready, and enough others are.
    pub(crate) fn costs_nothing(&self, record: &PodRecord) -> bool {
        let is_met = |at: &usize| {
            let desired = self.desired_healthy(*at);
            desired > 0 && self.budgets.states[*at].healthy >= desired
        };
        !record.ready && record.budgets.iter().all(is_met)
    }
}
