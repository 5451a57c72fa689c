//! Scaling: a Deployment whose size changed while it is paused or rolled out shares the change among its ReplicaSets.
//!
//! Upstream: `deployment/sync.go` (`scale`), `util/deployment_util.go` (`FindActiveOrLatest`, `IsSaturated`,
//! `GetReplicaSetProportion`).

use std::cmp::Reverse;

use super::{Strategy, Sync, by_age};

impl Sync<'_> {
    pub(super) fn scale_all(&mut self) {
        let wanted = self.view.replicas;
        let active: Vec<usize> = (0..self.sets.len()).filter(|&set| self.sets[set].replicas > 0).collect();
        match active[..] {
            [] => {
                if let Some(latest) = self.new.or_else(|| self.old().pop()) {
                    self.scale(latest, wanted);
                }
            }
            [only] => drop(self.scale(only, wanted)),
            _ if self.is_saturated() => {
                let new = self.new;
                for set in active.into_iter().filter(|&set| Some(set) != new) {
                    self.scale(set, 0);
                }
            }
            _ if self.view.strategy == Strategy::Recreate => {}
            _ => self.scale_in_proportion(active),
        }
    }

    /// Whether all pods are new and available.
    fn is_saturated(&self) -> bool {
        let wanted = self.view.replicas;
        self.new.map(|new| &self.sets[new]).is_some_and(|new| {
            new.replicas == wanted
                && new.available == wanted
                && new.scaled_for.is_some_and(|scaled_for| scaled_for.desired == wanted)
        })
    }

    /// Larger ReplicaSets get more of the change; what is left by rounding goes to the largest.
    fn scale_in_proportion(&mut self, mut active: Vec<usize>) {
        let (wanted, total) = (self.view.replicas, self.sum(|set| set.replicas));
        let allowed = if wanted > 0 { wanted.saturating_add(self.limits().0) } else { 0 };
        let change = allowed - total;
        active.sort_by(|&a, &b| by_age(&self.sets[a], &self.sets[b]));
        if change > 0 {
            active.reverse();
        }
        active.sort_by_key(|&set| Reverse(self.sets[set].replicas));
        let mut done = 0;
        let mut sizes: Vec<i32> = Vec::with_capacity(active.len());
        for &set in &active {
            let left = change - done;
            let share = self.share_of_change(set);
            let share = if change > 0 { share.min(left) } else { share.max(left) };
            let share = if left == 0 { 0 } else { share };
            sizes.push(self.sets[set].replicas + share);
            done += share;
        }
        if let Some(largest) = sizes.first_mut() {
            *largest = (*largest + change - done).max(0);
        }
        for (set, size) in active.into_iter().zip(sizes) {
            if self.sets[set].replicas != size || self.sets[set].scaled_for != Some(self.scaled_for()) {
                self.write_scale(set, size);
            }
        }
    }

    /// By how much a ReplicaSet grows or shrinks if it keeps its part of the whole.
    fn share_of_change(&self, set: usize) -> i32 {
        let set = &self.sets[set];
        if self.view.replicas == 0 {
            return -set.replicas;
        }
        let before = set.scaled_for.map(|scaled_for| scaled_for.max).filter(|&max| max > 0);
        let before = before.unwrap_or_else(|| self.sum(|set| set.actual));
        if before == 0 {
            return 0;
        }
        // Round to the nearest; all of these are not negative.
        let (size, max, before) =
            (i64::from(set.replicas), i64::from(self.scaled_for().max), i64::from(before));
        let scaled = (2 * size * max + before) / (2 * before);
        i32::try_from(scaled - size).unwrap_or(i32::MAX)
    }
}
