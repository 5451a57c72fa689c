//! Where a node stands with a class.

use super::ClassCache;
use super::bucket::Bucket;
use super::refusals::VerdictId;
use crate::cluster::Cluster;
use crate::ids::NodeRow;
use crate::plugin::{Depends, Group, Key};
use crate::view::NodeView;

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is no node in the row, or a plugin narrowed it away.
    Free,
    /// A filter refuses it, whatever the domains.
    Refused(VerdictId),
    /// It has nominated pods: every pod asks anew.
    Nominated,
    /// It is in a bucket, in the place that its score by usage gives it.
    Open { bucket: u32, score: i64 },
}

impl ClassCache {
    /// Finds the standing of a node that has none.
    pub(super) fn stand(&mut self, cluster: &Cluster, row: NodeRow) {
        let standing = if self.only.as_ref().is_some_and(|only| only.binary_search(&row).is_err()) {
            self.absent_nodes += 1;
            Standing::Free
        } else if !cluster.nominated(row).is_empty() {
            self.nominated.push(row);
            Standing::Nominated
        } else {
            self.ask(cluster, row)
        };
        self.standings[row.index()] = standing;
    }

    /// Takes a node out of where it stands.
    pub(super) fn withdraw(&mut self, cluster: &Cluster, row: NodeRow) {
        match self.standings[row.index()] {
            // Only a narrowed-away node is live and free.
            Standing::Free => self.absent_nodes -= 1,
            Standing::Refused(id) => self.refusals.discount(id),
            Standing::Nominated => self.nominated.retain(|&r| r != row),
            Standing::Open { bucket, score } => {
                let rank = cluster.nodes().ranks().of(row);
                self.buckets[bucket as usize].remove(score, rank, row);
            }
        }
    }

    /// Asks the filters that do not look at domains, then finds the bucket and the place in it.
    fn ask(&mut self, cluster: &Cluster, row: NodeRow) -> Standing {
        let node = NodeView::new(cluster, row);
        let mut domains_before = false;
        let mut refused_late = None;
        for ready in &self.filters.0 {
            if ready.depends == Depends::Domains {
                domains_before = true;
            } else if let Some(verdict) = ready.check(node) {
                let id = self.refusals.intern(&verdict);
                if !domains_before {
                    self.refusals.count(id);
                    return Standing::Refused(id);
                }
                // A filter over domains may have refused it first; the bucket will tell.
                refused_late = Some(id);
                break;
            }
        }
        let bucket = self.bucket(cluster, row, refused_late);
        let score = self.usage_score(cluster, row);
        let rank = cluster.nodes().ranks().of(row);
        self.buckets[bucket as usize].insert(score, rank, row);
        Standing::Open { bucket, score }
    }

    fn bucket(&mut self, cluster: &Cluster, row: NodeRow, refused: Option<VerdictId>) -> u32 {
        let mut key = Key::new();
        key.push(refused.map_or(0, |id| 1 + u64::from(id.0)));
        for kept in &self.scores {
            match kept.depends {
                Depends::NodeFacts => {
                    let mut raw = [0];
                    kept.state.score(cluster, &[Group::single(row)], &mut raw);
                    key.push(raw[0].cast_unsigned());
                }
                Depends::Domains => kept.state.key(cluster, row, &mut key),
                Depends::NodeUsage | Depends::Cluster => {}
            }
        }
        for ready in self.filters.0.iter().filter(|ready| ready.depends == Depends::Domains) {
            ready.state.key(cluster, row, &mut key);
        }
        if let Some(&bucket) = self.index.get(&key) {
            return bucket;
        }
        let bucket = u32::try_from(self.buckets.len()).expect("fewer buckets than nodes");
        self.buckets.push(Bucket::new(refused));
        self.index.insert(key, bucket);
        bucket
    }

    /// The weighted scores that depend on what the node's pods use.
    pub(super) fn usage_score(&self, cluster: &Cluster, row: NodeRow) -> i64 {
        let mut sum = 0;
        for kept in self.scores.iter().filter(|kept| kept.depends == Depends::NodeUsage) {
            if !kept.state.is_idle() {
                let mut score = [0];
                kept.state.score(cluster, &[Group::single(row)], &mut score);
                sum += kept.weight * score[0];
            }
        }
        sum
    }
}
