//! Nodes that are equal to a class but for what their pods use, by their score by usage.

use super::rejection_counts::VerdictId;
use crate::ids::NodeRow;

/// Nodes of equal keys: raw scores that do not change with usage, and the topology domains or counts that filters and
/// scores look at.
#[derive(Debug)]
pub(super) struct Bucket {
    /// A filter that comes after those over domains rejects its nodes.
    pub(super) rejected: Option<VerdictId>,
    /// The lowest score first. No level is empty.
    levels: Vec<Level>,
    nodes: usize,
}

/// The nodes of a bucket that have one score by usage. They are equal to a class.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) score: i32,
    /// In no particular order.
    pub(super) rows: Vec<NodeRow>,
}

impl Bucket {
    pub(super) fn new(rejected: Option<VerdictId>) -> Self {
        Self { rejected, levels: Vec::new(), nodes: 0 }
    }

    /// A node comes in. Returns its place in its level, which it keeps until another node is removed.
    pub(super) fn insert(&mut self, score: i32, row: NodeRow) -> u32 {
        self.nodes += 1;
        let at = self.levels.partition_point(|level| level.score < score);
        match self.levels.get_mut(at) {
            Some(level) if level.score == score => {
                level.rows.push(row);
                (level.rows.len() - 1) as u32
            }
            _ => {
                self.levels.insert(at, Level { score, rows: vec![row] });
                0
            }
        }
    }

    /// The node at a place in the level of a score goes. Returns the node that is at the place now.
    pub(super) fn remove(&mut self, score: i32, place: u32) -> Option<NodeRow> {
        self.nodes -= 1;
        let at = self.levels.partition_point(|level| level.score < score);
        let rows = &mut self.levels[at].rows;
        rows.swap_remove(place as usize);
        let moved = rows.get(place as usize).copied();
        if rows.is_empty() {
            self.levels.remove(at);
        }
        moved
    }

    pub(super) fn len(&self) -> usize {
        self.nodes
    }

    /// The levels, the one with the highest score first.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().rev()
    }

    /// The nodes that have a score.
    pub(super) fn level(&self, score: i32) -> &[NodeRow] {
        let found = self.levels.binary_search_by_key(&score, |level| level.score);
        found.map_or(&[], |at| &self.levels[at].rows)
    }

    /// A node with the highest score among those that are accepted, and its score; `Err` if the search is given up.
    pub(super) fn find(
        &self,
        mut accept: impl FnMut(NodeRow) -> Option<bool>,
    ) -> Result<Option<(i32, NodeRow)>, ()> {
        for level in self.levels() {
            for &row in &level.rows {
                if accept(row).ok_or(())? {
                    return Ok(Some((level.score, row)));
                }
            }
        }
        Ok(None)
    }
}
