//! What may let a pod pass that the limits rejected.

use super::NodeVolumeLimits;
use crate::event::Event;
use crate::ids::{NodeRow, PodRow};
use crate::plugin::{accepts, accepts_any};
use crate::pod_claims::named_claims;
use crate::view::PodView;

pub(super) fn may_help(plugin: &NodeVolumeLimits, pod: PodView<'_>, event: &Event<'_>) -> bool {
    let cluster = pod.cluster;
    let accepts_on = |row: Option<NodeRow>| row.is_some_and(|row| accepts(plugin, pod, row));
    match *event {
        Event::Itself => true,
        Event::Node { row, old } => old.is_none() && accepts(plugin, pod, row),
        Event::PodLeft { pod: gone } => accepts_on(gone.node(cluster)),
        Event::PodChanged { pod: changed, .. } => accepts_on(cluster.pods().entry(changed).row),
        Event::Claim { namespace, name, .. } => {
            let own = *namespace == pod.class.spec.namespace;
            let own = own && named_claims(&pod.entry().pod).any(|claim| claim.name == *name);
            let users = cluster.attached_volumes().users(namespace, name);
            (own && cluster.storage().claim(namespace, name).is_some())
                || accepts_any(plugin, pod, &nodes_of(users, pod))
        }
        Event::Volume { name, .. } => {
            let claim = |claim: &_| cluster.storage().claim(&pod.class.spec.namespace, claim);
            let mut own = named_claims(&pod.entry().pod).filter_map(|named| claim(&named.name));
            own.any(|claim| claim.volume.as_ref() == Some(name))
                || accepts_any(plugin, pod, &nodes_of(cluster.attached_volumes().users_of_volume(name), pod))
        }
        // Unbound claims count for the provisioner of their class, those of other pods too.
        Event::StorageClass { .. } | Event::CsiDriver { .. } => true,
        Event::CsiNode { node } => accepts_on(cluster.nodes().find(node)),
        Event::Attachment { old } => accepts_on(old.and_then(|old| cluster.nodes().find(&old.node))),
        _ => false,
    }
}

fn nodes_of(users: &[PodRow], pod: PodView<'_>) -> Vec<NodeRow> {
    users.iter().filter_map(|&user| pod.cluster.pods().entry(user).row).collect()
}
