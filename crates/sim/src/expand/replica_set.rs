//! ReplicaSets and ReplicationControllers: a number of equal pods.
//!
//! Terminating pods do not count: they are replaced at once.
//!
//! Upstream: `pkg/controller/replicaset/replica_set.go` (`manageReplicas`).

use berth_model::manifests::Entry;
use berth_model::workload::{PodCount, Workload};

use super::deployment::{self, Sizes};
use super::template::Template;
use super::{Expansion, name};
use crate::rollout::Member;

/// Makes the pods that are missing. `sizes` has what a Deployment makes of `spec.replicas`.
pub(super) fn expand<'a>(
    expansion: &mut Expansion<'a>,
    at: usize,
    entry: &'a Entry<Workload>,
    sizes: &Sizes,
) {
    let workload = &entry.value;
    let PodCount::Replicas { count, .. } = workload.count else { return };
    let wanted = sizes.wanted(at).unwrap_or(count);
    let mut pods = expansion.existing.owned(workload);
    pods.extend(expansion.existing.adopt(workload, |_| true));
    let active = pods.iter().filter(|pod| !pod.terminating).count();
    let missing = i64::from(wanted) - active as i64;
    if missing < 0 && sizes.group(at).is_none() {
        expansion.out.rollouts.push(deployment::scale_down(workload, wanted, &pods));
    }
    let first = expansion.out.pods.len();
    if let Some(missing) = expansion.reserve(entry, "spec.replicas", missing) {
        expansion.make_alike(&Template::new(entry), &name::prefix(&workload.name), missing);
    }
    if let Some((rollout, group)) = sizes.group(at) {
        let all = pods.into_iter().chain(&expansion.out.pods[first..]);
        let members: Vec<Member> = all.map(deployment::member).collect();
        expansion.out.rollouts[rollout].groups[group].extend(members);
    }
}
