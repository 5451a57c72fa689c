//! What a node lacks of the resources that a pod requests.

use berth_engine::cluster::Cluster;
use berth_engine::ids::{NodeRow, ResourceId};
use berth_engine::pod_class::PodClass;

use super::amount::{amount, noun};

/// A resource of which a node has too little left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shortage {
    pub(super) resource: ResourceId,
    /// What the pod requests.
    pub(super) need: i64,
    /// What the node offers in all.
    pub(super) offered: i64,
    /// What is left of that; below zero where the node is overcommitted.
    pub(super) free: i64,
}

impl Shortage {
    /// Of a resource on a node; `None` where enough is left.
    pub(super) fn of(
        cluster: &Cluster,
        class: &PodClass,
        row: NodeRow,
        resource: ResourceId,
    ) -> Option<Self> {
        let (nodes, need) = (cluster.nodes(), class.request(resource));
        let offered = nodes.allocatable(row, resource);
        let free = offered.saturating_sub(nodes.requested(row, resource));
        (need > 0 && need > free).then_some(Self { resource, need, offered, free })
    }

    /// How much is missing.
    pub(super) fn short(self) -> i64 {
        self.need.saturating_sub(self.free)
    }

    /// What is missing over what the pod requests, in thousandths: when the node is empty, and as it is.
    pub(super) fn permille(self) -> (i64, i64) {
        let share = |missing: i64| {
            let permille = i128::from(missing.max(0)) * 1000 / i128::from(self.need.max(1));
            i64::try_from(permille).unwrap_or(i64::MAX)
        };
        (share(self.need.saturating_sub(self.offered)), share(self.short()))
    }

    /// `300m CPU short (requested: 1300m, free: 1 of 4)`
    pub(super) fn words(self, cluster: &Cluster) -> String {
        let say = |value| amount(cluster, self.resource, value);
        let (noun, need) = (noun(cluster, self.resource), say(self.need));
        if self.offered == 0 {
            return format!("offers no {noun} (requested: {need})");
        }
        let (short, free, offered) = (say(self.short()), say(self.free), say(self.offered));
        format!("{short} {noun} short (requested: {need}, free: {free} of {offered})")
    }
}

/// What no node has enough of, even when it is empty, and the most that one offers.
pub(super) fn beyond_all_nodes(cluster: &Cluster, class: &PodClass) -> Vec<String> {
    let nodes = cluster.nodes();
    let requests = class.requests.iter().filter(|(_, need)| *need > 0);
    let beyond = requests.filter_map(|&(resource, need)| {
        let most = nodes.rows().map(|row| nodes.allocatable(row, resource)).max()?;
        let noun = noun(cluster, resource);
        (need > most).then(|| match most {
            0 => format!("No node offers {noun}"),
            most => format!(
                "No node offers more than {} {noun} (requested: {})",
                amount(cluster, resource, most),
                amount(cluster, resource, need)
            ),
        })
    });
    beyond.collect()
}
