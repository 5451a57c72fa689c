//! What the simulation knows of pods beside their objects: how they run, and who counts them.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_controllers::pod::{Phase as StatePhase, PodState};
use berth_flow::PodRef;
use berth_model::execution::Execution;
use berth_model::object::ObjectKey;
use berth_model::{Str, UnixSeconds};
use rustc_hash::FxHashMap;

use crate::Millis;
use crate::kubelet::{Phase, PodRun};

/// A pod of the simulation.
#[derive(Clone, Debug)]
pub(crate) struct PodRecord {
    pub(crate) key: ObjectKey,
    pub(crate) uid: Str,
    pub(crate) execution: Arc<Execution>,
    /// The workload that controls it.
    pub(crate) owner: Option<u32>,
    /// The group of pods that reports count it in.
    pub(crate) group: usize,
    /// The disruption budgets that select it.
    pub(crate) budgets: Vec<usize>,
    pub(crate) priority: i32,
    /// Its requests, by the recorder's numbers of resources.
    pub(crate) requests: Arc<[(usize, i64)]>,
    pub(crate) created: Millis,
    /// When it was bound; a pod that was on its node from the start was bound at 0.
    pub(crate) bound: Option<Millis>,
    pub(crate) node: Option<u32>,
    /// What the node's agent does with it; `None` before the binding.
    pub(crate) run: Option<PodRun>,
    /// `status.phase`.
    pub(crate) phase: Phase,
    /// The condition `Ready`, as the API server has it.
    pub(crate) ready: bool,
    pub(crate) ready_since: Millis,
    /// Its containers are ready and its node works.
    pub(crate) serves: bool,
    pub(crate) terminating: bool,
    /// The grace period of its deletion.
    pub(crate) grace: u32,
    /// The template that it was made from.
    pub(crate) revision: u64,
    /// The ordinal or completion index.
    pub(crate) index: Option<i32>,
    /// A Job has counted its end.
    pub(crate) counted: bool,
    /// The story has lines about it.
    pub(crate) followed: bool,
    /// It tolerates the taints of its node until then.
    pub(crate) tolerates_until: Option<Millis>,
}

/// What a pod adds to the counters of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// It has not ended and is not terminating.
    pub(crate) active: bool,
    /// It is active and ready.
    pub(crate) ready: bool,
    /// It has not ended.
    pub(crate) not_ended: bool,
    /// It waits for a node.
    pub(crate) waits: bool,
    /// It holds its requests on a node.
    pub(crate) holds: bool,
    /// Its containers work.
    pub(crate) serves: bool,
}

impl PodRecord {
    pub(crate) fn counted(&self) -> Counted {
        let not_ended = !self.phase.has_ended();
        let active = not_ended && !self.terminating;
        Counted {
            active,
            ready: active && self.ready,
            not_ended,
            waits: active && self.node.is_none(),
            holds: not_ended && self.node.is_some(),
            serves: self.serves && not_ended,
        }
    }

    pub(crate) fn reference(&self) -> PodRef {
        PodRef { namespace: self.key.namespace.clone(), name: self.key.name.clone(), uid: self.uid.clone() }
    }

    /// The pod as its controller sees it. `current` is the template of the controller now, `start` the time of the
    /// simulation's beginning.
    pub(crate) fn state(&self, id: u32, current: u64, start: UnixSeconds) -> PodState {
        let at = |millis: Millis| Some(start + i64::try_from(millis / 1_000).unwrap_or(i64::MAX));
        PodState {
            id,
            name: self.key.name.clone(),
            uid: self.uid.clone(),
            created: at(self.created),
            node: self.node,
            phase: match self.phase {
                Phase::Pending => StatePhase::Pending,
                Phase::Running => StatePhase::Running,
                Phase::Succeeded => StatePhase::Succeeded,
                Phase::Failed => StatePhase::Failed,
            },
            ready: self.ready,
            ready_since: self.ready.then(|| at(self.ready_since)).flatten(),
            deletion_cost: 0,
            restarts: self.run.as_ref().map_or(0, |run| i32::try_from(run.restarts()).unwrap_or(i32::MAX)),
            terminating: self.terminating,
            updated: self.revision == current,
            index: self.index,
        }
    }
}

/// All pods, by number and by uid. Numbers are not used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodTable {
    records: Vec<Option<Box<PodRecord>>>,
    by_uid: FxHashMap<Str, u32>,
    /// Those without a controller.
    orphans: BTreeSet<u32>,
}

impl PodTable {
    pub(crate) fn add(&mut self, record: PodRecord) -> u32 {
        // Simulations are bounded to far fewer pods.
        let id = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.by_uid.insert(record.uid.clone(), id);
        if record.owner.is_none() {
            self.orphans.insert(id);
        }
        self.records.push(Some(Box::new(record)));
        id
    }

    pub(crate) fn get(&self, id: u32) -> Option<&PodRecord> {
        self.records.get(id as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut PodRecord> {
        self.records.get_mut(id as usize)?.as_deref_mut()
    }

    pub(crate) fn find(&self, uid: &str) -> Option<u32> {
        self.by_uid.get(uid).copied()
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<PodRecord> {
        let record = self.records.get_mut(id as usize)?.take()?;
        self.by_uid.remove(&record.uid);
        self.orphans.remove(&id);
        Some(*record)
    }

    /// A pod has a controller now.
    pub(crate) fn no_orphan(&mut self, id: u32) {
        self.orphans.remove(&id);
    }

    /// The pods of a namespace that have no controller, in the order in which they were made.
    pub(crate) fn orphans(&self, namespace: &str) -> impl Iterator<Item = u32> {
        let is_in = move |id: &u32| self.get(*id).is_some_and(|record| *record.key.namespace == *namespace);
        self.orphans.iter().copied().filter(is_in)
    }

    /// All pods, in the order in which they were made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &PodRecord)> {
        (0..).zip(&self.records).filter_map(|(id, record)| Some((id, record.as_deref()?)))
    }
}
