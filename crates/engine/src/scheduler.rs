//! The scheduler: decisions one by one over a cluster that changes in between.
//!
//! A class of pods that is asked about again soon has a [`ClassCache`]; a pod unlike all others is decided over
//! columns. Which of the two decides never shows in the decision.

pub mod algorithm;

use berth_model::Str;
use rustc_hash::FxHashMap;

use crate::cluster::{Assumed, Cluster, TrialEnd};
use crate::effect::Effect;
use crate::fast::{ClassCache, NodeGroups, Scratch, Selection, choose_once};
use crate::ids::name::PluginName;
use crate::ids::{NodeRow, PodClassId, PodRow};
use crate::plugin::PreBind;
use crate::plugin::profile::Profile;
use crate::plugin::view::PodView;
use crate::preemption::{self, Preemption};
use crate::scan::decision::Decision;
use crate::scan::{self, Diagnosis};

/// What goes with a placement.
#[derive(Clone, Debug)]
pub struct Reserved {
    /// The plugin that reserved it.
    pub plugin: PluginName,
    /// What the shell has to carry out.
    pub effect: Effect,
    /// What takes it back, should the placement fail; `None` where it was so already.
    pub assumed: Option<Assumed>,
}

/// How many rows all caches together may hold: some 40 bytes each.
const MAX_ROWS: usize = 1 << 25;

/// A class is cached if it is asked about again within this many changes plus a tenth of the nodes: to apply a change
/// takes as long as to check about ten nodes.
const WORTHWHILE: u64 = 64;

/// A class of this many pods, waiting or placed, is cached from the first question on: more pods are likely to come.
const MANY: u32 = 16;

/// How many decisions later it is tried again whether a class can have a cache.
const RETRY: u64 = 256;

/// A cluster, the profiles that decide, and what is kept between decisions.
pub struct Scheduler {
    cluster: Cluster,
    profiles: Vec<Profile>,
    slots: FxHashMap<(usize, PodClassId), Slot>,
    /// Which classes have a cache, in the order in which they got it.
    cached: Vec<(usize, PodClassId)>,
    clock: u64,
    scratch: Scratch,
    node_groups: NodeGroups,
}

#[derive(Default)]
struct Slot {
    /// Of the class that the id meant.
    generation: u32,
    /// How many changes there had been when the class was asked about last.
    last: Option<u64>,
    used: u64,
    cache: Option<Box<ClassCache>>,
    /// When it was found last that the class cannot have a cache, in the decisions made until then.
    uncacheable: Option<u64>,
}

impl Scheduler {
    /// A scheduler over a cluster.
    pub fn new(cluster: Cluster, profiles: Vec<Profile>) -> Self {
        Self {
            cluster,
            profiles,
            slots: FxHashMap::default(),
            cached: Vec::new(),
            clock: 0,
            scratch: Scratch::default(),
            node_groups: NodeGroups::default(),
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Takes the cluster out. The caches are gone with the scheduler.
    pub fn into_cluster(self) -> Cluster {
        self.cluster
    }

    /// The cluster, to change it: every change is taken into account by the next decision.
    pub fn cluster_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    /// Runs something that changes the cluster, then keeps the changes or takes them back. Decisions on the way take
    /// them into account. What it costs is the cost of the changes, not of the cluster.
    pub fn trial<T>(&mut self, run: impl FnOnce(&mut Self) -> (T, TrialEnd)) -> T {
        let trial = self.cluster.begin_trial();
        let (result, end) = run(self);
        self.cluster.end_trial(trial, end);
        result
    }

    /// The profiles.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The profile that places a pod, as an index of [`Scheduler::profiles`].
    pub fn profile_of(&self, pod: PodRow) -> Option<usize> {
        let wanted = &self.cluster.pods().class_of(pod).spec.scheduler_name;
        self.profiles.iter().position(|p| p.scheduler_name == *wanted)
    }

    /// Decides about a waiting pod, by the given profile. Nothing changes in the cluster.
    pub fn decide_by(&mut self, profile: usize, pod: PodRow) -> Decision {
        let view = PodView::new(&self.cluster, pod);
        let (by, rows) = (&self.profiles[profile], self.cluster.nodes().row_count());
        if let Some(verdict) = scan::gate(by, view) {
            return Decision::Gated(verdict);
        }
        if self.cluster.nodes().is_empty() {
            return Decision::without_nodes();
        }
        self.clock += 1;
        let key = (profile, view.class_id());
        let slot = self.slots.entry(key).or_default();
        let generation = self.cluster.pods().generation(key.1);
        let changes = self.cluster.changes().to_follow();
        let is_known = slot.generation == generation;
        let last = slot.last.filter(|_| is_known);
        let uncacheable = slot.uncacheable.filter(|&at| is_known && self.clock - at < RETRY);
        let had_cache = slot.cache.is_some();
        let worthwhile = self.cluster.pods().members(key.1) >= MANY
            || last.is_some_and(|last| changes - last <= WORTHWHILE + rows as u64 / 10);
        let mut cache = slot.cache.take().filter(|_| worthwhile);
        if cache.as_mut().is_some_and(|cache| !cache.catch_up(&self.cluster)) {
            cache = None;
        }
        *slot = Slot { generation, last: Some(changes), used: self.clock, cache, uncacheable };
        if slot.cache.is_none() && worthwhile && uncacheable.is_none() {
            self.node_groups.catch_up(&self.cluster);
            slot.cache = ClassCache::new(by, view, &self.node_groups, &mut self.scratch).map(Box::new);
            slot.uncacheable = slot.cache.is_none().then_some(self.clock);
        }
        match (had_cache, slot.cache.is_some()) {
            (false, true) => self.cached.push(key),
            (true, false) => self.cached.retain(|other| *other != key),
            _ => {}
        }
        let Some(cache) = &mut slot.cache else {
            return Self::decide_alone(by, &self.cluster, pod, &mut self.node_groups);
        };
        let decision = match cache.select(view, &mut self.scratch) {
            Selection::Chosen(node, score) => Decision::Place(node, score),
            Selection::Nothing { message, resolvable, plugins } => {
                Decision::Unschedulable { message, resolvable, plugins }
            }
            Selection::Unanswered => Self::decide_alone(by, &self.cluster, pod, &mut self.node_groups),
        };
        self.keep_within_budget();
        decision
    }

    /// Decides by the scan alone: the measure of what keeping caches gains.
    pub fn scan_by(&self, profile: usize, pod: PodRow) -> Decision {
        Self::scan(&self.profiles[profile], &self.cluster, pod)
    }

    /// Puts a waiting pod on a node, with what a profile's plugins reserve there. The effects are already taken into
    /// account; the shell carries them out.
    pub fn place(&mut self, profile: usize, pod: PodRow, node: NodeRow) -> Vec<Reserved> {
        let view = PodView::new(&self.cluster, pod);
        let mut effects = Vec::new();
        for plugin in &self.profiles[profile].reserve {
            let reserved = plugin.reserve(view, node).into_iter();
            effects.extend(reserved.map(|effect| (plugin.name(), effect)));
        }
        self.cluster.assign(pod, node);
        let reserve = |(plugin, effect)| Reserved { plugin, assumed: self.cluster.apply(&effect), effect };
        effects.into_iter().map(reserve).collect()
    }

    /// Whether an effect that a plugin of the profile has reserved is true, so that the pod can be bound to the node.
    pub fn pre_bind(&self, profile: usize, plugin: &PluginName, effect: &Effect, node: &Str) -> PreBind {
        let plugin = self.profiles[profile].reserve.iter().find(|reserving| reserving.name() == *plugin);
        plugin.map_or(PreBind::Ready, |plugin| plugin.pre_bind(&self.cluster, effect, node))
    }

    /// What preemption could do for a pod that was just found to fit nowhere, `resolvable` or not: the best candidate,
    /// or why there is none.
    pub fn preempt(&mut self, profile: usize, pod: PodRow, resolvable: bool) -> Preemption {
        let view = PodView::new(&self.cluster, pod);
        if !resolvable {
            return preemption::hopeless(view);
        }
        let slot = self.slots.get_mut(&(profile, view.class_id()));
        // A pod that has preempted before may have to wait, which the scan finds out.
        if view.entry().pod.nominated_node.is_none()
            && let Some(cache) = slot.and_then(|slot| slot.cache.as_mut())
            && !cache.has_per_pod_plugins()
        {
            let nodes = cache.resolvable(view);
            return preemption::choose(cache.filters(), view, &nodes);
        }
        let by = &self.profiles[profile];
        preemption::evaluate(by, &self.cluster, pod, &scan::diagnose(by, &self.cluster, pod))
    }

    /// The scan's whole answer, for explanations.
    pub fn diagnose(&self, profile: usize, pod: PodRow) -> Diagnosis {
        scan::diagnose(&self.profiles[profile], &self.cluster, pod)
    }

    /// Compares a decision that was just made with the scan's; nothing may have changed since.
    ///
    /// # Errors
    /// What differs.
    pub fn verify(&self, profile: usize, pod: PodRow, decision: &Decision) -> Result<(), String> {
        let scanned = Self::scan(&self.profiles[profile], &self.cluster, pod);
        if scanned == *decision {
            return Ok(());
        }
        let name = self.cluster.pods().entry(pod).pod.key();
        Err(format!("{name}: the fast path says {decision:?}, the scan says {scanned:?}"))
    }

    /// Decides over columns, or else by the scan.
    fn decide_alone(
        profile: &Profile,
        cluster: &Cluster,
        pod: PodRow,
        node_groups: &mut NodeGroups,
    ) -> Decision {
        match choose_once(profile, cluster, pod, node_groups) {
            Some((node, score)) => Decision::Place(node, score),
            None => Self::scan(profile, cluster, pod),
        }
    }

    fn scan(profile: &Profile, cluster: &Cluster, pod: PodRow) -> Decision {
        Decision::of(&scan::diagnose(profile, cluster, pod), cluster)
    }

    /// Drops the caches that were not used for longest.
    fn keep_within_budget(&mut self) {
        let rows = self.cluster.nodes().row_count();
        while rows * self.cached.len() > MAX_ROWS && self.cached.len() > 1 {
            let slots = &self.slots;
            let oldest = (0..self.cached.len()).min_by_key(|&at| slots[&self.cached[at]].used);
            let key = self.cached.swap_remove(oldest.expect("a cache is left"));
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.cache = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use berth_model::pod::Pod;

    use super::*;
    use crate::fixture::{World, is_uniform, labels};

    /// How many of 20,000 equal pods go to each node of a zone, if none of them stays.
    fn choices(nodes: usize, zone: impl Fn(usize) -> &'static str) -> Vec<u32> {
        let mut world = World::default();
        for n in 0..nodes {
            let zone = zone(n);
            world.node(&format!("n{n:04}"), |node| node.labels = labels(&[("zone", zone)]));
        }
        let row = world.pod("web", |_, spec| spec.node_selector = labels(&[("zone", "a")]));
        let pod = world.cluster.pods().entry(row).pod.clone();
        let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
        let mut counts = vec![0; nodes];
        for n in 0..20_000 {
            let pod = Pod { name: format!("web-{n}").as_str().into(), ..pod.clone() };
            let pod = scheduler.cluster_mut().add_pod(pod);
            let decision = scheduler.decide_by(0, pod);
            if n % 1000 == 0 {
                scheduler.verify(0, pod, &decision).unwrap();
            }
            let Decision::Place(node, _) = decision else { panic!("{decision:?}") };
            counts[node.index()] += 1;
            scheduler.cluster_mut().remove_pod(pod);
        }
        (0..nodes).filter(|&n| zone(n) == "a").map(|n| counts[n]).collect()
    }

    #[test]
    fn each_node_that_ties_is_chosen_equally_often() {
        let all = choices(12, |_| "a");
        let some = choices(12, |n| if [0, 2, 3, 5, 8, 9, 11].contains(&n) { "a" } else { "b" });
        let few = choices(5000, |n| if n % 100 == 7 { "a" } else { "b" });
        let many = choices(300, |_| "a");
        for (counts, tied) in [(all, 12), (some, 7), (few, 50), (many, 300)] {
            assert_eq!((counts.len(), counts.iter().sum()), (tied, 20_000));
            assert!(is_uniform(&counts), "{tied} nodes: {counts:?}");
        }
    }
}
