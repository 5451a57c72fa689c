//! What may let a pod pass whose volumes were out of reach.

use berth_model::volume::{Claim, StorageCapacity};

use super::VolumeBinding;
use crate::cluster::storage::claims::named_claims;
use crate::plugin::accepts;
use crate::plugin::event::ClusterEvent;
use crate::plugin::view::PodView;

pub(super) fn may_help(plugin: &VolumeBinding, pod: PodView<'_>, event: &ClusterEvent<'_>) -> bool {
    let (nodes, storage) = (pod.cluster.nodes(), pod.cluster.storage());
    match *event {
        ClusterEvent::Itself => true,
        ClusterEvent::Node { row, old } => {
            old.is_none_or(|old| old.labels != nodes.object(row).labels) && accepts(plugin, pod, row)
        }
        ClusterEvent::Claim { namespace, name, .. } => {
            storage.claim(namespace, name).is_some()
                && any_claim(pod, |claim| (&claim.namespace, &claim.name) == (namespace, name))
        }
        ClusterEvent::Volume { name, old } => {
            let now = storage.volumes.get(name);
            let classes = [old, now].map(|volume| volume.map(|v| &v.storage_class));
            any_claim(pod, |claim| {
                let class = claim.storage_class.clone().unwrap_or_default();
                claim.volume.as_ref() == Some(name) || classes.contains(&Some(&class))
            })
        }
        ClusterEvent::StorageClass { name } => {
            any_claim(pod, |claim| claim.storage_class.as_deref() == Some(name))
        }
        ClusterEvent::StorageCapacity { namespace, name, old } => {
            let key = (namespace.clone(), name.clone());
            storage.capacities.get(&key).is_some_and(|now| {
                old.is_none_or(|old| holds_more(now, old))
                    && any_claim(pod, |claim| claim.storage_class.as_ref() == Some(&now.storage_class))
            })
        }
        ClusterEvent::CsiDriver { name } => any_claim(pod, |claim| {
            let class = claim.storage_class.as_ref().and_then(|class| storage.classes.get(class));
            class.is_some_and(|class| *class.provisioner == *name)
        }),
        ClusterEvent::CsiNode { node } => nodes.find(node).is_some_and(|row| accepts(plugin, pod, row)),
        _ => false,
    }
}

fn any_claim(pod: PodView<'_>, meant: impl Fn(&Claim) -> bool) -> bool {
    let claim = |name: &_| pod.cluster.storage().claim(&pod.class.spec.namespace, name);
    named_claims(&pod.entry().pod).filter_map(|named| claim(&named.name)).any(meant)
}

/// Whether a volume may find room that did not before.
fn holds_more(now: &StorageCapacity, old: &StorageCapacity) -> bool {
    let largest = |c: &StorageCapacity| c.maximum_volume_size.or(c.capacity);
    largest(now) > largest(old) || now.topology != old.topology || now.storage_class != old.storage_class
}
