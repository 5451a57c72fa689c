//! Rollouts in a run: controllers make and delete pods, and the run schedules what waits.

use std::sync::Arc;

use berth_controllers::change::NewPod;
use berth_controllers::pod::PodState;
use berth_controllers::rollout::{Cluster, Event, Rollouts};
use berth_engine::ids::PodRow;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Pending, Run};
use crate::rollout::{RolledOut, Rollout, state};

/// A run whose rollouts go on. The first error ends it.
struct Rolling<'r, 'a, P> {
    run: &'r mut Run<'a>,
    rollouts: Vec<Rollout>,
    /// Something was deleted, so that pods that are pending may fit.
    freed: bool,
    error: Option<String>,
    progress: P,
}

/// Lets the rollouts come to their ends.
///
/// # Errors
/// With `verify`, the first decision that differs from the scan's.
pub(super) fn roll_out(
    run: &mut Run<'_>,
    rollouts: Vec<Rollout>,
    progress: impl FnMut(usize),
) -> Result<Vec<RolledOut>, String> {
    let cluster = run.scheduler.cluster();
    let rows: FxHashMap<_, _> = cluster
        .pods()
        .rows()
        .map(|row| {
            let pod = &cluster.pods().entry(row).pod;
            ((pod.spec.namespace.clone(), pod.name.clone()), row)
        })
        .collect();
    // New pods are younger than all others.
    let created = cluster.pods().rows().filter_map(|row| cluster.pods().entry(row).pod.created).max();
    let mut controllers = Rollouts::new(created.unwrap_or(0) + 1);
    for rollout in &rollouts {
        controllers.add(rollout.workload.clone(), rollout.states(cluster, &rows));
    }
    run.events = Some(Vec::new());
    let mut rolling = Rolling { run, rollouts, freed: false, error: None, progress };
    let summaries = controllers.finish(&mut rolling);
    if let Some(error) = rolling.error {
        return Err(error);
    }
    let rolled_out = |(rollout, summary): (Rollout, _)| {
        let Rollout { kind, namespace, name, .. } = rollout;
        RolledOut { kind, namespace, name, summary }
    };
    Ok(rolling.rollouts.into_iter().zip(summaries).map(rolled_out).collect())
}

impl<P: FnMut(usize)> Cluster for Rolling<'_, '_, P> {
    fn create(&mut self, workload: usize, set: usize, pod: NewPod) -> Option<PodState> {
        let (pod, updated, index) = self.rollouts[workload].make(set, pod)?;
        let on_node = pod.node.is_some();
        let cluster = self.run.scheduler.cluster_mut();
        let row = cluster.add_pod(pod);
        let made = PodState { updated, index, ..state(cluster, row) };
        if !on_node {
            self.run.queue.push(cluster, row, usize::MAX);
        }
        Some(made)
    }

    fn delete(&mut self, pod: u32) {
        let row = PodRow(pod);
        self.run.void.extend(self.run.places.remove(&row));
        self.run.outcome.pending.retain(|pending| pending.pod != row);
        self.run.queue.remove(row);
        self.run.scheduler.cluster_mut().remove_pod(row);
        self.freed = true;
    }

    fn schedule(&mut self) -> Vec<Event> {
        if std::mem::take(&mut self.freed) && self.error.is_none() {
            self.error = self.run.retry().err();
        }
        while let (None, Some((pod, place))) = (&self.error, self.run.queue.pop()) {
            self.error = self.run.attempt(pod, place).err();
            (self.progress)(self.run.queue.len());
        }
        self.run.events.replace(Vec::new()).unwrap_or_default()
    }

    fn pending_message(&self, pod: u32) -> Option<String> {
        let pending = self.run.outcome.pending.iter().find(|pending| pending.pod.0 == pod)?;
        Some(pending.message.clone())
    }
}

impl Run<'_> {
    /// Tries pods again that are pending. Of pods with one spec the first tells whether the others fit.
    fn retry(&mut self) -> Result<(), String> {
        let mut refused = FxHashSet::default();
        for pending in std::mem::take(&mut self.outcome.pending) {
            let Pending { pod, .. } = pending;
            let spec = Arc::as_ptr(&self.scheduler.cluster().pods().entry(pod).pod.spec);
            if pending.other_scheduler || refused.contains(&spec) {
                self.outcome.pending.push(pending);
                continue;
            }
            let (placed, waiting) = (self.outcome.placed.len(), self.outcome.pending.len());
            self.attempt(pod, usize::MAX)?;
            if self.outcome.placed.len() > placed {
                refused.clear();
            } else if self.outcome.pending.len() > waiting {
                refused.insert(spec);
            }
        }
        Ok(())
    }
}
