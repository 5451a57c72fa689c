//! ReplicaSets and ReplicationControllers: a number of equal pods.
//!
//! Terminating pods do not count: they are replaced at once.
//!
//! Upstream: `pkg/controller/replicaset/replica_set.go` (`manageReplicas`).

use berth_model::manifests::Entry;
use berth_model::workload::{PodCount, Workload};

use super::template::Template;
use super::{Expansion, name};

/// Makes the pods that are missing. `wanted` is what a Deployment makes of `spec.replicas`.
pub(super) fn expand<'a>(expansion: &mut Expansion<'a>, entry: &'a Entry<Workload>, wanted: Option<i32>) {
    let workload = &entry.value;
    let PodCount::Replicas { count, .. } = workload.count else { return };
    let owned = expansion.existing.owned(workload);
    let adopted = expansion.existing.adopt(&workload.namespace, workload.selector.as_ref(), |_| true);
    let active = owned.iter().chain(&adopted).filter(|pod| !pod.terminating).count();
    let missing = i64::from(wanted.unwrap_or(count)) - active as i64;
    expansion.warn_surplus(entry, -missing);
    if let Some(missing) = expansion.reserve(entry, "spec.replicas", missing) {
        expansion.make_alike(&Template::new(entry), &name::prefix(&workload.name), missing);
    }
}
