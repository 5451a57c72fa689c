//! Deployments: ReplicaSets whose sizes they decide.
//!
//! A Deployment makes no pods itself. Where its ReplicaSets are in the input, it sets the size of the newest one as one
//! step of a rolling update would, so that old and new pods together are at most `replicas` and `maxSurge`; the old ones
//! keep their sizes, since only pods that become ready make the controller shrink them. Where they are not, there is one
//! ReplicaSet with all pods: the one that owns pods in the input, or a new one named after the Deployment.
//!
//! Upstream: `pkg/controller/deployment` (`rolling.go`, `recreate.go`, `sync.go`, `util/deployment_util.go`).

use berth_model::Str;
use berth_model::manifests::Entry;
use berth_model::pod::{Controller, Pod};
use berth_model::selector::{LabelSelector, Operator, Requirement};
use berth_model::workload::{OwnerKind, PodGroupOwner};
use berth_model::workload::{PodCount, Rollout, Workload, WorkloadKind};
use rustc_hash::FxHashMap;

use super::template::{Template, controller};
use super::{Expansion, name};

const HASH_LABEL: &str = "pod-template-hash";

/// What Deployments decide about the sizes of ReplicaSets.
#[derive(Default)]
pub(super) struct Sizes {
    /// For ReplicaSets of the input, by their places among all workloads.
    wanted: FxHashMap<usize, i32>,
    /// For a ReplicaSet that is not in the input, by the place of its Deployment.
    lacking: FxHashMap<usize, i32>,
}

impl Sizes {
    /// How many pods a ReplicaSet is to have, where its Deployment changes that.
    pub(super) fn wanted(&self, at: usize) -> Option<i32> {
        self.wanted.get(&at).copied()
    }

    /// How many pods a Deployment wants of a ReplicaSet that is not in the input.
    pub(super) fn lacking(&self, at: usize) -> Option<i32> {
        self.lacking.get(&at).copied()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Keep,
    Resize(usize, i32),
    Create(i32),
}

/// Decides the sizes of all ReplicaSets.
pub(super) fn sizes(expansion: &Expansion<'_>) -> Sizes {
    let mut sizes = Sizes::default();
    for (at, entry) in expansion.manifests.workloads.iter().enumerate() {
        let deployment = &entry.value;
        let (WorkloadKind::Deployment, PodCount::Replicas { count, .. }) =
            (deployment.kind, deployment.count)
        else {
            continue;
        };
        let sets = expansion.family.owned(deployment, WorkloadKind::ReplicaSet);
        let sets: Vec<Set<'_>> = sets.into_iter().map(|(at, set)| Set::new(at, set, expansion)).collect();
        match decide(deployment, count, &sets) {
            Decision::Keep => {}
            Decision::Resize(set, size) => drop(sizes.wanted.insert(set, size)),
            Decision::Create(size) => drop(sizes.lacking.insert(at, size)),
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
    has_pods: bool,
}

impl<'a> Set<'a> {
    fn new(at: usize, workload: &'a Workload, expansion: &Expansion<'_>) -> Self {
        let size = match workload.count {
            PodCount::Replicas { count, .. } => count,
            _ => 0,
        };
        Self { at, workload, size, has_pods: !expansion.existing.owned(workload).is_empty() }
    }

    fn age(&self) -> (Option<i64>, Option<i64>, usize) {
        (self.workload.revision, self.workload.created, self.at)
    }
}

fn decide(deployment: &Workload, wanted: i32, sets: &[Set<'_>]) -> Decision {
    if deployment.terminating {
        return Decision::Keep;
    }
    let is_new =
        |set: &&Set<'_>| set.workload.template.equals_but_for_label(&deployment.template, HASH_LABEL);
    let new = sets.iter().filter(is_new).max_by_key(|set| set.age());
    let resize = |set: &Set<'_>, size| Decision::Resize(set.at, size);
    let mut active = sets.iter().filter(|set| set.size > 0);
    if deployment.paused {
        // It is scaled, but not rolled out.
        return match (active.next(), active.next()) {
            (Some(only), None) => resize(only, wanted),
            (None, _) => match new.or(sets.iter().max_by_key(|set| set.age())) {
                Some(latest) => resize(latest, wanted),
                None => Decision::Keep,
            },
            _ => Decision::Keep,
        };
    }
    let size = new.map_or(0, |set| set.size);
    let size = match deployment.rollout {
        Rollout::Recreate => {
            let is_old = |set: &&Set<'_>| new.is_none_or(|new| new.at != set.at);
            if sets.iter().filter(is_old).any(|set| set.size > 0 || set.has_pods) { size } else { wanted }
        }
        Rollout::Rolling { .. } if size >= wanted => wanted,
        Rollout::Rolling { surge } => {
            let surge = if sets.is_empty() { 0 } else { surge.of(wanted) };
            let total: i64 = sets.iter().map(|set| i64::from(set.size)).sum();
            let room = i64::from(wanted) + i64::from(surge) - total;
            let more = room.clamp(0, i64::from(wanted) - i64::from(size));
            i32::try_from(i64::from(size) + more).unwrap_or(wanted)
        }
    };
    match new {
        Some(set) => resize(set, size),
        None => Decision::Create(size),
    }
}

/// Makes the pods of a ReplicaSet that is not in the input.
pub(super) fn expand<'a>(expansion: &mut Expansion<'a>, entry: &'a Entry<Workload>, wanted: Option<i32>) {
    let workload = &entry.value;
    let sets = expansion.family.owned(workload, WorkloadKind::ReplicaSet);
    let Some(wanted) = wanted else {
        if workload.paused && sets.is_empty() {
            expansion.warn(entry, "paused, without a ReplicaSet: makes no pods");
        }
        return;
    };
    if !sets.is_empty() {
        let message = "template changed: only the first step of the rolling update is simulated";
        expansion.warn(entry, message);
    }
    let known = unlisted_sets(expansion, workload);
    for set in &known {
        expansion.out.owners.push(group(workload, &set.controller.name, &set.hash));
    }
    let existing: usize = known.iter().map(|set| set.active).sum();
    let pods: Vec<&Pod> = known.iter().flat_map(|set| set.pods.iter().copied()).collect();
    let missing = i64::from(wanted) - existing as i64;
    expansion.warn_surplus(entry, -missing);
    let Some(missing) = expansion.reserve(entry, "spec.replicas", missing) else { return };
    let set = known.into_iter().max_by_key(|set| set.youngest).unwrap_or_else(|| {
        let hash = name::hash(&workload.namespace, &workload.name);
        let name = Str::from(format!("{}-{hash}", workload.name));
        expansion.out.owners.push(group(workload, &name, &hash));
        let controller = controller(WorkloadKind::ReplicaSet, &name, &Str::default());
        UnlistedSet { controller, hash, active: 0, youngest: None, pods: Vec::new() }
    });
    let mut template = Template::new(entry);
    template.label(HASH_LABEL, &set.hash);
    let prefix = name::prefix(&set.controller.name);
    template.controller = set.controller;
    expansion.warn_outdated(&template, &pods);
    expansion.make_alike(&template, &prefix, missing);
}

/// A ReplicaSet that is known by its pods only.
struct UnlistedSet<'a> {
    controller: Controller,
    hash: Str,
    active: usize,
    youngest: Option<i64>,
    pods: Vec<&'a Pod>,
}

/// The ReplicaSets of a Deployment that are not in the input but own pods there: named after the Deployment and the hash
/// that their pods have as a label.
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
