//! Deployments: ReplicaSets whose sizes they decide.
//!
//! A Deployment makes no pods itself. A ReplicaSet with its template is the new one; one that has another is old. If
//! there are no old ones with pods, the new one gets all pods that are missing. Otherwise, or if there are too many
//! pods, the Deployment is rolled out: its controller decides, step by step ([`crate::rollout`]).
//!
//! ReplicaSets that are not in the input are known by their pods.
//!
//! Upstream: `pkg/controller/deployment` (`rolling.go`, `recreate.go`, `sync.go`, `util/deployment_util.go`).

use std::collections::{BTreeMap, VecDeque};

use berth_controllers::deployment::{ReplicaSetState, Strategy};
use berth_controllers::rollout;
use berth_model::Str;
use berth_model::manifests::Entry;
use berth_model::pod::{Controller, Pod};
use berth_model::selector::{LabelSelector, Operator, Requirement};
use berth_model::workload::{self, OwnerKind, PodCount, PodGroupOwner, Workload, WorkloadKind};
use rustc_hash::FxHashMap;

use super::template::{Template, controller};
use super::{Expansion, is_outdated, name};
use crate::rollout::{Member, NewPods, Rollout};

const HASH_LABEL: &str = "pod-template-hash";

/// What Deployments decide about ReplicaSets.
#[derive(Default)]
pub(super) struct Sizes {
    /// For ReplicaSets of the input, by their places among all workloads.
    wanted: FxHashMap<usize, i32>,
    /// For a ReplicaSet that is not in the input, by the place of its Deployment.
    lacking: FxHashMap<usize, i32>,
    /// Deployments that are rolled out, by their places: the rollout, and the place of the new ReplicaSet.
    rolled_out: FxHashMap<usize, (usize, Option<usize>)>,
    /// ReplicaSets of those, by their places: the rollout and the group.
    groups: FxHashMap<usize, (usize, usize)>,
}

impl Sizes {
    /// How many pods a ReplicaSet is to have, if its Deployment changes that.
    pub(super) fn wanted(&self, at: usize) -> Option<i32> {
        self.wanted.get(&at).copied()
    }

    /// The rollout that a ReplicaSet belongs to, and its group there.
    pub(super) fn group(&self, at: usize) -> Option<(usize, usize)> {
        self.groups.get(&at).copied()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Keep,
    Resize(usize, i32),
    Create(i32),
    RollOut,
}

/// Decides about all Deployments.
pub(super) fn sizes(expansion: &mut Expansion<'_>) -> Sizes {
    let mut sizes = Sizes::default();
    let manifests = expansion.manifests;
    for (at, entry) in manifests.workloads.iter().enumerate() {
        let deployment = &entry.value;
        let (WorkloadKind::Deployment, PodCount::Replicas { count, .. }) =
            (deployment.kind, deployment.count)
        else {
            continue;
        };
        let sets = expansion.family.owned(deployment, WorkloadKind::ReplicaSet);
        let sets: Vec<Set<'_>> =
            sets.into_iter().map(|(at, set)| Set::new(at, set, deployment, expansion)).collect();
        match decide(deployment, count, &sets) {
            Decision::Keep => {}
            Decision::Resize(set, size) => drop(sizes.wanted.insert(set, size)),
            Decision::Create(size) => drop(sizes.lacking.insert(at, size)),
            Decision::RollOut => {
                let states = sets.iter().map(Set::state).collect();
                let place = expansion.out.rollouts.len();
                expansion.out.rollouts.push(rollout_of(deployment, count, states));
                let new = new_set(&sets);
                sizes.rolled_out.insert(at, (place, new.map(|set| set.at)));
                sizes.groups.extend(sets.iter().enumerate().map(|(group, set)| (set.at, (place, group))));
            }
        }
    }
    sizes
}

/// A ReplicaSet of a Deployment.
#[derive(Clone, Copy)]
struct Set<'a> {
    at: usize,
    workload: &'a Workload,
    size: i32,
    active: usize,
    has_pods: bool,
    is_new: bool,
}

impl<'a> Set<'a> {
    fn new(at: usize, workload: &'a Workload, deployment: &Workload, expansion: &Expansion<'_>) -> Self {
        let size = match workload.count {
            PodCount::Replicas { count, .. } => count,
            _ => 0,
        };
        let pods = expansion.existing.owned(workload);
        let active = pods.iter().filter(|pod| !pod.terminating).count();
        let is_new = workload.template.equals_but_for_label(&deployment.template, HASH_LABEL);
        Self { at, workload, size, active, has_pods: !pods.is_empty(), is_new }
    }

    fn state(&self) -> ReplicaSetState {
        ReplicaSetState {
            name: self.workload.name.clone(),
            created: self.workload.created,
            revision: self.workload.revision,
            updated: self.is_new,
            terminating: self.workload.terminating,
            replicas: self.size,
            scaled_for: self.workload.scaled_for,
            ..ReplicaSetState::default()
        }
    }
}

/// The oldest of those with the Deployment's template.
fn new_set<'s, 'a>(sets: &'s [Set<'a>]) -> Option<&'s Set<'a>> {
    let age = |set: &&Set<'_>| (set.workload.created, set.workload.name.clone());
    sets.iter().filter(|set| set.is_new).min_by_key(age)
}

fn decide(deployment: &Workload, wanted: i32, sets: &[Set<'_>]) -> Decision {
    if deployment.terminating {
        return Decision::Keep;
    }
    let new = new_set(sets);
    let resize = |set: &Set<'_>, size| Decision::Resize(set.at, size);
    let mut active = sets.iter().filter(|set| set.size > 0);
    if deployment.paused {
        // It is scaled, but not rolled out.
        let latest = || sets.iter().max_by_key(|set| (set.workload.created, set.workload.name.clone()));
        return match (active.next(), active.next()) {
            (Some(only), None) => resize(only, wanted),
            (None, _) => new.or_else(latest).map_or(Decision::Keep, |latest| resize(latest, wanted)),
            _ => Decision::Keep,
        };
    }
    let is_old = |set: &&Set<'_>| new.is_none_or(|new| new.at != set.at);
    let has_old = sets.iter().filter(is_old).any(|set| set.size > 0 || set.has_pods);
    let too_many = new.is_some_and(|new| new.active > usize::try_from(wanted).unwrap_or(0));
    match new {
        _ if has_old || too_many => Decision::RollOut,
        Some(set) => resize(set, wanted),
        None => Decision::Create(wanted),
    }
}

/// The rollout of a Deployment with these ReplicaSets.
fn rollout_of(deployment: &Workload, replicas: i32, sets: Vec<ReplicaSetState>) -> Rollout {
    let strategy = match deployment.rollout {
        workload::Rollout::Rolling { surge, unavailable, .. } => {
            Strategy::RollingUpdate { surge, unavailable }
        }
        workload::Rollout::Recreate | workload::Rollout::OnDelete => Strategy::Recreate,
    };
    let groups = sets.len();
    let of = rollout::Deployment { replicas, strategy, paused: deployment.paused, history_limit: None, sets };
    Rollout::new(deployment, rollout::Workload::Deployment(of), groups)
}

/// The rollout of a ReplicaSet or ReplicationController that has too many pods.
pub(super) fn scale_down(of: &Workload, replicas: i32, pods: &[&Pod]) -> Rollout {
    let set =
        ReplicaSetState { name: of.name.clone(), updated: true, replicas, ..ReplicaSetState::default() };
    let mut rollout = rollout_of(of, replicas, vec![set]);
    rollout.groups[0] = pods.iter().map(|pod| member(pod)).collect();
    rollout
}

/// A pod of a ReplicaSet.
pub(super) fn member(pod: &Pod) -> Member {
    Member { name: pod.name.clone(), updated: true, index: None }
}

/// Makes the pods that a Deployment needs beside those of its ReplicaSets in the input.
pub(super) fn expand<'a>(
    expansion: &mut Expansion<'a>,
    at: usize,
    entry: &'a Entry<Workload>,
    sizes: &Sizes,
) {
    let workload = &entry.value;
    if let Some(&(place, new)) = sizes.rolled_out.get(&at) {
        let PodCount::Replicas { count, .. } = workload.count else { return };
        let sets = expansion.out.rollouts[place].groups.len();
        let group = new.and_then(|new| sizes.group(new)).map_or(sets, |(_, group)| group);
        let entries = &expansion.manifests.workloads;
        let template = match new {
            Some(new) => Template::new(&entries[new]),
            None => new_template(expansion, entry),
        };
        make_new(expansion, place, group, &template, count);
        return make_old(expansion, place, group, sizes, count);
    }
    let Some(&wanted) = sizes.lacking.get(&at) else {
        if workload.paused && expansion.family.owned(workload, WorkloadKind::ReplicaSet).is_empty() {
            expansion.warn(entry, "paused, without a ReplicaSet: makes no pods");
        }
        return;
    };
    let known = unlisted_sets(expansion, workload);
    for set in &known {
        expansion.out.owners.push(group(workload, &set.controller.name, &set.hash));
    }
    if rolls_out_unlisted(expansion, entry, wanted, &known) {
        return;
    }
    let existing: usize = known.iter().map(|set| set.active).sum();
    let missing = i64::from(wanted) - existing as i64;
    let Some(missing) = expansion.reserve(entry, "spec.replicas", missing) else { return };
    let template = match known.into_iter().max_by_key(|set| set.youngest) {
        Some(set) => template_of(entry, set.controller, &set.hash),
        None => new_template(expansion, entry),
    };
    let prefix = name::prefix(&template.controller.name);
    expansion.make_alike(&template, &prefix, missing);
}

/// The template of the pods of a ReplicaSet.
fn template_of<'a>(entry: &'a Entry<Workload>, controller: Controller, hash: &Str) -> Template<'a> {
    let mut template = Template::new(entry);
    template.label(HASH_LABEL, hash);
    template.controller = controller;
    template
}

/// The template of the pods of a ReplicaSet that does not exist yet.
fn new_template<'a>(expansion: &mut Expansion<'a>, entry: &'a Entry<Workload>) -> Template<'a> {
    let workload = &entry.value;
    let mut hash = name::hash(&workload.namespace, &workload.name);
    let is_taken = |hash: &Str| {
        let name = format!("{}-{hash}", workload.name);
        let mut pods =
            expansion.existing.owned_by_prefix(&workload.namespace, WorkloadKind::ReplicaSet, &name);
        expansion.family.has(WorkloadKind::ReplicaSet, &workload.namespace, &name) || pods.next().is_some()
    };
    // An old ReplicaSet that was made by a simulation may have the name.
    while is_taken(&hash) {
        hash = name::hash(&workload.namespace, &format!("{}-{hash}", workload.name));
    }
    let name = Str::from(format!("{}-{hash}", workload.name));
    expansion.out.owners.push(group(workload, &name, &hash));
    template_of(entry, controller(WorkloadKind::ReplicaSet, &name, &Str::default()), &hash)
}

/// Rolls out a Deployment whose ReplicaSets are known by their pods only; whether there is something to roll out.
fn rolls_out_unlisted<'a>(
    expansion: &mut Expansion<'a>,
    entry: &'a Entry<Workload>,
    wanted: i32,
    known: &[UnlistedSet<'a>],
) -> bool {
    let is_old = |set: &UnlistedSet<'a>| {
        let template = template_of(entry, set.controller.clone(), &set.hash);
        let current = expansion.current_spec(&template);
        set.pods
            .iter()
            .any(|pod| !pod.terminating && is_outdated(&pod.spec, &current, &entry.value.template.labels))
    };
    let old: Vec<bool> = known.iter().map(is_old).collect();
    let existing: usize = known.iter().map(|set| set.active).sum();
    if existing <= usize::try_from(wanted).unwrap_or(0) && !old.contains(&true) {
        return false;
    }
    let state = |(set, old): (&UnlistedSet<'_>, &bool)| ReplicaSetState {
        name: set.controller.name.clone(),
        created: set.youngest,
        updated: !old,
        replicas: i32::try_from(set.active).unwrap_or(i32::MAX),
        ..ReplicaSetState::default()
    };
    let states: Vec<ReplicaSetState> = known.iter().zip(&old).map(state).collect();
    let new = berth_controllers::deployment::new_set(&states);
    let mut rollout = rollout_of(&entry.value, wanted, states);
    for (group, set) in rollout.groups.iter_mut().zip(known) {
        group.extend(set.pods.iter().map(|pod| member(pod)));
    }
    let place = expansion.out.rollouts.len();
    expansion.out.rollouts.push(rollout);
    let template = match new.map(|new| &known[new]) {
        Some(set) => template_of(entry, set.controller.clone(), &set.hash),
        None => new_template(expansion, entry),
    };
    make_new(expansion, place, new.unwrap_or(known.len()), &template, wanted);
    true
}

/// Makes the pods that the new ReplicaSet may need, for the rollout to take.
fn make_new<'a>(
    expansion: &mut Expansion<'a>,
    place: usize,
    group: usize,
    template: &Template<'a>,
    wanted: i32,
) {
    let rollout::Workload::Deployment(of) = &expansion.out.rollouts[place].workload else { return };
    let size = of.sets.get(group).map_or(0, |set| set.replicas);
    // It may shrink before it grows: pods that are not ready go first.
    let unready = if of.scales() { wanted.min(size) } else { 0 };
    let missing = i64::from(wanted) - i64::from(size) + i64::from(unready);
    make_for(expansion, place, group, template, missing);
}

/// Makes the pods that old ReplicaSets may need, if the Deployment is scaled while it is rolled out: all of its
/// ReplicaSets grow then.
fn make_old(expansion: &mut Expansion<'_>, place: usize, new: usize, sizes: &Sizes, wanted: i32) {
    let rollout::Workload::Deployment(of) = &expansion.out.rollouts[place].workload else { return };
    if !of.scales() {
        return;
    }
    let grows = |group: usize| group != new && of.sets[group].replicas > 0;
    let groups: Vec<usize> = (0..of.sets.len()).filter(|&group| grows(group)).collect();
    let entries = &expansion.manifests.workloads;
    let places: BTreeMap<usize, usize> = sizes
        .groups
        .iter()
        .filter(|(_, (of, _))| *of == place)
        .map(|(at, (_, group))| (*group, *at))
        .collect();
    for group in groups {
        if let Some(at) = places.get(&group) {
            make_for(expansion, place, group, &Template::new(&entries[*at]), wanted.into());
        }
    }
}

/// Makes pods for the rollout to take, for one of its ReplicaSets.
fn make_for<'a>(
    expansion: &mut Expansion<'a>,
    place: usize,
    group: usize,
    template: &Template<'a>,
    count: i64,
) {
    let Some(count) = expansion.reserve(template.entry, "spec.replicas", count) else { return };
    let first = expansion.out.pods.len();
    expansion.make_alike(template, &name::prefix(&template.controller.name), count);
    let pods: VecDeque<Pod> = expansion.out.pods.split_off(first).into();
    if let NewPods::Alike(of_groups) = &mut expansion.out.rollouts[place].new_pods {
        of_groups.entry(group).or_default().extend(pods);
    }
}

/// A ReplicaSet that is known by its pods only.
struct UnlistedSet<'a> {
    controller: Controller,
    hash: Str,
    active: usize,
    youngest: Option<i64>,
    pods: Vec<&'a Pod>,
}

/// The ReplicaSets of a Deployment that are not in the input but own pods there: named after the Deployment and the
/// hash that their pods have as a label.
fn unlisted_sets<'a>(expansion: &Expansion<'a>, deployment: &Workload) -> Vec<UnlistedSet<'a>> {
    let prefix = format!("{}-", deployment.name);
    let selector = deployment.selector.as_ref();
    let mut sets = Vec::new();
    for (name, pods) in
        expansion.existing.owned_by_prefix(&deployment.namespace, WorkloadKind::ReplicaSet, &prefix)
    {
        let hash = &name[prefix.len()..];
        let belongs = |pod: &&&Pod| {
            let labels = &pod.spec.labels;
            labels.get(HASH_LABEL).is_some_and(|value| **value == *hash)
                && selector.is_some_and(|selector| selector.matches(labels))
        };
        let pods: Vec<&'a Pod> = pods.iter().filter(belongs).copied().collect();
        let is_listed = expansion.family.has(WorkloadKind::ReplicaSet, &deployment.namespace, name);
        if let Some(controller) =
            pods.first().and_then(|pod| pod.spec.controller.clone()).filter(|_| !is_listed)
        {
            let active = pods.iter().filter(|pod| !pod.terminating).count();
            let youngest = pods.iter().filter_map(|pod| pod.created).max();
            sets.push(UnlistedSet { controller, hash: hash.into(), active, youngest, pods });
        }
    }
    sets
}

/// The ReplicaSet as default spreading sees it.
fn group(deployment: &Workload, name: &Str, hash: &Str) -> PodGroupOwner {
    let hash = Requirement { key: HASH_LABEL.into(), operator: Operator::In, values: vec![hash.clone()] };
    let add_hash = |selector: &LabelSelector| {
        let mut selector = selector.clone();
        selector.requirements.push(hash.clone());
        selector
    };
    PodGroupOwner {
        kind: OwnerKind::ReplicaSet,
        namespace: deployment.namespace.clone(),
        name: name.clone(),
        selector: deployment.selector.as_ref().map(add_hash),
    }
}
