//! The change log: what happened to which row, so that caches repair themselves instead of being rebuilt.

use crate::ids::{NodeRow, PodClassId, Sym};

/// One change of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A node came, in this row.
    NodeAdded(NodeRow),
    /// A node left this row.
    NodeRemoved(NodeRow),
    /// A node's own facts changed: labels, taints, allocatable, images, cordoning.
    NodeChanged(NodeRow),
    /// A pod came to a node, left it, or started to terminate there.
    Pod(PodChange),
    /// A pod's nomination to the node came or went.
    Nominated(NodeRow),
    /// A service or controller of the namespace came, changed or went.
    Owners(Sym),
    /// Measured load changed: of this node, or the time against which all measurements are fresh or stale. Only plugins
    /// that read measured load look at it.
    Load(Option<NodeRow>),
    /// Storage changed: claims, volumes, classes, CSI objects. Only pods with volumes look at it.
    Storage,
    /// Devices changed: classes, slices, taint rules, claims. Only pods with claims on devices or extended resources
    /// look at them.
    Devices(DeviceScope),
    /// Something else that any decision may depend on changed: namespaces, which ids are classes.
    Elsewhere,
}

/// On which nodes the devices that can be allocated may be others now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceScope {
    /// On none: claims have changed, and none of them got or lost a device.
    NoDevice,
    /// On this node: only it sees the devices.
    OfNode(NodeRow),
    /// On any: a class, a taint rule, or devices that several nodes see have changed.
    All,
}

/// What a pod's coming or going changes in the counts of its class on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodChange {
    /// The node.
    pub row: NodeRow,
    /// The pod's class.
    pub class: PodClassId,
    /// Added to the number of pods: -1, 0 or 1.
    pub pods: i8,
    /// Added to the number of those that are terminating: -1, 0 or 1.
    pub terminating: i8,
}

impl Change {
    /// Whether any answer may be different now. States that are cached are stale, whatever they look at.
    pub fn invalidates_all(self) -> bool {
        self == Self::Elsewhere
    }

    /// The node whose answers may be different now. None for measured load: a state that reads it is prepared again.
    pub fn row(self) -> Option<NodeRow> {
        match self {
            Self::Pod(PodChange { row, .. })
            | Self::Nominated(row)
            | Self::NodeAdded(row)
            | Self::NodeRemoved(row)
            | Self::NodeChanged(row) => Some(row),
            Self::Owners(_) | Self::Load(_) | Self::Storage | Self::Devices(_) | Self::Elsewhere => None,
        }
    }

    /// Whether a node's own facts may be different now. A state that looks at pods, owners, storage, devices or
    /// measured load must check for those changes itself.
    pub fn invalidates_nodes(self) -> bool {
        match self {
            Self::Pod(_)
            | Self::Nominated(_)
            | Self::Owners(_)
            | Self::Load(_)
            | Self::Storage
            | Self::Devices(_) => false,
            Self::NodeAdded(_) | Self::NodeRemoved(_) | Self::NodeChanged(_) | Self::Elsewhere => true,
        }
    }
}

/// Changes by sequence number. Old entries are dropped; a reader that is behind the oldest one rebuilds.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    first: u64,
    entries: Vec<Change>,
    /// How many changes there were of measured load.
    of_load: u64,
}

/// How many entries are kept at least. A cache that is further behind rebuilds for less than it would repair.
const KEPT: usize = 1 << 16;

impl ChangeLog {
    /// The number that the next change will have.
    pub fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// How many changes there were that caches have to follow node by node: all but those of measured load.
    pub fn to_follow(&self) -> u64 {
        self.next() - self.of_load
    }

    /// The changes from number `since` on, or `None` where they are no longer known.
    pub fn since(&self, since: u64) -> Option<&[Change]> {
        let skip = since.checked_sub(self.first)?;
        self.entries.get(usize::try_from(skip).ok()?..)
    }

    pub(crate) fn push(&mut self, change: Change) {
        if self.entries.len() >= 2 * KEPT {
            self.entries.drain(..KEPT);
            self.first += KEPT as u64;
        }
        self.of_load += u64::from(matches!(change, Change::Load(_)));
        self.entries.push(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_what_it_has_not_seen_or_learns_that_it_is_too_late() {
        let mut log = ChangeLog::default();
        for row in 0..3 * KEPT as u32 {
            log.push(Change::NodeAdded(NodeRow(row)));
        }
        let last = log.next() - 1;
        assert_eq!(log.since(last), Some(&[Change::NodeAdded(NodeRow(3 * KEPT as u32 - 1))][..]));
        assert_eq!(log.since(log.next()), Some(&[][..]));
        assert_eq!(log.since(0), None);
    }
}
