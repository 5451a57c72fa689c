//! Keeps a pod off nodes outside the zones and regions of its bound volumes, as the volumes' labels tell them.
//!
//! - **Filter**: for each zone or region label of a bound volume, the node's value must be one of the volume's
//!   (`a__b` are two values). The old labels match the node's old or new ones. A node without any such label passes.
//! - **Depends on** the single pod: the pod's claims and their volumes.
//! - **Unblocked by** the pod's claims, their volumes and classes; a new node, or one whose labels change, that is
//!   accepted.
//! - **Upstream**: plugins/volumezone. No known difference.
//! - **Cost**: nothing for pods without claims; else the claims once, then a few column look-ups a node.

use std::sync::Arc;

use std::collections::BTreeSet;

use berth_model::volume::{Claim, PodVolumeSource, Volume};
use smallvec::SmallVec;

use crate::cluster::storage::claims::{has_claims, not_found};
use crate::cluster::storage::csi_migration::ZONE_SEPARATOR;
use crate::cluster::{Cluster, Domains};
use crate::ids::name::PluginName;
use crate::ids::{NodeRow, Sym};
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{Filter, FilterHints, Plugin, PreFilter, QueueingHint, accepts};
use crate::verdict::{Code, Rejection};

/// The plugin's name in configurations.
pub const NAME: &str = "VolumeZone";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreFilter, ExtensionPoint::Filter], || Arc::new(VolumeZone))
        .in_default_profile(0);

const REASON: &str = "node(s) had no available volume zone";

/// Labels that place a volume, in upstream's order, and the new name of each.
const TOPOLOGY_LABELS: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "topology.kubernetes.io/region"),
];

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct VolumeZone;

struct ZoneFilter<'a> {
    /// Any of the labels, where nodes have it.
    any_label: SmallVec<[&'a Domains; 4]>,
    demands: Vec<Demand<'a>>,
}

/// What one label of one volume demands of a node.
struct Demand<'a> {
    label: Option<&'a Domains>,
    new_label: Option<&'a Domains>,
    values: SmallVec<[Sym; 2]>,
}

impl VolumeZone {
    /// Whether a claim, a volume of a claim, or a class of a claim is meant that the pod names.
    fn is_of_claims(pod: PodView<'_>, meant: impl Fn(&Claim) -> bool) -> bool {
        let (spec, storage) = (&pod.entry().pod.spec, pod.cluster.storage());
        spec.volumes.iter().any(|volume| match &volume.source {
            PodVolumeSource::Claim { name, .. } => storage.claim(&spec.namespace, name).is_some_and(&meant),
            _ => false,
        })
    }
}

impl Plugin for VolumeZone {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, old } => {
                let labels = &pod.cluster.nodes().object(row).labels;
                old.is_none_or(|old| old.labels != *labels) && accepts(self, pod, row)
            }
            ClusterEvent::Claim { namespace, name, .. } => {
                Self::is_of_claims(pod, |claim| claim.namespace == *namespace && claim.name == *name)
            }
            ClusterEvent::Volume { name, .. } => {
                Self::is_of_claims(pod, |claim| claim.volume.as_ref() == Some(name))
            }
            ClusterEvent::StorageClass { name } => {
                Self::is_of_claims(pod, |claim| claim.storage_class.as_deref() == Some(name))
            }
            _ => false,
        })
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        if !has_claims(&pod.class.spec) {
            return PreFilter::SKIP_CLASS;
        }
        match demands(pod) {
            Err(reason) => {
                PreFilter::Reject(Rejection::new(Code::UnschedulableAndUnresolvable, reason.into()))
            }
            Ok(demands) if demands.is_empty() => PreFilter::Skip,
            Ok(demands) => {
                let any_label = TOPOLOGY_LABELS.iter().filter_map(|(key, _)| column(pod.cluster, key));
                PreFilter::Run(Box::new(ZoneFilter { any_label: any_label.collect(), demands }))
            }
        }
    }
}

fn column<'a>(cluster: &'a Cluster, key: &str) -> Option<&'a Domains> {
    cluster.nodes().domains(cluster.symbols().find(key)?)
}

/// What the labels of the pod's bound volumes demand, or why a claim has no volume to look at.
fn demands<'a>(pod: PodView<'a>) -> Result<Vec<Demand<'a>>, String> {
    let (spec, storage) = (&pod.entry().pod.spec, pod.cluster.storage());
    let mut demands = Vec::new();
    for volume in &spec.volumes {
        let PodVolumeSource::Claim { name, .. } = &volume.source else { continue };
        if name.is_empty() {
            return Err("PersistentVolumeClaim had no name".into());
        }
        let claim = storage.claim(&spec.namespace, name).ok_or_else(|| not_found(name))?;
        let Some(volume) = claim.volume.as_ref().filter(|v| !v.is_empty()) else {
            let class = claim
                .storage_class
                .as_ref()
                .filter(|c| !c.is_empty())
                .ok_or("PersistentVolumeClaim had no pv name and storageClass name")?;
            let found = storage.classes.get(class);
            let class = found.ok_or_else(|| format!("storageclass.storage.k8s.io {class:?} not found"))?;
            if class.waits_for_consumer {
                continue;
            }
            return Err("PersistentVolume had no name".into());
        };
        let found = storage.volumes.get(volume);
        let volume = found.ok_or_else(|| format!("persistentvolume {volume:?} not found"))?;
        demands.extend(demands_of(volume, pod.cluster));
    }
    Ok(demands)
}

fn demands_of<'a>(volume: &Volume, cluster: &'a Cluster) -> impl Iterator<Item = Demand<'a>> {
    TOPOLOGY_LABELS.iter().filter_map(move |(key, new_key)| {
        let values: BTreeSet<&str> = volume.labels.get(key)?.split(ZONE_SEPARATOR).map(str::trim).collect();
        // Upstream ignores a label that lists nothing somewhere.
        let known = || values.iter().filter_map(|v| cluster.symbols().find(v)).collect();
        (!values.contains("")).then(|| Demand {
            label: column(cluster, key),
            new_label: column(cluster, new_key),
            values: known(),
        })
    })
}

impl Demand<'_> {
    fn is_met(&self, row: NodeRow) -> bool {
        let value = |column: Option<&Domains>| column.and_then(|c| c.values()[row.index()]);
        value(self.label).or_else(|| value(self.new_label)).is_some_and(|v| self.values.contains(&v))
    }
}

impl Filter for ZoneFilter<'_> {
    fn hints(&self) -> FilterHints<'_> {
        FilterHints { never_errs: true, ..FilterHints::default() }
    }

    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let labelled = self.any_label.iter().any(|column| column.values()[node.row.index()].is_some());
        let fits = !labelled || self.demands.iter().all(|demand| demand.is_met(node.row));
        (!fits).then(|| Rejection::unresolvable(REASON))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter, labels};
    use crate::storage_fixture::{claim_volume, ephemeral_volume};
    use expect_test::{Expect, expect};

    const ZONE: &str = "topology.kubernetes.io/zone";
    const REGION: &str = "topology.kubernetes.io/region";
    const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn fits(volume: Pairs<'_>, node: Pairs<'_>) -> bool {
        let mut world = World::default();
        world.node("n1", |n| n.labels = labels(node));
        world.volume("pv", |v| v.labels = labels(volume));
        world.bound_claim("data", "pv");
        let pod = world.pod("p", |_, spec| spec.volumes.push(claim_volume("v", "data")));
        let answer = filter(&VolumeZone, &world, pod);
        let rejected = answer == "n1: UnschedulableAndUnresolvable: node(s) had no available volume zone\n";
        assert!(rejected || answer == "n1: fits\n" || answer == "every node fits\n", "{answer}");
        !rejected
    }

    #[test]
    fn a_node_must_have_one_of_the_volumes_zones() {
        let cases: &[(&str, Pairs<'_>, Pairs<'_>, bool)] = &[
            ("the same zone", &[(ZONE, "a")], &[(ZONE, "a")], true),
            ("another zone", &[(ZONE, "a")], &[(ZONE, "b")], false),
            ("one of two zones", &[(ZONE, "a__b")], &[(ZONE, "b")], true),
            ("spaces around zones", &[(ZONE, " a __b")], &[(ZONE, "a")], true),
            ("a gap among the zones", &[(ZONE, "a____b")], &[(ZONE, "c")], true),
            ("a volume without labels", &[], &[(ZONE, "a")], true),
            ("a node without labels", &[(ZONE, "a")], &[], true),
            ("a node with a region only", &[(ZONE, "a")], &[(REGION, "r")], false),
            (
                "zone fits, region does not",
                &[(ZONE, "a"), (REGION, "r")],
                &[(ZONE, "a"), (REGION, "s")],
                false,
            ),
            ("old label on the volume", &[(BETA_ZONE, "a")], &[(ZONE, "a")], true),
            ("old label on both", &[(BETA_ZONE, "a")], &[(BETA_ZONE, "a"), (ZONE, "b")], true),
            ("old label on the node", &[(ZONE, "a")], &[(BETA_ZONE, "a")], false),
            ("a label that has no meaning here", &[("zone", "a")], &[(ZONE, "b"), ("zone", "b")], true),
        ];
        for (what, volume, node, expected) in cases {
            assert_eq!(fits(volume, node), *expected, "{what}");
        }
    }

    #[test]
    fn a_claim_without_a_volume_is_passed_over_or_rejects_the_pod() {
        let mut world = World::default();
        world.node("n1", |_| {});
        world.class("later", "csi.example", |_| {});
        world.class("now", "csi.example", |class| class.waits_for_consumer = false);
        for (name, class) in
            [("waits", "later"), ("immediate", "now"), ("classless", ""), ("unknown-class", "gone")]
        {
            world.claim(name, |claim| claim.storage_class = Some(class.into()));
        }
        world.bound_claim("lost", "no-such-volume");
        let mut check = |claim: &str, expected: Expect| {
            let pod = world.pod(claim, |_, spec| spec.volumes.push(claim_volume("v", claim)));
            expected.assert_eq(&filter(&VolumeZone, &world, pod));
        };
        check("waits", expect!["every node fits\n"]);
        check(
            "immediate",
            expect![[r#"
            pod: UnschedulableAndUnresolvable: PersistentVolume had no name
        "#]],
        );
        check(
            "classless",
            expect![[r#"
            pod: UnschedulableAndUnresolvable: PersistentVolumeClaim had no pv name and storageClass name
        "#]],
        );
        check(
            "unknown-class",
            expect![[r#"
            pod: UnschedulableAndUnresolvable: storageclass.storage.k8s.io "gone" not found
        "#]],
        );
        check(
            "lost",
            expect![[r#"
            pod: UnschedulableAndUnresolvable: persistentvolume "no-such-volume" not found
        "#]],
        );
        check(
            "missing",
            expect![[r#"
            pod: UnschedulableAndUnresolvable: persistentvolumeclaim "missing" not found
        "#]],
        );
        check(
            "",
            expect![[r#"
            pod: UnschedulableAndUnresolvable: PersistentVolumeClaim had no name
        "#]],
        );
        let ephemeral = world.pod("ephemeral", |_, spec| spec.volumes.push(ephemeral_volume("v")));
        expect!["every node fits\n"].assert_eq(&filter(&VolumeZone, &world, ephemeral));
    }
}
