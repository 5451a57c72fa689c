//! One object that is defined more than once: manifests over what a cluster has, as `kubectl apply` would put them
//! there.
//!
//! A manifest replaces the desired state of an object that the cluster has, and keeps what the API server and the
//! controllers own: uid, status, bindings. The order of the two does not matter. Two equal definitions are one. Of two
//! different ones that are both manifests, or both from a cluster, the later counts.

use berth_model::manifests::Place;
use berth_model::object::Object;
use berth_model::pod_manifest::PodManifest;
use berth_model::workload::{PodCount, Workload};

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
    // The API server chooses the selector of a Job, which its manifest does not repeat.
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
