//! What VolumeAttachments say is attached to each node.

use std::collections::BTreeMap;

use berth_model::Str;
use rustc_hash::FxHashMap;

use super::volume_numbers::Attached;

/// All attachments whose volumes are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Attachments {
    /// By the attachment's name: the node and the volume that it counts for.
    known: FxHashMap<Str, (Str, Attached)>,
    /// By node name: volumes, sorted, with the number of attachments.
    by_node: BTreeMap<Str, Vec<(Attached, u32)>>,
    /// How many nodes have how many volumes; none where that is nothing.
    sizes: BTreeMap<usize, u32>,
}

impl Attachments {
    /// The volumes that are attached to a node, each once, sorted.
    pub(super) fn of(&self, node: &str) -> impl Iterator<Item = Attached> {
        self.by_node.get(node).into_iter().flatten().map(|&(volume, _)| volume)
    }

    /// How many volumes any node has at most.
    pub(super) fn most(&self) -> usize {
        self.sizes.last_key_value().map_or(0, |(&size, _)| size)
    }

    /// Counts a node with this many volumes in, or out.
    fn count(&mut self, size: usize, is_in: bool) {
        if size == 0 {
            return;
        }
        let nodes = self.sizes.entry(size).or_default();
        *nodes = if is_in { *nodes + 1 } else { *nodes - 1 };
        if *nodes == 0 {
            self.sizes.remove(&size);
        }
    }

    /// Sets what an attachment counts for; `None`: nothing any more. Returns the volume that it counted for before.
    pub(super) fn set(&mut self, name: &Str, now: Option<(Str, Attached)>) -> Option<Attached> {
        let before = match &now {
            Some(now) => self.known.insert(name.clone(), now.clone()),
            None => self.known.remove(name),
        };
        let released = before.as_ref().map(|&(_, volume)| volume);
        if before == now {
            return released;
        }
        if let Some((node, volume)) = before
            && let Some(list) = self.by_node.get_mut(&node)
            && let Ok(at) = list.binary_search_by_key(&volume, |&(v, _)| v)
        {
            let before = list.len();
            list[at].1 -= 1;
            if list[at].1 == 0 {
                list.remove(at);
            }
            let now = list.len();
            if list.is_empty() {
                self.by_node.remove(&node);
            }
            self.count(before, false);
            self.count(now, true);
        }
        if let Some((node, volume)) = now {
            let list = self.by_node.entry(node).or_default();
            let before = list.len();
            match list.binary_search_by_key(&volume, |&(v, _)| v) {
                Ok(at) => list[at].1 += 1,
                Err(at) => list.insert(at, (volume, 1)),
            }
            let now = list.len();
            self.count(before, false);
            self.count(now, true);
        }
        released
    }
}
