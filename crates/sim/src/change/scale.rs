//! Workloads that get another number of pods.

use berth_model::manifests::{Entry, Manifests};
use berth_model::workload::{PodCount, Workload, WorkloadKind};

use super::{Action, Effect, Scale, list};
use crate::expand::is_controller;

/// How many names a problem lists.
const NAMED: usize = 10;

/// Sets `spec.replicas`, or `spec.parallelism` of a Job. An autoscaler of the workload is left out: the question is
/// about this number.
pub(super) fn scale(manifests: &mut Manifests, scale: &Scale) -> Result<Effect, String> {
    let at = find(manifests, scale)?;
    let entry = &manifests.workloads[at];
    let refuse = |why: String| Err(format!("--scale {}: {why}", scale.text));
    if let Some(owner) = &entry.value.controller
        && manifests.workloads.iter().any(|other| is_controller(&other.value, Some(owner)))
    {
        return refuse(format!(
            "{} is managed by {} {}, which sets its size; scale that",
            entry.value.label(),
            owner.kind,
            owner.name
        ));
    }
    let workload = &mut manifests.workloads[at].value;
    let label = workload.label();
    let from = match &mut workload.count {
        PodCount::Replicas { count, .. } => std::mem::replace(count, scale.count),
        PodCount::Job { parallelism, .. } => std::mem::replace(parallelism, scale.count),
        PodCount::PerNode => {
            return refuse(format!("{label} has one pod on each node that accepts it; add or remove nodes"));
        }
    };
    workload.sets_replicas = true;
    let (kind, namespace, name) = (workload.kind, workload.namespace.clone(), workload.name.clone());
    let mut autoscaler = None;
    manifests.autoscalers.retain(|entry| {
        let scaler = &entry.value;
        let is_its = *scaler.target_kind == *kind.name()
            && scaler.target_name == name
            && scaler.namespace == namespace;
        if is_its && !(scaler.min..=scaler.max).contains(&scale.count) {
            autoscaler = Some((scaler.min, scaler.max));
        }
        !is_its
    });
    let action = Action::Scaled { workload: label, from, to: scale.count, autoscaler };
    Ok(Effect::new(format!("--scale {}", scale.text), action, Vec::new()))
}

/// The place of the workload among all.
fn find(manifests: &Manifests, scale: &Scale) -> Result<usize, String> {
    let is_kind = |entry: &Entry<Workload>| entry.value.kind == scale.kind && entry.value.custom.is_none();
    let in_namespace =
        |workload: &Workload| scale.namespace.as_ref().is_none_or(|n| *n == workload.namespace);
    let found: Vec<usize> = (0..manifests.workloads.len())
        .filter(|&at| {
            let entry = &manifests.workloads[at];
            is_kind(entry) && entry.value.name == scale.name && in_namespace(&entry.value)
        })
        .collect();
    let kind = scale.kind.name();
    let keys = |places: &mut dyn Iterator<Item = &Entry<Workload>>| -> Vec<String> {
        let mut keys: Vec<String> =
            places.map(|entry| format!("{}/{}", entry.value.namespace, entry.value.name)).collect();
        keys.sort();
        keys
    };
    match found.as_slice() {
        [at] => Ok(*at),
        [] => {
            let all = keys(&mut manifests.workloads.iter().filter(|entry| is_kind(entry)));
            let owned = manifests.pods.iter().filter_map(|entry| entry.value.pod.spec.controller.as_ref());
            let mut owned = owned.map(|owner| &*owner.name);
            let only_pods = match scale.kind {
                WorkloadKind::Deployment => {
                    owned.any(|name| name.rsplit_once('-').is_some_and(|(front, _)| front == &*scale.name))
                }
                _ => owned.any(|name| name == &*scale.name),
            };
            let there_is = match all.as_slice() {
                [] if only_pods => format!("the input has its pods, but not the {kind} itself; add it"),
                [] => format!("the input has no {kind}"),
                all => format!("there is {}", list(all, NAMED)),
            };
            Err(format!("--scale {}: no {kind} has this name; {there_is}", scale.text))
        }
        several => {
            let keys = keys(&mut several.iter().map(|&at| &manifests.workloads[at]));
            let short = scale.text.split('/').next().unwrap_or_default();
            Err(format!(
                "--scale {}: several namespaces have it: {}; name one as {short}/{}={}",
                scale.text,
                list(&keys, NAMED),
                keys[0],
                scale.count
            ))
        }
    }
}
