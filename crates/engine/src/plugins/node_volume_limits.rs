//! Keeps pods off nodes that cannot attach as many volumes of a CSI driver, or that lack a driver that must be there.
//!
//! - **Filter**: per driver, the distinct volumes of the pods on the node, those that are attached for no pod, and the
//!   pod's own must not exceed the driver's limit on the node. A claim that is not bound yet counts for the provisioner
//!   of its class. A driver with `preventPodSchedulingIfMissing` must run on the node. Eviction may help.
//! - **Depends on** the cluster: the pod's claims, their volumes, and the volumes of the pods on a node.
//! - **Unblocked by** a pod that leaves, an attachment that ends, a limit that rises, or the missing claim.
//! - **Upstream**: plugins/nodevolumelimits. Where several drivers are missing on a node, the first by name is named
//!   (upstream: by chance). No other known difference.
//! - **Cost**: nothing for pods without claims and disks; else the pods on each node that has limits.

mod attachable;
mod usage;

use berth_model::Str;
use berth_model::pod::PodSpec;
use berth_model::volume::{CsiNode, PodVolumeSource};
use smallvec::SmallVec;

use crate::class::Class;
use crate::csi_migration::Migration;
use crate::plugin::{Depends, Filter, Plugin, Prepared};
use crate::verdict::{Code, Reason, Rejection};
use crate::view::{NodeView, PodView};

use attachable::{Attachable, CsiNodePresence, attachables_of_new_pod};
use usage::Usage;

/// The plugin's name in configurations.
pub const NAME: &str = "NodeVolumeLimits";

const REASON: &str = "node(s) exceed max volume count";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeVolumeLimits;

struct Limits<'a> {
    with_csi_node: Result<Asks<'a>, Rejection>,
    without_csi_node: Result<Asks<'a>, Rejection>,
    usage: Usage<'a>,
}

/// The volumes that the pod needs attached.
struct Asks<'a> {
    /// Distinct ones, by the number that [`Usage`] gave them.
    volumes: SmallVec<[Attached; 2]>,
    /// Drivers that must run on the node, and what is said where one does not; sorted by name.
    required: Vec<(&'a str, Rejection)>,
}

/// A volume of a driver, numbered for the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attached {
    driver: u32,
    volume: u32,
}

impl Plugin for NodeVolumeLimits {
    fn name(&self) -> &'static str {
        NAME
    }

    fn filter_depends(&self, class: &Class) -> Depends {
        // A pod without volumes is never concerned.
        if class.spec.volumes.is_empty() { Depends::NodeFacts } else { Depends::Cluster }
    }

    fn prepare_filter<'a>(&'a self, pod: PodView<'a>) -> Prepared<'a> {
        if !has_attachable(&pod.class.spec) {
            return Prepared::Nothing;
        }
        let mut usage = Usage::new(pod.cluster);
        let [without_csi_node, with_csi_node] = [CsiNodePresence::Absent, CsiNodePresence::Present]
            .map(|csi_node| Asks::of(pod, csi_node, &mut usage));
        let nothing = |asks: &Result<Asks<'_>, _>| asks.as_ref().is_ok_and(|a| a.volumes.is_empty());
        if nothing(&with_csi_node) && nothing(&without_csi_node) {
            return Prepared::Nothing;
        }
        Prepared::Ready(Box::new(Limits { with_csi_node, without_csi_node, usage }))
    }
}

fn has_attachable(spec: &PodSpec) -> bool {
    spec.volumes.iter().any(|volume| match &volume.source {
        PodVolumeSource::Claim { .. } | PodVolumeSource::Ephemeral => true,
        PodVolumeSource::Disk(disk) => Migration::of(disk).is_some(),
        _ => false,
    })
}

impl<'a> Asks<'a> {
    fn of(pod: PodView<'a>, csi_node: CsiNodePresence, usage: &mut Usage<'a>) -> Result<Self, Rejection> {
        let found = attachables_of_new_pod(&pod.entry().pod, pod.cluster.storage(), csi_node)?;
        let mut required: Vec<_> = found.iter().filter_map(|a| required(pod, a)).collect();
        required.sort_by_key(|(name, _)| *name);
        let mut volumes: SmallVec<_> = found.into_iter().map(|a| usage.number_new(a)).collect();
        volumes.sort_unstable();
        volumes.dedup();
        Ok(Self { volumes, required })
    }
}

fn required<'a>(pod: PodView<'a>, volume: &Attachable) -> Option<(&'a str, Rejection)> {
    let driver = pod.cluster.storage().csi_drivers.get(&volume.driver).filter(|d| d.required_on_node)?;
    let text = format!("{} CSI driver is not installed on the node", driver.name);
    Some((&driver.name, Rejection::new(Code::Unschedulable, Reason::from(text))))
}

impl Filter for Limits<'_> {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let csi_node = node.cluster.storage().csi_nodes.get(node.name());
        let asks = if csi_node.is_some() { &self.with_csi_node } else { &self.without_csi_node };
        let asks = match asks {
            Err(rejection) => return Some(rejection.clone()),
            Ok(asks) if asks.volumes.is_empty() => return None,
            Ok(asks) => asks,
        };
        let runs = |driver: &str| csi_node.is_some_and(|n| n.drivers.iter().any(|d| &*d.name == driver));
        if let Some((_, missing)) = asks.required.iter().find(|(driver, _)| !runs(driver)) {
            return Some(missing.clone());
        }
        let csi_node = csi_node.filter(|n| n.drivers.iter().any(|d| d.limit.is_some()))?;
        self.exceeded(asks, csi_node, node)
    }
}

impl Limits<'_> {
    fn exceeded(&self, asks: &Asks<'_>, csi_node: &CsiNode, node: NodeView<'_>) -> Option<Rejection> {
        let used = match self.usage.of_pods(node) {
            Err(rejection) => return Some(rejection),
            Ok(used) => used,
        };
        let attached = self.usage.attached(node.row);
        let over = self.usage.drivers().any(|(id, driver): (u32, &Str)| {
            let limit = csi_node.drivers.iter().rev().filter(|d| d.name == *driver).find_map(|d| d.limit);
            let Some(limit) = limit else { return false };
            let of_driver = |list: &[Attached], counts: &dyn Fn(&Attached) -> bool| {
                list.iter().filter(|a| a.driver == id && counts(a)).count()
            };
            let unused = |a: &Attached| used.binary_search(a).is_err();
            let new = of_driver(&asks.volumes, &unused);
            let there = of_driver(&used, &|_| true) + of_driver(attached, &unused);
            new > 0 && (there + new) as i64 > limit
        });
        over.then(|| Rejection::unschedulable(REASON))
    }
}

#[cfg(test)]
mod tests;
