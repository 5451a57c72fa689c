//! The rolling update: the new ReplicaSet grows, the old ones shrink.
//!
//! Upstream: `deployment/rolling.go`, `util/deployment_util.go` (`NewRSNewReplicas`).

use super::Sync;

impl Sync<'_> {
    pub(super) fn roll(&mut self) {
        let new = self.make_new(|sync| sync.new_size(0));
        let size = self.sets[new].replicas;
        let wanted = if size > self.view.replicas { self.view.replicas } else { self.new_size(size) };
        if self.scale(new, wanted) || self.shrink_old(new) {
            return;
        }
        self.clean_up_if_complete();
    }

    /// How large the new ReplicaSet may be: `replicas` and `maxSurge` bound all pods together.
    fn new_size(&self, size: i32) -> i32 {
        let room = self.view.replicas.saturating_add(self.limits().0) - self.sum(|set| set.replicas);
        size + room.min(self.view.replicas - size).max(0)
    }

    /// Shrinks old ReplicaSets: first by pods that are not available, then as far as enough pods stay available.
    fn shrink_old(&mut self, new: usize) -> bool {
        let min_available = self.view.replicas - self.limits().1;
        let new_unavailable = self.sets[new].replicas - self.sets[new].available;
        let most = self.sum(|set| set.replicas) - min_available - new_unavailable;
        if most <= 0 {
            return false;
        }
        let old = self.old();
        let mut cleaned = 0;
        for &set in &old {
            let unavailable = (self.sets[set].replicas - self.sets[set].available).max(0);
            let count = unavailable.min(most - cleaned);
            if count > 0 && self.sets[set].replicas > 0 {
                self.scale(set, self.sets[set].replicas - count);
                cleaned += count;
            }
        }
        let mut spare = self.sum(|set| set.available) - min_available;
        let mut shrunk = false;
        for &set in &old {
            let count = spare.min(self.sets[set].replicas);
            if count > 0 {
                self.scale(set, self.sets[set].replicas - count);
                spare -= count;
                shrunk = true;
            }
        }
        shrunk || cleaned > 0
    }
}
