//! Volumes of bound claims: from where they can be reached.

use berth_model::volume::{Claim, Disk, Volume, VolumeSource};

use crate::cluster::Cluster;
use crate::cluster::storage::csi_migration::{self, Migration};
use crate::cluster::storage::topology::NodeMatcher;
use crate::ids::NodeRow;
use crate::verdict::{Code, Rejection};

/// The volumes of bound claims, in the order of the claims.
pub(super) struct BoundVolumes<'a> {
    volumes: Vec<BoundVolume>,
    cluster: &'a Cluster,
}

enum BoundVolume {
    /// The claim is bound to a volume that is not there.
    Missing,
    /// The volume is reached from these nodes.
    Reached(NodeMatcher),
    /// A disk of an in-tree plugin, which nodes see differently.
    Disk {
        plain: NodeMatcher,
        /// As the driver sees it.
        translated: Result<NodeMatcher, Rejection>,
        /// By row: whether the plugin is migrated to the driver on the node.
        migrated: Vec<bool>,
    },
}

/// What is wrong with a node.
pub(super) enum Unreachable {
    /// A volume is not reached from it.
    Conflict,
    /// A volume is not there at all.
    Missing,
    /// The question has no answer.
    Error(Rejection),
}

impl<'a> BoundVolumes<'a> {
    pub(super) fn new(claims: &[&Claim], cluster: &'a Cluster) -> Self {
        let mut volumes: Vec<_> = claims.iter().map(|claim| BoundVolume::of(claim, cluster)).collect();
        volumes.retain(|v| !matches!(v, BoundVolume::Reached(reach) if reach.is_everywhere()));
        Self { volumes, cluster }
    }

    /// Whether all volumes are reached from every node.
    pub(super) fn are_everywhere(&self) -> bool {
        self.volumes.is_empty()
    }

    /// Whether there is a volume about which a node may have no answer.
    pub(super) fn may_err(&self) -> bool {
        self.volumes.iter().any(|v| matches!(v, BoundVolume::Disk { translated: Err(_), .. }))
    }

    /// Upstream stops at the first volume that is amiss.
    pub(super) fn check(&self, row: NodeRow) -> Result<(), Unreachable> {
        self.volumes.iter().try_for_each(|volume| volume.check(row, self.cluster))
    }
}

impl BoundVolume {
    fn of(claim: &Claim, cluster: &Cluster) -> Self {
        let Some(volume) = claim.volume.as_ref().and_then(|name| cluster.storage().volumes.get(name)) else {
            return Self::Missing;
        };
        match &volume.source {
            VolumeSource::Disk(disk) if let Some(migration) = Migration::of(disk) => {
                let (plain, translated) = (reach(volume, cluster), translated(volume, disk, cluster));
                if plain.is_everywhere() && translated.as_ref().is_ok_and(NodeMatcher::is_everywhere) {
                    return Self::Reached(plain);
                }
                let migrated = migrated_nodes(migration.plugin, cluster);
                Self::Disk { plain, translated, migrated }
            }
            _ => Self::Reached(reach(volume, cluster)),
        }
    }

    fn check(&self, row: NodeRow, cluster: &Cluster) -> Result<(), Unreachable> {
        let reach = match self {
            Self::Missing => return Err(Unreachable::Missing),
            Self::Disk { translated, migrated, .. } if migrated[row.index()] => {
                translated.as_ref().map_err(|error| Unreachable::Error(error.clone()))?
            }
            Self::Reached(reach) | Self::Disk { plain: reach, .. } => reach,
        };
        if reach.includes(row, cluster) { Ok(()) } else { Err(Unreachable::Conflict) }
    }
}

/// From where a volume is reached, by its own node affinity.
pub(super) fn reach(volume: &Volume, cluster: &Cluster) -> NodeMatcher {
    volume.node_affinity.as_ref().map_or(NodeMatcher::everywhere(), |a| NodeMatcher::of_affinity(a, cluster))
}

fn translated(volume: &Volume, disk: &Disk, cluster: &Cluster) -> Result<NodeMatcher, Rejection> {
    let affinity = csi_migration::node_affinity(volume, disk)
        .map_err(|why| Rejection::new(Code::Error, format!("could not translate pv: {why}").into()))?;
    Ok(affinity.map_or(NodeMatcher::everywhere(), |a| NodeMatcher::of_affinity(&a, cluster)))
}

fn migrated_nodes(plugin: &str, cluster: &Cluster) -> Vec<bool> {
    let mut migrated = vec![false; cluster.nodes().row_count()];
    for csi_node in cluster.storage().csi_nodes.values() {
        if csi_node.migrated_plugins.iter().any(|p| &**p == plugin)
            && let Some(row) = cluster.nodes().find(&csi_node.node)
        {
            migrated[row.index()] = true;
        }
    }
    migrated
}
