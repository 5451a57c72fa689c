//! StatefulSets: pods with ordinals, each with claims of its own.
//!
//! A pod keeps its name for ever, so one that is going away is not replaced before it has gone. Pods are made for all
//! ordinals at once, also where the controller would wait for one to be ready before it makes the next.
//!
//! Upstream: `pkg/controller/statefulset/stateful_set_utils.go`, `stateful_pod_control.go`.

use berth_controllers::rollout;
use berth_controllers::stateful_set::Strategy;
use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::manifests::Entry;
use berth_model::pod::{Pod, PodSpec};
use berth_model::selector::Operator;
use berth_model::volume::{Claim, PodVolume, PodVolumeSource};
use berth_model::workload::{self, PodCount, Workload};

use super::existing::label_of_youngest;
use super::template::Template;
use super::{Expansion, MAX_PODS, name, outdated};
use crate::rollout::{Member, NewPods, Rollout};

/// The label with the name of a pod of a StatefulSet.
pub const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// The label with the ordinal of a pod of a StatefulSet.
pub const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
const REVISION: &str = "controller-revision-hash";

/// Makes the pods that are missing, and their claims. If pods are outdated or too many, the set is rolled out: then its
/// controller takes the pods that are made here when it needs them.
pub(super) fn expand<'a>(expansion: &mut Expansion<'a>, entry: &'a Entry<Workload>) {
    let workload = &entry.value;
    let PodCount::Replicas { count, first } = workload.count else { return };
    let ordinals = i64::from(first)..i64::from(first) + i64::from(count);
    let is_member = |pod: &Pod| ordinal(pod, &workload.name).is_some();
    let mut pods = expansion.existing.owned(workload);
    pods.extend(expansion.existing.adopt(workload, is_member));
    if usize::try_from(count).is_ok_and(|count| count > MAX_PODS) {
        expansion.reserve(entry, "spec.replicas", count.into());
        return;
    }
    let mut template = Template::new(entry);
    let revision = label_of_youngest(&pods, REVISION).unwrap_or_else(|| {
        format!("{}-{}", workload.name, name::hash(&workload.namespace, &workload.name)).into()
    });
    template.label(REVISION, &revision);
    let current = expansion.current_spec(&template);
    let outdated = outdated(workload, &pods, &current);
    let members: Vec<Member> = pods
        .iter()
        .filter_map(|pod| Some((pod, i32::try_from(ordinal(pod, &workload.name)?).ok()?)))
        .map(|(pod, index)| Member { name: pod.name.clone(), updated: !outdated(pod), index: Some(index) })
        .collect();
    let pod_name = |ordinal: i64| Str::from(format!("{}-{ordinal}", workload.name));
    let beyond = |member: &Member| member.index.is_some_and(|index| !ordinals.contains(&index.into()));
    let rolled_out = members.iter().any(|member| !member.updated || beyond(member));
    let is_current = |ordinal: i64| {
        let own = |member: &Member| member.updated && member.index.is_some_and(|i| i64::from(i) == ordinal);
        members.iter().any(own)
    };
    let is_missing = |ordinal: &i64| match rolled_out {
        true => !is_current(*ordinal),
        false => !expansion.names.is_taken(&workload.namespace, &pod_name(*ordinal)),
    };
    let missing: Vec<i64> = ordinals.clone().filter(is_missing).collect();
    if expansion.reserve(entry, "spec.replicas", missing.len() as i64).is_none() {
        return;
    }
    let made = expansion.out.pods.len();
    for &ordinal in &missing {
        make(expansion, &template, ordinal);
    }
    if rolled_out {
        let pods = expansion.out.pods.split_off(made);
        let mut rollout = rollout_of(workload, count, first);
        rollout.groups[0] = members;
        rollout.new_pods = NewPods::Each(missing.into_iter().zip(pods).collect());
        expansion.out.rollouts.push(rollout);
    }
    // Pods that wait already had their claims made before them.
    for pod in pods.iter().filter(|pod| pod.node.is_none()) {
        if let Some(ordinal) = ordinal(pod, &workload.name).filter(|ordinal| ordinals.contains(ordinal)) {
            make_claims(expansion, workload, ordinal);
        }
    }
}

/// Makes the pod of an ordinal.
fn make<'a>(expansion: &mut Expansion<'a>, template: &Template<'a>, ordinal: i64) {
    let workload = &template.entry.value;
    let name = Str::from(format!("{}-{ordinal}", workload.name));
    let mut labels = template.labels.clone();
    labels.insert(POD_NAME.into(), name.clone());
    labels.insert(POD_INDEX.into(), ordinal.to_string().into());
    let mut spec = template.spec(labels);
    mount_claims(&mut spec, workload, ordinal);
    let Some(spec) = expansion.admit(template, spec) else { return };
    expansion.names.take(&workload.namespace, &name);
    expansion.make(template, name, spec);
    make_claims(expansion, workload, ordinal);
}

fn rollout_of(workload: &Workload, replicas: i32, start: i32) -> Rollout {
    let strategy = match workload.rollout {
        workload::Rollout::Rolling { unavailable, partition, .. } => {
            Strategy::RollingUpdate { partition, unavailable }
        }
        workload::Rollout::OnDelete | workload::Rollout::Recreate => Strategy::OnDelete,
    };
    let of = rollout::StatefulSet { replicas, start, parallel: workload.parallel, strategy };
    Rollout::new(workload, rollout::Workload::StatefulSet(of), 1)
}

/// The ordinal in a pod's name, where the rest of it is the set's name.
pub fn ordinal(pod: &Pod, set: &str) -> Option<i64> {
    let digits = pod.name.strip_prefix(set)?.strip_prefix('-')?;
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i32>().ok())??;
    Some(number.into())
}

fn claim_name(template: &Claim, workload: &Workload, ordinal: i64) -> Str {
    format!("{}-{}-{ordinal}", template.name, workload.name).into()
}

/// Puts the claims in the place of volumes of their names.
pub fn mount_claims(spec: &mut PodSpec, workload: &Workload, ordinal: i64) {
    let templates = &workload.claim_templates;
    let volume = |template: &Claim| PodVolume {
        name: template.name.clone(),
        source: PodVolumeSource::Claim { name: claim_name(template, workload, ordinal), read_only: false },
    };
    let mut volumes: Vec<PodVolume> = templates.iter().map(volume).collect();
    let is_own = |volume: &PodVolume| templates.iter().all(|template| template.name != volume.name);
    volumes.extend(std::mem::take(&mut spec.volumes).into_iter().filter(is_own));
    spec.volumes = volumes;
}

/// Makes the claims of one pod that are not there.
fn make_claims(expansion: &mut Expansion<'_>, workload: &Workload, ordinal: i64) {
    for claim in claims(workload, ordinal) {
        if expansion.claims.insert((claim.namespace.clone(), claim.name.clone())) {
            expansion.out.claims.push(claim);
        }
    }
}

/// The claims of the pod of an ordinal.
pub fn claims(workload: &Workload, ordinal: i64) -> impl Iterator<Item = Claim> + '_ {
    workload.claim_templates.iter().map(move |template| {
        let mut labels = template.labels.clone();
        add_match_labels(&mut labels, workload);
        Claim {
            namespace: workload.namespace.clone(),
            name: claim_name(template, workload, ordinal),
            labels,
            uid: Str::default(),
            ..template.clone()
        }
    })
}

fn add_match_labels(labels: &mut Labels, workload: &Workload) {
    for requirement in workload.selector.iter().flat_map(|selector| &selector.requirements) {
        if let (Operator::In, [value]) = (requirement.operator, &requirement.values[..]) {
            labels.insert(requirement.key.clone(), value.clone());
        }
    }
}
