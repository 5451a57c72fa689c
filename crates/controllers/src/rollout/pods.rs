//! The pods of all workloads that are rolled out, with counts that are kept up to date.

use rustc_hash::FxHashMap;

use crate::pod::PodState;

/// Where a pod is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) workload: usize,
    pub(super) group: usize,
    place: usize,
}

/// What a controller counts of a group of pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Neither ended nor terminating.
    pub(super) active: i32,
    /// Active and ready.
    pub(super) available: i32,
    /// Terminating ones, too.
    pub(super) not_ended: i32,
}

#[derive(Clone, Debug, Default)]
struct OfWorkload {
    groups: Vec<Vec<PodState>>,
    counts: Vec<Counts>,
    /// Active pods of all groups, by node.
    on_node: Vec<u32>,
    /// Pods that hold a place on a node.
    running: i32,
    peak: i32,
}

impl OfWorkload {
    /// Adds a pod to the counts, or takes it out.
    fn count(&mut self, group: usize, place: usize, sign: i32) {
        let pod = &self.groups[group][place];
        if pod.has_ended() {
            return;
        }
        let counts = &mut self.counts[group];
        counts.not_ended += sign;
        self.running += if pod.node.is_some() { sign } else { 0 };
        if pod.terminating {
            return;
        }
        counts.active += sign;
        counts.available += if pod.ready { sign } else { 0 };
        if let Some(node) = pod.node {
            let node = node as usize;
            if self.on_node.len() <= node {
                self.on_node.resize(node + 1, 0);
            }
            self.on_node[node] = self.on_node[node].saturating_add_signed(sign);
        }
    }
}

/// All pods, by workload and group.
#[derive(Clone, Debug, Default)]
pub(super) struct Pods {
    workloads: Vec<OfWorkload>,
    slots: FxHashMap<u32, Slot>,
}

impl Pods {
    pub(super) fn add_workload(&mut self) {
        self.workloads.push(OfWorkload::default());
    }

    pub(super) fn add_group(&mut self, workload: usize) {
        self.workloads[workload].groups.push(Vec::new());
        self.workloads[workload].counts.push(Counts::default());
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn groups(&self, workload: usize) -> &[Vec<PodState>] {
        &self.workloads[workload].groups
    }

    pub(super) fn counts(&self, workload: usize) -> &[Counts] {
        &self.workloads[workload].counts
    }

    /// How many active pods of a workload are on a node.
    pub(super) fn on_node(&self, workload: usize, node: Option<u32>) -> u32 {
        let on_node = &self.workloads[workload].on_node;
        node.and_then(|node| on_node.get(node as usize)).copied().unwrap_or(0)
    }

    /// The most pods of a workload that were on nodes at once.
    pub(super) fn peak(&self, workload: usize) -> i32 {
        self.workloads[workload].peak
    }

    /// Remembers how many pods are on nodes now.
    pub(super) fn note_peaks(&mut self) {
        for workload in &mut self.workloads {
            workload.peak = workload.peak.max(workload.running);
        }
    }

    pub(super) fn get(&self, slot: Slot) -> &PodState {
        &self.workloads[slot.workload].groups[slot.group][slot.place]
    }

    pub(super) fn insert(&mut self, workload: usize, group: usize, pod: PodState) {
        let of = &mut self.workloads[workload];
        let place = of.groups[group].len();
        self.slots.insert(pod.id, Slot { workload, group, place });
        of.groups[group].push(pod);
        of.count(group, place, 1);
    }

    /// Changes a pod; `None` if there is none of this number.
    pub(super) fn change(&mut self, id: u32, change: impl FnOnce(&mut PodState)) -> Option<Slot> {
        let slot = *self.slots.get(&id)?;
        let of = &mut self.workloads[slot.workload];
        of.count(slot.group, slot.place, -1);
        change(&mut of.groups[slot.group][slot.place]);
        of.count(slot.group, slot.place, 1);
        Some(slot)
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<(Slot, PodState)> {
        let slot = self.slots.remove(&id)?;
        let of = &mut self.workloads[slot.workload];
        of.count(slot.group, slot.place, -1);
        let pod = of.groups[slot.group].swap_remove(slot.place);
        if let Some(moved) = of.groups[slot.group].get(slot.place) {
            self.slots.insert(moved.id, slot);
        }
        Some((slot, pod))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::running;

    #[test]
    fn counts_follow_every_change() {
        let mut pods = Pods::default();
        pods.add_workload();
        pods.add_group(0);
        for (name, node) in [("1", 0), ("2", 0), ("3", 1)] {
            pods.insert(0, 0, running(name, node));
        }
        pods.note_peaks();
        pods.change(1, |pod| pod.terminating = true);
        pods.remove(2);
        pods.change(3, |pod| pod.ready = false);
        assert_eq!(pods.counts(0), [Counts { active: 1, available: 0, not_ended: 2 }]);
        assert_eq!([Some(0), Some(1), Some(7), None].map(|node| pods.on_node(0, node)), [0, 1, 0, 0]);
        assert_eq!((pods.peak(0), pods.len()), (3, 2));
        assert!(pods.remove(2).is_none() && pods.change(2, |_| ()).is_none());
        assert_eq!(pods.change(3, |_| ()).map(|slot| pods.get(slot).name.clone()), Some("3".into()));
    }
}
