//! Keeps a pod off nodes where a disk that it needs is in use, and off all nodes while another pod has its
//! single-pod claim.
//!
//! - **Filter**: a disk that the pod names itself (GCE PD, EBS, iSCSI, Ceph RBD) must not be on the node already; all
//!   but EBS may be shared read-only. A claim with `ReadWriteOncePod` must not be used by any placed pod.
//!   Both may be cured by eviction.
//! - **Depends on** the single pod: which pods use its claims, and which disks the pods on a node have.
//! - **Unblocked by** a pod with such a disk or claim that leaves its node, or whose node goes; a new node where the
//!   disk is free; the missing claim.
//! - **Upstream**: plugins/volumerestrictions. No known difference. As there, the pods of a hypothetical are compared
//!   with the claims by name alone, whatever their namespace.
//! - **Cost**: nothing for pods without such disks and claims; else one pass over the classes, then a look-up a node.

use std::sync::Arc;

use berth_model::Str;
use berth_model::pod::PodSpec;
use berth_model::volume::{AccessMode, Disk, PodVolumeSource};

use crate::cluster::Cluster;
use crate::cluster::storage::claims::not_found;
use crate::ids::PodRow;
use crate::ids::name::PluginName;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{Filter, FilterHints, Plugin, PreFilter, QueueingHint, accepts};
use crate::pod_class::PodClass;
use crate::verdict::{Code, Rejection};

/// The plugin's name in configurations.
pub const NAME: &str = "VolumeRestrictions";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreFilter, ExtensionPoint::Filter], || {
        Arc::new(VolumeRestrictions)
    })
    .in_default_profile(0);

const DISK_IN_USE: &str = "node(s) had no available disk";
const CLAIM_IN_USE: &str = "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct VolumeRestrictions;

struct InUseFilter<'a> {
    cluster: &'a Cluster,
    disks: Option<Disks>,
    /// The pod's claims with `ReadWriteOncePod`.
    single: Vec<&'a Str>,
    /// How many of them placed pods use.
    single_in_use: i64,
}

/// The pods that have a disk which the pod cannot share.
struct Disks {
    /// By class.
    conflicting: Vec<bool>,
    /// By row: how many such pods are on the node.
    pods: Vec<u32>,
}

impl Plugin for VolumeRestrictions {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        if !is_concerned(pod.class) {
            return PreFilter::SKIP_CLASS;
        }
        let single = match single_pod_claims(pod) {
            Ok(names) => names,
            Err(missing) => {
                return PreFilter::Reject(Rejection::new(
                    Code::UnschedulableAndUnresolvable,
                    not_found(&missing).into(),
                ));
            }
        };
        let single_in_use = single.iter().filter(|name| is_used(pod, name)).count() as i64;
        let disks = exclusive_disks(&pod.class.spec);
        if disks.is_empty() && single_in_use == 0 {
            return PreFilter::Skip;
        }
        let disks = (!disks.is_empty()).then(|| Disks::find(&disks, pod.cluster));
        PreFilter::Run(Box::new(InUseFilter { cluster: pod.cluster, disks, single, single_in_use }))
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        let own = &pod.entry().pod.spec;
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, old } => old.is_none() && accepts(self, pod, row),
            ClusterEvent::NodeGone { node } => {
                let pods = pod.cluster.pods();
                let pods_on_missing_node = pod
                    .cluster
                    .pods_on_missing_node(&node.name)
                    .iter()
                    .map(|&gone| &pods.entry(gone).pod.spec);
                pods_on_missing_node.into_iter().any(|gone| shares(own, gone))
            }
            ClusterEvent::PodLeft { pod: gone } => gone.row.is_some() && shares(own, &gone.pod.spec),
            ClusterEvent::PodChanged { pod: changed, old } => {
                let now = &pod.cluster.pods().entry(changed).pod.spec;
                old.pod.spec.volumes != now.volumes && shares(own, &old.pod.spec)
            }
            ClusterEvent::Claim { namespace, name, old } => {
                let now = pod.cluster.storage().claim(namespace, name);
                *namespace == own.namespace
                    && claim_names(own).any(|own| own == name)
                    && now.is_some_and(|now| old.is_none_or(|old| old.access_modes != now.access_modes))
            }
            _ => false,
        })
    }
}

/// The pod's claims that one pod at a time may use, or the first claim that is not there.
fn single_pod_claims<'a>(pod: PodView<'a>) -> Result<Vec<&'a Str>, Str> {
    let spec = &pod.entry().pod.spec;
    let mut single = Vec::new();
    for volume in &spec.volumes {
        let PodVolumeSource::Claim { name, .. } = &volume.source else { continue };
        let claim = pod.cluster.storage().claim(&spec.namespace, name).ok_or(name.clone())?;
        if claim.access_modes.contains(&AccessMode::ReadWriteOncePod) && !single.contains(&name) {
            single.push(name);
        }
    }
    Ok(single)
}

/// Claims that are made for a pod do not count.
fn is_used(pod: PodView<'_>, claim: &Str) -> bool {
    let users = pod.cluster.attached_volumes().users(&pod.class.spec.namespace, claim);
    users.iter().any(|&user| claim_names(&pod.cluster.pods().entry(user).pod.spec).any(|name| name == claim))
}

/// Whether another pod has a disk or claim that the pod needs. Claims count by name alone, as they do where pods are
/// nominated.
fn shares(own: &PodSpec, other: &PodSpec) -> bool {
    let disks = exclusive_disks(own);
    exclusive_disks(other).iter().any(|theirs| disks.iter().any(|ours| conflict(ours, theirs)))
        || claim_names(other).any(|theirs| claim_names(own).any(|ours| ours == theirs))
}

/// Whether the pod has a volume that could be in use.
fn is_concerned(class: &PodClass) -> bool {
    class.spec.volumes.iter().any(|volume| match &volume.source {
        PodVolumeSource::Claim { .. } => true,
        PodVolumeSource::Disk(disk) => is_exclusive(disk),
        _ => false,
    })
}

fn claim_names(spec: &PodSpec) -> impl Iterator<Item = &Str> {
    spec.volumes.iter().filter_map(|volume| match &volume.source {
        PodVolumeSource::Claim { name, .. } => Some(name),
        _ => None,
    })
}

fn exclusive_disks(spec: &PodSpec) -> Vec<&Disk> {
    let disks = spec.volumes.iter().filter_map(|volume| match &volume.source {
        PodVolumeSource::Disk(disk) => Some(disk),
        _ => None,
    });
    disks.filter(|disk| is_exclusive(disk)).collect()
}

fn is_exclusive(disk: &Disk) -> bool {
    matches!(
        disk,
        Disk::GcePersistentDisk { .. }
            | Disk::AwsElasticBlockStore { .. }
            | Disk::Iscsi { .. }
            | Disk::Rbd { .. }
    )
}

fn conflict(a: &Disk, b: &Disk) -> bool {
    match (a, b) {
        (
            Disk::GcePersistentDisk { name, read_only },
            Disk::GcePersistentDisk { name: other, read_only: both },
        ) => name == other && !(*read_only && *both),
        (Disk::AwsElasticBlockStore { id }, Disk::AwsElasticBlockStore { id: other }) => id == other,
        (Disk::Iscsi { iqn, read_only }, Disk::Iscsi { iqn: other, read_only: both }) => {
            iqn == other && !(*read_only && *both)
        }
        (
            Disk::Rbd { monitors, pool, image, read_only },
            Disk::Rbd { monitors: others, pool: other_pool, image: other_image, read_only: both },
        ) => {
            let shared = monitors.iter().any(|m| others.contains(m));
            shared && pool == other_pool && image == other_image && !(*read_only && *both)
        }
        _ => false,
    }
}

impl Disks {
    fn find(disks: &[&Disk], cluster: &Cluster) -> Self {
        let mut found = Self {
            conflicting: vec![false; cluster.pods().class_count()],
            pods: vec![0; cluster.nodes().row_count()],
        };
        for (id, class, placements) in cluster.pods().classes() {
            let others = exclusive_disks(&class.spec);
            if others.iter().any(|other| disks.iter().any(|disk| conflict(disk, other))) {
                found.conflicting[id.index()] = true;
                for placement in placements.entries() {
                    found.pods[placement.row.index()] += placement.pods;
                }
            }
        }
        found
    }

    fn in_use(&self, node: NodeView<'_>) -> bool {
        let conflicting = |pod: &&PodRow| self.conflicting[node.cluster.pods().entry(**pod).class.index()];
        let added = node.added().iter().filter(conflicting).count();
        let removed = node.removed().iter().filter(conflicting).count();
        self.pods[node.row.index()] as usize + added > removed
    }
}

impl InUseFilter<'_> {
    /// How often a pod names one of the single-pod claims.
    fn references(&self, pod: PodRow) -> i64 {
        claim_names(&self.cluster.pods().entry(pod).pod.spec)
            .filter(|name| self.single.contains(name))
            .count() as i64
    }
}

impl Filter for InUseFilter<'_> {
    fn hints(&self) -> FilterHints<'_> {
        FilterHints { never_errs: true, ..FilterHints::default() }
    }

    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        if self.disks.as_ref().is_some_and(|disks| disks.in_use(node)) {
            return Some(Rejection::unschedulable(DISK_IN_USE));
        }
        let references = |pods: &[PodRow]| pods.iter().map(|&pod| self.references(pod)).sum::<i64>();
        let in_use = self.single_in_use + references(node.added()) - references(node.removed());
        (in_use > 0).then(|| Rejection::unschedulable(CLAIM_IN_USE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter, state};
    use crate::plugin::view::Delta;
    use crate::storage_fixture::{claim_volume, disk_volume};
    use berth_model::pod::PodSpec;
    use expect_test::expect;

    fn gce(name: &str, read_only: bool) -> Disk {
        Disk::GcePersistentDisk { name: name.into(), read_only }
    }

    fn ebs(id: &str) -> Disk {
        Disk::AwsElasticBlockStore { id: id.into() }
    }

    fn iscsi(iqn: &str, read_only: bool) -> Disk {
        Disk::Iscsi { iqn: iqn.into(), read_only }
    }

    fn rbd(monitors: &[&str], pool: &str, image: &str, read_only: bool) -> Disk {
        let monitors = monitors.iter().map(|m| (*m).into()).collect();
        Disk::Rbd { monitors, pool: pool.into(), image: image.into(), read_only }
    }

    #[test]
    fn two_pods_share_a_disk_only_where_its_kind_allows_it() {
        let cinder = Disk::Cinder { id: "a".into() };
        let cases = [
            ("another GCE disk", gce("a", false), gce("b", false), false),
            ("the same GCE disk", gce("a", false), gce("a", false), true),
            ("one of them writes", gce("a", true), gce("a", false), true),
            ("a GCE disk for reading", gce("a", true), gce("a", true), false),
            ("another EBS disk", ebs("a"), ebs("b"), false),
            ("the same EBS disk", ebs("a"), ebs("a"), true),
            ("another iSCSI target", iscsi("a", false), iscsi("b", false), false),
            ("the same iSCSI target", iscsi("a", true), iscsi("a", false), true),
            ("an iSCSI target for reading", iscsi("a", true), iscsi("a", true), false),
            ("one monitor in common", rbd(&["a", "b"], "p", "i", false), rbd(&["b"], "p", "i", true), true),
            ("no monitor in common", rbd(&["a"], "p", "i", false), rbd(&["b"], "p", "i", false), false),
            ("another pool", rbd(&["a"], "p", "i", false), rbd(&["a"], "q", "i", false), false),
            ("another image", rbd(&["a"], "p", "i", false), rbd(&["a"], "p", "j", false), false),
            ("an RBD image for reading", rbd(&["a"], "p", "i", true), rbd(&["a"], "p", "i", true), false),
            ("different kinds", gce("a", false), ebs("a"), false),
            ("a kind that is not watched", cinder.clone(), cinder, false),
        ];
        for (what, wanted, running, conflicts) in cases {
            let mut world = World::default();
            world.node("n1", |_| {});
            world.pod("running", |pod, spec| {
                pod.node = Some("n1".into());
                spec.volumes.push(disk_volume("d", running));
            });
            let pod = world.pod("p", |_, spec| spec.volumes.push(disk_volume("d", wanted)));
            let answer = filter(&VolumeRestrictions, &world, pod);
            let in_use = answer == "n1: Unschedulable: node(s) had no available disk\n";
            assert_eq!(in_use, conflicts, "{what}: {answer}");
        }
    }

    fn uses(claim: &'static str) -> impl FnOnce(&mut berth_model::pod::Pod, &mut PodSpec) {
        move |_, spec| spec.volumes.push(claim_volume("v", claim))
    }

    #[test]
    fn a_missing_claim_rejects_the_pod_for_good() {
        let mut world = World::default();
        world.node("n1", |_| {});
        let pod = world.pod("p", uses("data"));
        expect![[r#"
            pod: UnschedulableAndUnresolvable: persistentvolumeclaim "data" not found
        "#]]
        .assert_eq(&filter(&VolumeRestrictions, &world, pod));
    }

    #[test]
    fn a_claim_for_a_single_pod_is_free_when_its_pod_is_evicted() {
        let mut world = World::default();
        let n1 = world.node("n1", |_| {});
        let n2 = world.node("n2", |_| {});
        world.claim("data", |claim| claim.access_modes = vec![AccessMode::ReadWriteOncePod]);
        let pod = world.pod("p", uses("data"));
        expect!["every node fits\n"].assert_eq(&filter(&VolumeRestrictions, &world, pod));
        let elsewhere = world.pod("elsewhere", |pod, spec| {
            pod.node = Some("n1".into());
            spec.namespace = "other".into();
            spec.volumes.push(claim_volume("v", "data"));
        });
        expect!["every node fits\n"].assert_eq(&filter(&VolumeRestrictions, &world, pod));
        world.cluster.remove_pod(elsewhere);
        let running = world.pod("running", |pod, spec| {
            pod.node = Some("n1".into());
            spec.volumes.push(claim_volume("v", "data"));
        });
        expect![[r#"
            n1: Unschedulable: node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod
            n2: Unschedulable: node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod
        "#]]
        .assert_eq(&filter(&VolumeRestrictions, &world, pod));

        let cluster = &world.cluster;
        let state = state(&VolumeRestrictions, &world, pod);
        let mut evicted = Delta::default();
        evicted.remove(running, cluster);
        assert_eq!(state.check(NodeView::with_delta(cluster, n1, &evicted)), None);
        assert!(state.check(NodeView::new(cluster, n2)).is_some());
        evicted.add(running, cluster);
        assert!(state.check(NodeView::with_delta(cluster, n1, &evicted)).is_some());
    }

    #[test]
    fn a_disk_is_free_when_the_pods_that_have_it_are_evicted() {
        let mut world = World::default();
        let n1 = world.node("n1", |_| {});
        let pod = world.pod("p", |_, spec| spec.volumes.push(disk_volume("d", ebs("a"))));
        let running = world.pod("running", |pod, spec| {
            pod.node = Some("n1".into());
            spec.volumes.push(disk_volume("d", ebs("a")));
        });
        let nominated = world.pod("nominated", |_, spec| {
            spec.priority = 1;
            spec.volumes.push(disk_volume("d", ebs("a")));
        });
        let cluster = &world.cluster;
        let state = state(&VolumeRestrictions, &world, pod);
        let mut delta = Delta::default();
        delta.remove(running, cluster);
        assert_eq!(state.check(NodeView::with_delta(cluster, n1, &delta)), None);
        delta.add(nominated, cluster);
        assert!(state.check(NodeView::with_delta(cluster, n1, &delta)).is_some());
    }
}
