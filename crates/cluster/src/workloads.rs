//! What the simulation knows of controllers' objects beside the objects: their pods and counters.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use berth_model::Str;
use berth_model::object::ObjectKey;
use berth_model::pod::PodSpec;
use berth_model::pod_manifest::PodTemplate;
use rustc_hash::FxHashMap;

use crate::Millis;
use crate::pods::Counted;

/// A controller's object.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadState {
    pub(crate) key: ObjectKey,
    /// The workload that controls this one.
    pub(crate) owner: Option<u32>,
    /// The workloads that this one controls.
    pub(crate) owned: BTreeSet<u32>,
    /// Its pods. Those of a Job leave it when the Job has counted their end.
    pub(crate) pods: BTreeSet<u32>,
    /// How many of its pods are active.
    pub(crate) active: i32,
    /// How many of its active pods are ready.
    pub(crate) ready: i32,
    /// How many of its pods have not ended.
    pub(crate) not_ended: i32,
    /// The number of its template; grows when the template changes.
    pub(crate) revision: u64,
    /// The template before the present one.
    pub(crate) previous: Option<PodTemplate>,
    /// The spec of pods that are alike, admitted.
    pub(crate) spec: Option<(u64, Arc<PodSpec>)>,
    /// The number that the next pod's name ends in.
    pub(crate) next_name: u64,
    /// What a Job has done.
    pub(crate) job: JobState,
    /// Of a DaemonSet: the version of the nodes and the template for which it has nothing to do.
    pub(crate) settled: Option<(u64, u64)>,
    /// The object exists.
    pub(crate) exists: bool,
    /// How many successors of followed pods are followed next.
    pub(crate) follows: u32,
}

/// What a Job has done so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobState {
    pub(crate) started: Millis,
    pub(crate) succeeded: i32,
    pub(crate) failed: i32,
    /// Indexes that have succeeded, in ascending order.
    pub(crate) ended: Vec<RangeInclusive<i32>>,
    /// How many pods have failed since one succeeded, and when the last one did.
    pub(crate) failures: u32,
    pub(crate) last_failure: Millis,
    /// When it ended, and whether with success.
    pub(crate) end: Option<(Millis, bool)>,
    /// Its pods whose end was counted.
    pub(crate) ended_pods: Vec<u32>,
}

/// All controllers' objects, by number. Numbers are not used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workloads {
    states: Vec<WorkloadState>,
    by_uid: FxHashMap<Str, u32>,
    by_key: FxHashMap<ObjectKey, u32>,
    /// Those that may have something to do.
    dirty: BTreeSet<u32>,
}

impl Workloads {
    pub(crate) fn add(&mut self, key: ObjectKey, uid: Str, owner: Option<u32>, now: Millis) -> u32 {
        // There are far fewer.
        let id = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        self.by_uid.insert(uid, id);
        self.by_key.insert(key.clone(), id);
        self.states.push(WorkloadState {
            key,
            owner,
            owned: BTreeSet::new(),
            pods: BTreeSet::new(),
            active: 0,
            ready: 0,
            not_ended: 0,
            revision: 1,
            previous: None,
            spec: None,
            next_name: 0,
            job: JobState { started: now, ..JobState::default() },
            settled: None,
            exists: true,
            follows: 0,
        });
        if let Some(owner) = owner {
            self.states[owner as usize].owned.insert(id);
        }
        self.dirty.insert(id);
        id
    }

    /// A workload by its number.
    pub(crate) fn get(&self, id: u32) -> &WorkloadState {
        &self.states[id as usize]
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> &mut WorkloadState {
        &mut self.states[id as usize]
    }

    /// A workload that exists.
    pub(crate) fn find(&self, key: &ObjectKey) -> Option<u32> {
        self.by_key.get(key).copied().filter(|id| self.get(*id).exists)
    }

    pub(crate) fn find_uid(&self, uid: &str) -> Option<u32> {
        self.by_uid.get(uid).copied().filter(|id| self.get(*id).exists)
    }

    /// All that exist, in the order in which they were made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &WorkloadState)> {
        (0..).zip(&self.states).filter(|(_, state)| state.exists)
    }

    /// The workload that no other one controls.
    pub(crate) fn top(&self, id: u32) -> u32 {
        self.get(id).owner.map_or(id, |owner| self.top(owner))
    }

    pub(crate) fn wake(&mut self, id: u32) {
        self.dirty.insert(id);
    }

    pub(crate) fn pop_dirty(&mut self) -> Option<u32> {
        self.dirty.pop_first()
    }

    /// A pod of the workload has changed.
    pub(crate) fn count(&mut self, id: u32, before: Counted, after: Counted) {
        let state = self.get_mut(id);
        let change = |before: bool, after: bool| i32::from(after) - i32::from(before);
        state.active += change(before.active, after.active);
        state.ready += change(before.ready, after.ready);
        state.not_ended += change(before.not_ended, after.not_ended);
        if (before.active, before.not_ended) != (after.active, after.not_ended) {
            state.settled = None;
        }
        let owner = state.owner;
        self.dirty.insert(id);
        self.dirty.extend(owner);
    }
}
