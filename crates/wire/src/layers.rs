//! One object that is defined more than once: manifests over what a cluster has, as `kubectl apply` would put them
//! there.
//!
//! A manifest replaces the desired state of an object that the cluster has, and keeps what the API server and the
//! controllers own: uid, status, bindings. The order of the two does not matter. Two equal definitions are one. Of two
//! different ones that are both manifests, or both from a cluster, the later counts.

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::manifests::Place;
use berth_model::object::Object;
use berth_model::pod_manifest::PodManifest;
use berth_model::volume::Claim;
use berth_model::workload::{PodCount, Workload, WorkloadKind};

/// An object with where it comes from.
pub(crate) struct Loaded {
    pub(crate) object: Object,
    pub(crate) place: Place,
    /// Whether it comes from a cluster: an API server has given it a uid or a time of creation.
    pub(crate) stored: bool,
    /// A later definition of the custom resource that it belongs to counts instead.
    pub(crate) replaced: bool,
}

/// Merges a later definition into an earlier one of the same object; says what the user should know.
pub(crate) fn merge(earlier: &mut Loaded, later: Loaded) -> Option<String> {
    if earlier.object == later.object {
        earlier.stored |= later.stored;
        return None;
    }
    if earlier.stored == later.stored {
        let message = format!("defined twice, differently; the later definition counts ({})", later.place);
        *earlier = later;
        return Some(message);
    }
    let message;
    if earlier.stored {
        message = apply(&mut earlier.object, later.object);
        earlier.place = later.place; // the desired state is the manifest's, so messages name its place
    } else {
        let manifest = std::mem::replace(&mut earlier.object, later.object);
        message = apply(&mut earlier.object, manifest);
        earlier.stored = true;
    }
    message
}

/// Applies a manifest to an object of the cluster.
fn apply(stored: &mut Object, manifest: Object) -> Option<String> {
    if let Some(field) = immutable(stored, &manifest) {
        return Some(format!(
            "the API server refuses this update, because {field} cannot be changed so; the object in the cluster stays as \
             it is. Keep the field, or delete the object before you apply the manifest"
        ));
    }
    match (stored, manifest) {
        (Object::Pod(stored), Object::Pod(manifest)) => return differs(stored, &manifest),
        (Object::Workload(stored), Object::Workload(manifest)) => apply_workload(stored, *manifest),
        (Object::Node(stored), Object::Node(manifest)) => {
            // Node agents own the status; a manifest that has one asks what would be if the node were so.
            let status =
                (stored.allocatable.clone(), stored.images.clone(), stored.declared_features.clone());
            *stored = manifest;
            if stored.allocatable.is_empty() {
                (stored.allocatable, stored.images, stored.declared_features) = status;
            }
        }
        (Object::Claim(stored), Object::Claim(manifest)) => stored.request = manifest.request,
        (Object::Volume(stored), Object::Volume(manifest)) => stored.labels = manifest.labels,
        (Object::Budget(stored), Object::Budget(manifest)) => stored.selector = manifest.selector,
        (stored, manifest) => *stored = manifest,
    }
    None
}

/// Nothing but the image of a running pod can be changed, so the pod stays as it is.
fn differs(stored: &PodManifest, manifest: &PodManifest) -> Option<String> {
    let requests = |pod: &PodManifest| -> Vec<_> {
        pod.pod.spec.containers.iter().map(|c| (c.name.clone(), c.requests.clone())).collect()
    };
    let (old, new) = (requests(stored), requests(manifest));
    let changed = new.iter().any(|container| !old.contains(container));
    changed.then(|| {
        "requests something else than the pod in the cluster, which stays as it is: the API server \
                     refuses to change a pod's requests"
            .to_owned()
    })
}

/// A field that the manifest changes although the API server does not allow this change.
///
/// Upstream: `apps/validation/validation.go` (`ValidateStatefulSetUpdate`, `ValidateDeploymentUpdate`,
/// `ValidateDaemonSetUpdate`), `batch/validation/validation.go` (`ValidateJobSpecUpdate`), `core/validation/validation.go`
/// (`ValidatePersistentVolumeClaimUpdate`), `storage/validation/validation.go` (`ValidateStorageClassUpdate`),
/// `scheduling/validation/validation.go` (`ValidatePriorityClassUpdate`), all in `pkg/apis`.
fn immutable(stored: &Object, manifest: &Object) -> Option<&'static str> {
    match (stored, manifest) {
        (Object::Workload(stored), Object::Workload(manifest)) => immutable_of_workload(stored, manifest),
        (Object::Claim(stored), Object::Claim(manifest)) => immutable_of_claim(stored, manifest),
        (Object::StorageClass(stored), Object::StorageClass(manifest)) => first_changed([
            ("provisioner", stored.provisioner != manifest.provisioner),
            ("volumeBindingMode", stored.waits_for_consumer != manifest.waits_for_consumer),
        ]),
        (Object::PriorityClass(stored), Object::PriorityClass(manifest)) => first_changed([
            ("value", stored.value != manifest.value),
            ("preemptionPolicy", stored.never_preempts != manifest.never_preempts),
        ]),
        _ => None,
    }
}

fn first_changed<const N: usize>(fields: [(&'static str, bool); N]) -> Option<&'static str> {
    fields.into_iter().find(|(_, changed)| *changed).map(|(field, _)| field)
}

/// A claim only grows. What its manifest does not set was chosen by the API server or the volume controller.
fn immutable_of_claim(stored: &Claim, manifest: &Claim) -> Option<&'static str> {
    let set_otherwise = |old: &Option<Str>, new: &Option<Str>| old.is_some() && new.is_some() && old != new;
    let modes = |claim: &Claim| claim.access_modes.iter().copied().collect::<BTreeSet<_>>();
    first_changed([
        ("spec.storageClassName", set_otherwise(&stored.storage_class, &manifest.storage_class)),
        ("spec.volumeName", set_otherwise(&stored.volume, &manifest.volume)),
        ("spec.accessModes", modes(stored) != modes(manifest)),
        ("spec.volumeMode", stored.block != manifest.block),
        ("spec.resources.requests.storage", manifest.request < stored.request),
    ])
}

fn immutable_of_workload(stored: &Workload, manifest: &Workload) -> Option<&'static str> {
    if stored.kind != manifest.kind || stored.custom.is_some() || manifest.custom.is_some() {
        return None;
    }
    // The API server chooses the selector of a Job, which its manifest does not repeat.
    let selector = manifest.selector.is_some() && stored.selector != manifest.selector;
    match manifest.kind {
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::DaemonSet => {
            selector.then_some("spec.selector")
        }
        WorkloadKind::StatefulSet => first_changed([
            ("spec.selector", selector),
            ("spec.podManagementPolicy", stored.parallel != manifest.parallel),
            ("spec.volumeClaimTemplates", stored.claim_templates != manifest.claim_templates),
        ]),
        WorkloadKind::Job if selector => Some("spec.selector"),
        WorkloadKind::Job => immutable_of_job(stored, manifest),
        WorkloadKind::ReplicationController | WorkloadKind::CronJob => None,
    }
}

/// The number of completions of an indexed Job changes only together with its parallelism. The template changes only
/// while the Job is suspended.
fn immutable_of_job(stored: &Workload, manifest: &Workload) -> Option<&'static str> {
    let (
        PodCount::Job { completions: old, indexed: was_indexed, suspended, .. },
        PodCount::Job { completions, indexed, parallelism, .. },
    ) = (stored.count, manifest.count)
    else {
        return None;
    };
    let elastic = indexed && completions == Some(parallelism);
    let mut template = stored.template.clone();
    template.labels = without_job_labels(&template.labels, &manifest.template.labels);
    first_changed([
        ("spec.completionMode", indexed != was_indexed),
        ("spec.completions", completions != old && !elastic),
        ("spec.template", !suspended && template.is_outdated(&manifest.template)),
    ])
}

/// The labels without those that the API server adds to the template of a Job, unless the manifest has them.
fn without_job_labels(labels: &Labels, manifest: &Labels) -> Labels {
    let is_added = |key: &str| {
        matches!(key.strip_prefix("batch.kubernetes.io/").unwrap_or(key), "job-name" | "controller-uid")
    };
    let own = labels.iter().filter(|(key, _)| !is_added(key) || manifest.contains_key(key));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn apply_workload(stored: &mut Workload, manifest: Workload) {
    let count = match (stored.count, manifest.count) {
        // An autoscaler may own the number: a manifest that does not set it leaves it as it is.
        (PodCount::Replicas { count, .. }, PodCount::Replicas { first, .. }) if !manifest.sets_replicas => {
            PodCount::Replicas { count, first }
        }
        (
            PodCount::Job { finished, .. },
            PodCount::Job {
                parallelism,
                completions,
                indexed,
                suspended,
                replaces_terminating,
                manual_selector,
                ..
            },
        ) => PodCount::Job {
            parallelism,
            completions,
            indexed,
            suspended,
            finished,
            replaces_terminating,
            manual_selector,
        },
        (_, count) => count,
    };
    let template_changed = stored.template.is_outdated(&manifest.template);
    let selector = manifest.selector.clone().or_else(|| stored.selector.clone());
    *stored = Workload {
        uid: stored.uid.clone(),
        created: stored.created,
        controller: stored.controller.clone(),
        terminating: stored.terminating,
        revision: stored.revision,
        scaled_for: stored.scaled_for,
        progress: stored.progress.clone(),
        count,
        selector,
        template_changed,
        ..manifest
    };
}
