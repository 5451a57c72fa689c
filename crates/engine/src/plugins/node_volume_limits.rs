//! Keeps pods off nodes that cannot attach as many volumes of a CSI driver, or that lack a driver that must be there.
//!
//! - **Filter**: per driver, the distinct volumes of the pods on the node, those that are attached for no pod, and the
//!   pod's own must not exceed the driver's limit on the node. A claim that is not bound yet counts for the provisioner
//!   of its class. A driver with `preventPodSchedulingIfMissing` must run on the node. Eviction may help.
//! - **Depends on** the single pod: the pod's claims, their volumes, and the volumes of the pods on a node.
//! - **Unblocked by** a pod that leaves, an attachment that ends, drivers of a node that change, a new node, and
//!   another claim or volume of a pod on a node, where the node takes the pod then; the pod's own claims and their
//!   volumes; classes and drivers.
//! - **Upstream**: plugins/nodevolumelimits. Where several drivers are missing on a node, the first by name is named
//!   (upstream: by chance). No other known difference.
//! - **Cost**: nothing for pods without claims and disks; else a few look-ups a node in what is kept of attached
//!   volumes.

mod asks;
mod hint;

use std::sync::Arc;

use std::borrow::Cow;
use std::cell::OnceCell;

use berth_model::volume::CsiNode;

use crate::cluster::storage::attachable::{CsiNodePresence, has_attachables};
use crate::cluster::{AttachedVolumes, Cluster, NodeVolumes};
use crate::ids::NodeRow;
use crate::ids::name::PluginName;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{BatchFilter, Filter, FilterHints, Plugin, PreFilter, QueueingHint};
use crate::verdict::{Code, Rejection};

use asks::{Asks, DriverAsk, Numbering};

/// The plugin's name in configurations.
pub const NAME: &str = "NodeVolumeLimits";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreFilter, ExtensionPoint::Filter], || {
        Arc::new(NodeVolumeLimits)
    })
    .in_default_profile(0);

const REASON: &str = "node(s) exceed max volume count";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeVolumeLimits;

struct LimitFilter<'a> {
    cluster: &'a Cluster,
    with_csi_node: Result<Asks<'a>, Rejection>,
    without_csi_node: Result<Asks<'a>, Rejection>,
    attached: &'a AttachedVolumes,
    numbering: Numbering<'a>,
    /// By row, once many nodes are asked about.
    csi_nodes: OnceCell<Vec<Option<&'a CsiNode>>>,
}

impl Plugin for NodeVolumeLimits {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        if !has_attachables(&pod.class.spec) {
            return PreFilter::SKIP_CLASS;
        }
        let attached = pod.cluster.attached_volumes();
        let numbering = Numbering::new(attached.numbers());
        let [without_csi_node, with_csi_node] = [CsiNodePresence::Absent, CsiNodePresence::Present]
            .map(|csi_node| Asks::of(pod, csi_node, &numbering));
        let nothing = |asks: &Result<Asks<'_>, _>| asks.as_ref().is_ok_and(Asks::is_empty);
        if nothing(&with_csi_node) && nothing(&without_csi_node) {
            return PreFilter::Skip;
        }
        let (cluster, csi_nodes) = (pod.cluster, OnceCell::new());
        PreFilter::Run(Box::new(LimitFilter {
            cluster,
            with_csi_node,
            without_csi_node,
            attached,
            numbering,
            csi_nodes,
        }))
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(hint::may_help(self, pod, event))
    }
}

/// Both lists are in the order of names, so they are gone through side by side.
fn csi_nodes(cluster: &Cluster) -> Vec<Option<&CsiNode>> {
    let mut by_row = vec![None; cluster.nodes().row_count()];
    let mut csi_nodes = cluster.storage().csi_nodes.iter().peekable();
    for (name, row) in cluster.nodes().by_name() {
        while csi_nodes.next_if(|(csi_node, _)| *csi_node < name).is_some() {}
        if let Some((_, csi_node)) = csi_nodes.next_if(|(csi_node, _)| *csi_node == name) {
            by_row[row.index()] = Some(csi_node);
        }
    }
    by_row
}

impl Filter for LimitFilter<'_> {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let csi_node = match self.csi_nodes.get() {
            Some(by_row) => by_row[node.row.index()],
            None => self.cluster.storage().csi_nodes.get(node.name()),
        };
        let asks = if csi_node.is_some() { &self.with_csi_node } else { &self.without_csi_node };
        let asks = match asks {
            Err(rejection) => return Some(rejection.clone()),
            Ok(asks) if asks.is_empty() => return None,
            Ok(asks) => asks,
        };
        let runs = |driver: &str| csi_node.is_some_and(|n| n.drivers.iter().any(|d| &*d.name == driver));
        if let Some((_, missing)) = asks.required.iter().find(|(driver, _)| !runs(driver)) {
            return Some(missing.clone());
        }
        let csi_node = csi_node.filter(|n| n.drivers.iter().any(|d| d.limit.is_some()))?;
        let used = match self.used(node) {
            Err(rejection) => return Some(rejection),
            Ok(used) => used,
        };
        self.is_exceeded(asks, csi_node, &used, node.name()).then(|| Rejection::unschedulable(REASON))
    }

    fn hints(&self) -> FilterHints<'_> {
        let never_errs = !self.may_err();
        FilterHints {
            batch: Some(self),
            accepts_all: never_errs && self.accepts_all(),
            never_errs,
            ..FilterHints::default()
        }
    }
}

impl BatchFilter for LimitFilter<'_> {
    fn check_all(
        &self,
        cluster: &Cluster,
        rows: &[NodeRow],
        verdict: &mut dyn FnMut(NodeRow, Option<Rejection>),
    ) {
        self.csi_nodes.get_or_init(|| csi_nodes(self.cluster));
        for &row in rows {
            verdict(row, self.check(NodeView::new(cluster, row)));
        }
    }
}

impl<'a> LimitFilter<'a> {
    /// Whether no node comes near its limit with the pod.
    fn accepts_all(&self) -> bool {
        let elsewhere = self.attached.most_attachments();
        let has_room = |ask: &DriverAsk| {
            self.cluster.least_limit(&ask.name).is_none_or(|limit| {
                (self.attached.most(ask.driver) as usize + elsewhere + ask.volumes.len()) as i64 <= limit
            })
        };
        let have_room = |asks: &Result<Asks<'_>, _>| {
            asks.as_ref().is_ok_and(|asks| asks.required.is_empty() && asks.drivers.iter().all(has_room))
        };
        have_room(&self.with_csi_node) && have_room(&self.without_csi_node)
    }

    /// Whether the volumes of some pod cannot be found out.
    fn may_err(&self) -> bool {
        let fails = |asks: &Result<Asks<'_>, Rejection>| asks.as_ref().is_err_and(|r| r.code == Code::Error);
        self.attached.has_unresolved() || fails(&self.with_csi_node) || fails(&self.without_csi_node)
    }

    /// The volumes of the pods on a node.
    fn used(&self, node: NodeView<'_>) -> Result<Cow<'a, NodeVolumes>, Rejection> {
        let mut used = self.attached.node(node.row).map_or(Cow::Owned(NodeVolumes::default()), Cow::Borrowed);
        for found in node.removed().iter().filter_map(|&pod| self.attached.pod(pod)) {
            used.to_mut().remove(found);
        }
        for &pod in node.added() {
            used.to_mut().add(&self.numbering.of_pod(pod, node.cluster));
        }
        if used.has_unresolved() {
            // Upstream goes through the pods and stops at the first.
            let unresolved = node.pods().find_map(|pod| match self.attached.pod(pod) {
                Some(found) => found.as_ref().err().cloned(),
                None => self.numbering.of_pod(pod, node.cluster).err(),
            });
            unresolved.map_or(Ok(()), Err)?;
        }
        Ok(used)
    }

    fn is_exceeded(&self, asks: &Asks<'_>, csi_node: &CsiNode, used: &NodeVolumes, name: &str) -> bool {
        asks.drivers.iter().any(|ask| {
            let limit = csi_node.drivers.iter().rev().filter(|d| d.name == ask.name).find_map(|d| d.limit);
            let Some(limit) = limit else { return false };
            let new = ask.volumes.iter().filter(|volume| !used.contains(**volume)).count();
            if new == 0 {
                return false;
            }
            let attached = self.attached.attachments(name);
            let elsewhere = attached.filter(|v| v.driver == ask.driver && !used.contains(*v)).count();
            (used.count(ask.driver) as usize + elsewhere + new) as i64 > limit
        })
    }
}

#[cfg(test)]
mod tests;
