//! The fast path: for a class of pods, every node's standing, kept up to date by the change log.
//!
//! Normalization looks global, but nodes that are alike to every score that is normalized, and to every filter over
//! topology domains, get the same answers from all of those: they form a *bucket*. Within a bucket only the score by
//! usage decides, then the name, so a bucket keeps its nodes in that order and offers its head. One pod is then: ask the
//! filters over domains about the head of each bucket, score the heads, choose; after the assignment one node changes
//! its place in each class that is asked for again.
//!
//! The answers are those of the naive scan ([`crate::cycle::assess`]), always: property tests hold the two together, and
//! [`crate::scheduler::Scheduler::verify`] compares them decision by decision.

mod bucket;
mod kinds;
mod of_pod;
mod refusals;
mod scores;
mod select;
mod single;
mod standing;

use rustc_hash::FxHashMap;

use crate::cluster::{Change, Cluster};
use crate::filters::{Filters, Preparation, keep};
use crate::ids::NodeRow;
use crate::plugin::{Depends, Key, Score};
use crate::profile::Profile;
use crate::verdict::{Rejection, Verdict};
use crate::view::PodView;
use bucket::Bucket;
pub use kinds::Kinds;
use of_pod::OfPods;
use refusals::Refusals;
pub use select::{Scratch, Selection};
pub use single::choose as choose_once;
use standing::{Answers, Standing};

/// What a profile says of all nodes to the pods of one class.
pub struct ClassCache {
    /// The change up to which the cache is true.
    seen: u64,
    /// How many of the changes up to there were to be followed.
    to_follow: u64,
    ranks_epoch: u64,
    filters: Filters<'static>,
    scores: Vec<KeptScore>,
    /// Plugins that each pod asks for itself.
    of_pods: OfPods,
    rejected: Option<Verdict>,
    only: Option<Vec<NodeRow>>,
    absent: Option<Rejection>,
    narrowed_by: Vec<&'static str>,
    absent_nodes: usize,
    /// By row.
    standings: Vec<Standing>,
    buckets: Vec<Bucket>,
    index: FxHashMap<Key, u32>,
    refusals: Refusals,
    /// Nodes with nominated pods: who counts there depends on the single pod, so they are asked anew each time.
    nominated: Vec<NodeRow>,
    answers: Answers,
}

struct KeptScore {
    weight: i64,
    depends: Depends,
    state: Box<dyn Score>,
}

/// Whether what decides for the class can be kept, but for what single pods are asked about.
pub fn is_cacheable(profile: &Profile, pod: PodView<'_>) -> bool {
    let keeps = |depends: Depends| depends <= Depends::Pod;
    let mut filters = profile.pre_filter.iter().chain(&profile.filter);
    filters.all(|plugin| keeps(plugin.filter_depends(pod.class)))
        && profile.score.iter().all(|(plugin, _)| keeps(plugin.score_depends(pod.class)))
}

impl ClassCache {
    /// Asks everything anew. The kinds must have caught up.
    pub fn new(profile: &Profile, pod: PodView<'_>, kinds: &Kinds, scratch: &mut Scratch) -> Self {
        let cluster = pod.cluster;
        let prepared = keep(profile, pod);
        let (absent, narrowed_by) = (prepared.absent(), prepared.answerable());
        let Preparation { filters, rejected, only, .. } = prepared;
        let scores = profile.score.iter().filter_map(|(plugin, weight)| {
            let depends = plugin.score_depends(pod.class);
            if depends == Depends::Pod {
                return None;
            }
            Some(KeptScore { weight: *weight, depends, state: plugin.keep_score(pod)? })
        });
        let mut cache = Self {
            seen: cluster.changes().next(),
            to_follow: cluster.changes().to_follow(),
            ranks_epoch: cluster.nodes().ranks().epoch(),
            filters,
            scores: scores.collect(),
            of_pods: OfPods::of(profile, pod),
            rejected,
            only,
            absent,
            narrowed_by,
            absent_nodes: 0,
            standings: vec![Standing::FREE; cluster.nodes().row_count()],
            buckets: Vec::new(),
            index: FxHashMap::default(),
            refusals: Refusals::default(),
            nominated: Vec::new(),
            answers: Answers::default(),
        };
        cache.stand_all(cluster, kinds, &mut scratch.answers);
        cache
    }

    /// Takes into account what changed since. `false`: the cache is void and must be made anew.
    pub fn catch_up(&mut self, cluster: &Cluster) -> bool {
        let Some(changes) = cluster.changes().since(self.seen) else { return false };
        // Standing anew costs about as much as following a change does, so a long way is walked only if it is shorter.
        let to_follow = cluster.changes().to_follow();
        if to_follow - self.to_follow > 64 + self.standings.len() as u64 / 2 {
            return false;
        }
        let followed = |state: &mut Self, change: Change| {
            state.filters.0.iter_mut().all(|f| f.state.follow(cluster, change))
                && state.scores.iter_mut().all(|s| s.state.follow(cluster, change))
        };
        if !changes.iter().all(|&change| change.spares_others() && followed(self, change)) {
            return false;
        }
        self.standings.resize(cluster.nodes().row_count(), Standing::FREE);
        let mut last = None;
        for row in changes.iter().filter_map(|change| change.row()) {
            if last.replace(row) != Some(row) {
                self.withdraw(row);
                if cluster.nodes().is_live(row) {
                    self.stand(cluster, row);
                }
            }
        }
        let epoch = cluster.nodes().ranks().epoch();
        if std::mem::replace(&mut self.ranks_epoch, epoch) != epoch {
            self.put_in_order(cluster);
        }
        (self.seen, self.to_follow) = (cluster.changes().next(), to_follow);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::World;
    use berth_model::load::MeasuredUsage;

    #[test]
    fn measured_load_voids_no_cache_of_plugins_that_do_not_read_it() {
        let mut world = World::default();
        let nodes: Vec<NodeRow> = (0..200).map(|n| world.node(&format!("n{n}"), |_| {})).collect();
        let pod = world.pod("web", |_, _| {});
        let profile = Profile::standard("default-scheduler");
        let (mut kinds, mut scratch) = (Kinds::default(), Scratch::default());
        kinds.catch_up(&world.cluster);
        let view = PodView::new(&world.cluster, pod);
        let mut cache = ClassCache::new(&profile, view, &kinds, &mut scratch);
        for second in 1..5 {
            for &node in &nodes {
                let usage = MeasuredUsage { cpu_milli: Some(7), memory_bytes: Some(7), taken: Some(second) };
                world.cluster.set_measured(node, Some(usage));
            }
            world.cluster.set_now(second);
            assert!(cache.catch_up(&world.cluster));
        }
        world.node("n0", |node| node.unschedulable = true);
        assert!(cache.catch_up(&world.cluster));
    }
}
