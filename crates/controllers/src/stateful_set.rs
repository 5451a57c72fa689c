//! StatefulSets: pods with ordinals, made and replaced in order.
//!
//! A pod keeps its name, so its successor is made only when it is gone. Claims are kept. With `OrderedReady` one pod
//! after the other is made, each when all before it are available; with `Parallel` all at once. An update deletes pods
//! from the highest ordinal down to `partition`, at most `maxUnavailable` at a time.
//!
//! Upstream: `statefulset/stateful_set_control.go` (`updateStatefulSet`, `updateStatefulSetAfterInvariantEstablished`),
//! `stateful_set_utils.go`. The gate `MaxUnavailableStatefulSet` is on by default in 1.37,
//! `StatefulSetRecreateStrategy` is off.

use berth_model::UnixSeconds;
use berth_model::workload::Share;

use crate::change::{NewPod, PodChange};
use crate::pod::{Phase, PodState};

/// `spec.updateStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `OnDelete`: a pod is replaced only if somebody deletes it.
    OnDelete,
    /// `RollingUpdate`.
    RollingUpdate {
        /// `partition`: pods with lower ordinals keep the old template.
        partition: i32,
        /// `maxUnavailable`; at least one.
        unavailable: Share,
    },
}

/// What the controller sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `spec.ordinals.start`.
    pub start: i32,
    /// `spec.podManagementPolicy: Parallel`.
    pub parallel: bool,
    /// `spec.updateStrategy`.
    pub strategy: Strategy,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: i32,
    /// `metadata.deletionTimestamp` is set: it does nothing.
    pub terminating: bool,
    /// Its pods; those without [`index`](PodState::index) are ignored.
    pub pods: &'a [PodState],
}

/// One sync.
pub fn reconcile(view: &View<'_>, now: UnixSeconds) -> Vec<PodChange> {
    let sync = Sync::new(view, now);
    if view.terminating {
        return Vec::new();
    }
    let mut changes = Vec::new();
    if sync.keep_replicas(&mut changes) || sync.remove_condemned(&mut changes) {
        return changes;
    }
    if let Strategy::RollingUpdate { partition, unavailable } = view.strategy {
        sync.update(partition, unavailable.rounded_down(view.replicas).max(1), &mut changes);
    }
    changes
}

struct Sync<'a> {
    view: &'a View<'a>,
    now: UnixSeconds,
    /// The pods of the ordinals that are wanted.
    replicas: Vec<Option<&'a PodState>>,
    /// Pods of other ordinals, highest first.
    condemned: Vec<&'a PodState>,
}

impl<'a> Sync<'a> {
    fn new(view: &'a View<'a>, now: UnixSeconds) -> Self {
        let mut replicas = vec![None; usize::try_from(view.replicas).unwrap_or(0)];
        let mut condemned = Vec::new();
        for pod in view.pods {
            let Some(ordinal) = pod.index else { continue };
            let place = usize::try_from(i64::from(ordinal) - i64::from(view.start)).ok();
            match place.and_then(|place| replicas.get_mut(place)) {
                Some(replica) => *replica = Some(pod),
                None => condemned.push(pod),
            }
        }
        condemned.sort_by_key(|pod| std::cmp::Reverse(pod.index));
        Self { view, now, replicas, condemned }
    }

    fn is_available(&self, pod: &PodState) -> bool {
        pod.phase == Phase::Running && pod.is_available(self.view.min_ready_seconds, self.now)
    }

    fn is_unavailable(&self, pod: &PodState) -> bool {
        pod.terminating || !pod.is_available(self.view.min_ready_seconds, self.now)
    }

    /// The pod for an ordinal: below the partition it has the old template.
    fn new_pod(&self, place: usize) -> NewPod {
        let ordinal = self.view.start.saturating_add(i32::try_from(place).unwrap_or(i32::MAX));
        let old = match self.view.strategy {
            Strategy::OnDelete => false,
            Strategy::RollingUpdate { partition, .. } => {
                i64::from(ordinal) < i64::from(self.view.start) + i64::from(partition)
            }
        };
        NewPod::Ordinal { ordinal, updated: !old }
    }

    /// Makes the pods that are missing, and deletes those that ended. Whether the sync ends here.
    fn keep_replicas(&self, changes: &mut Vec<PodChange>) -> bool {
        for (place, pod) in self.replicas.iter().enumerate() {
            let blocks = match pod {
                None => {
                    changes.push(PodChange::Create(self.new_pod(place)));
                    true
                }
                Some(pod) if pod.has_ended() => {
                    if !pod.terminating {
                        changes.push(PodChange::Delete(pod.id));
                    }
                    true
                }
                Some(pod) => pod.terminating || !self.is_available(pod),
            };
            if blocks && !self.view.parallel {
                return true;
            }
        }
        false
    }

    /// Deletes the pods of other ordinals. Whether the sync ends here.
    fn remove_condemned(&self, changes: &mut Vec<PodChange>) -> bool {
        let from_low = self.condemned.iter().rev().copied();
        let mut all = self.replicas.iter().copied().flatten().chain(from_low);
        let first_unavailable = all.find(|pod| self.is_unavailable(pod)).map(|pod| pod.id);
        for pod in &self.condemned {
            let waits = pod.terminating || (!self.is_available(pod) && Some(pod.id) != first_unavailable);
            if self.view.parallel {
                if !pod.terminating {
                    changes.push(PodChange::Delete(pod.id));
                }
                continue;
            }
            if !waits {
                changes.push(PodChange::Delete(pod.id));
            }
            return true;
        }
        false
    }

    /// Deletes pods that have the old template.
    fn update(&self, partition: i32, unavailable: i32, changes: &mut Vec<PodChange>) {
        // A pod that was made in this sync is not available.
        let is_unavailable = |pod: &Option<&PodState>| pod.is_none_or(|pod| self.is_unavailable(pod));
        let missing = self.replicas.iter().filter(|pod| is_unavailable(pod)).count();
        let mut budget = i64::from(unavailable) - missing as i64;
        let partition = usize::try_from(partition).unwrap_or(0).min(self.replicas.len());
        let pods = || {
            self.replicas[partition..].iter().rev().flatten().filter(|pod| !pod.updated && !pod.terminating)
        };
        if !self.view.parallel {
            let count = usize::try_from(budget).unwrap_or(0);
            changes.extend(pods().take(count).map(|pod| PodChange::Delete(pod.id)));
            return;
        }
        // Pods that are not available cost nothing.
        for pod in pods().filter(|pod| !self.is_available(pod) && !pod.has_ended()) {
            changes.push(PodChange::Delete(pod.id));
        }
        for pod in pods().filter(|pod| !self.is_unavailable(pod)) {
            if budget <= 0 {
                break;
            }
            changes.push(PodChange::Delete(pod.id));
            budget -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::running;

    fn old(ordinal: i32) -> PodState {
        PodState { index: Some(ordinal), ..running(&ordinal.to_string(), 0) }
    }

    fn new(ordinal: i32) -> PodState {
        PodState { updated: true, ..old(ordinal) }
    }

    fn pending(pod: PodState) -> PodState {
        PodState { node: None, phase: Phase::Pending, ready: false, ..pod }
    }

    fn ends(pod: PodState) -> PodState {
        PodState { terminating: true, ..pod }
    }

    fn make(ordinal: i32) -> PodChange {
        PodChange::Create(NewPod::Ordinal { ordinal, updated: true })
    }

    fn rolling(partition: i32, unavailable: i32) -> Strategy {
        Strategy::RollingUpdate { partition, unavailable: Share::Pods(unavailable) }
    }

    fn sync(replicas: i32, parallel: bool, strategy: Strategy, pods: &[PodState]) -> Vec<PodChange> {
        let view =
            View { replicas, start: 0, parallel, strategy, min_ready_seconds: 0, terminating: false, pods };
        reconcile(&view, 0)
    }

    use PodChange::Delete;

    #[test]
    fn ordered_pods_are_made_one_after_the_other() {
        let cases = [
            (vec![], vec![make(0)]),
            (vec![pending(new(0))], vec![]),
            (vec![new(0)], vec![make(1)]),
            (vec![new(0), new(2)], vec![make(1)]),
            (vec![ends(new(0)), new(1), new(2)], vec![]),
            (vec![new(0), new(1), new(2)], vec![]),
        ];
        for (pods, expected) in cases {
            assert_eq!(sync(3, false, rolling(0, 1), &pods), expected, "{pods:?}");
        }
    }

    #[test]
    fn parallel_pods_are_made_at_once() {
        assert_eq!(sync(3, true, rolling(0, 1), &[]), [make(0), make(1), make(2)]);
        assert_eq!(sync(3, true, rolling(0, 1), &[pending(new(1))]), [make(0), make(2)]);
    }

    #[test]
    fn a_pod_that_ended_is_deleted_and_made_again_later() {
        let failed = PodState { phase: Phase::Failed, ready: false, ..new(0) };
        assert_eq!(sync(1, false, rolling(0, 1), &[failed]), [Delete(0)]);
    }

    #[test]
    fn ordered_scaling_down_goes_from_the_highest_ordinal() {
        let cases = [
            (vec![new(0), new(1), new(2)], vec![Delete(2)]),
            (vec![new(0), new(1), ends(new(2))], vec![]),
            (vec![new(0), new(1), pending(new(2))], vec![Delete(2)]),
            (vec![new(0), pending(new(1)), pending(new(2))], vec![]),
            (vec![pending(new(0)), new(1), new(2)], vec![]),
        ];
        for (pods, expected) in cases {
            assert_eq!(sync(1, false, rolling(0, 1), &pods), expected, "{pods:?}");
        }
    }

    #[test]
    fn parallel_scaling_down_deletes_all_at_once() {
        assert_eq!(sync(1, true, rolling(0, 1), &[new(0), new(1), pending(new(2))]), [Delete(2), Delete(1)]);
    }

    #[test]
    fn an_update_goes_from_the_highest_ordinal_down_to_the_partition() {
        let all = vec![old(0), old(1), old(2)];
        let cases = [
            (0, 1, all.clone(), vec![Delete(2)]),
            (0, 2, all.clone(), vec![Delete(2), Delete(1)]),
            (2, 2, all.clone(), vec![Delete(2)]),
            (3, 2, all, vec![]),
            (0, 1, vec![old(0), old(1), new(2)], vec![Delete(1)]),
            (0, 1, vec![old(0), old(1), pending(new(2))], vec![]),
            (0, 1, vec![old(0), old(1), ends(old(2))], vec![]),
            (0, 1, vec![old(0), old(1)], vec![make(2)]),
        ];
        for (partition, unavailable, pods, expected) in cases {
            let found = sync(3, false, rolling(partition, unavailable), &pods);
            assert_eq!(found, expected, "{partition} {unavailable} {pods:?}");
        }
    }

    #[test]
    fn an_ordered_update_is_stuck_behind_an_old_pod_that_is_not_available() {
        assert_eq!(sync(2, false, rolling(0, 1), &[pending(old(0)), old(1)]), []);
    }

    #[test]
    fn a_parallel_update_replaces_unavailable_pods_first_and_for_nothing() {
        let pods = [pending(old(0)), old(1), old(2), old(3)];
        assert_eq!(sync(4, true, rolling(0, 1), &pods), [Delete(0)]);
        assert_eq!(sync(4, true, rolling(0, 2), &pods), [Delete(0), Delete(3)]);
    }

    #[test]
    fn a_pod_below_the_partition_is_made_again_from_the_old_template() {
        let made = PodChange::Create(NewPod::Ordinal { ordinal: 0, updated: false });
        assert_eq!(sync(2, false, rolling(1, 1), &[new(1)]), [made]);
    }

    #[test]
    fn on_delete_replaces_nothing() {
        assert_eq!(sync(2, false, Strategy::OnDelete, &[old(0), old(1)]), []);
    }

    #[test]
    fn ordinals_begin_where_the_set_says() {
        let pods = [new(5), new(4)];
        let view = View {
            replicas: 3,
            start: 5,
            parallel: true,
            strategy: rolling(0, 1),
            min_ready_seconds: 0,
            terminating: false,
            pods: &pods,
        };
        assert_eq!(reconcile(&view, 0), [make(6), make(7), Delete(4)]);
        assert_eq!(reconcile(&View { terminating: true, ..view }, 0), []);
    }
}
