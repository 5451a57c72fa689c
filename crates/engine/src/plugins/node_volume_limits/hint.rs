//! What may let a pod pass that the limits rejected.

use super::NodeVolumeLimits;
use crate::cluster::storage::claims::named_claims;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::event::ClusterEvent;
use crate::plugin::view::PodView;
use crate::plugin::{accepts, accepts_any};

pub(super) fn may_help(plugin: &NodeVolumeLimits, pod: PodView<'_>, event: &ClusterEvent<'_>) -> bool {
    let cluster = pod.cluster;
    let accepts_on = |row: Option<NodeRow>| row.is_some_and(|row| accepts(plugin, pod, row));
    match *event {
        ClusterEvent::Itself => true,
        ClusterEvent::Node { row, old } => old.is_none() && accepts(plugin, pod, row),
        ClusterEvent::PodLeft { pod: gone } => accepts_on(gone.node(cluster)),
        ClusterEvent::PodChanged { pod: changed, .. } => accepts_on(cluster.pods().entry(changed).row),
        ClusterEvent::Claim { namespace, name, .. } => {
            let own = *namespace == pod.class.spec.namespace;
            let own = own && named_claims(&pod.entry().pod).any(|claim| claim.name == *name);
            let users = cluster.attached_volumes().users(namespace, name);
            (own && cluster.storage().claim(namespace, name).is_some())
                || accepts_any(plugin, pod, &nodes_of(users, pod))
        }
        ClusterEvent::Volume { name, .. } => {
            let claim = |claim: &_| cluster.storage().claim(&pod.class.spec.namespace, claim);
            let mut own = named_claims(&pod.entry().pod).filter_map(|named| claim(&named.name));
            own.any(|claim| claim.volume.as_ref() == Some(name))
                || accepts_any(plugin, pod, &nodes_of(cluster.attached_volumes().users_of_volume(name), pod))
        }
        // Unbound claims count for the provisioner of their class, those of other pods too.
        ClusterEvent::StorageClass { .. } | ClusterEvent::CsiDriver { .. } => true,
        ClusterEvent::CsiNode { node } => accepts_on(cluster.nodes().find(node)),
        ClusterEvent::Attachment { old } => accepts_on(old.and_then(|old| cluster.nodes().find(&old.node))),
        _ => false,
    }
}

fn nodes_of(users: &[PodRow], pod: PodView<'_>) -> Vec<NodeRow> {
    users.iter().filter_map(|&user| pod.cluster.pods().entry(user).row).collect()
}
