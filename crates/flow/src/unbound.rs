//! The pods that are not bound, for those who ask where they are.

use berth_engine::ids::PodRow;
use berth_engine::name::PluginName;
use berth_model::Str;

use crate::action::PodRef;
use crate::flow::Flow;
use crate::track::{Stage, Track};

/// A pod that is not bound, as far as the API server told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbound<'a> {
    /// The pod.
    pub pod: &'a PodRef,
    /// An index of the profiles.
    pub profile: usize,
    /// The part of the queue as upstream's metrics name it; `extending` while extenders are asked, `binding` once it has
    /// a node.
    pub place: &'static str,
    /// Who rejected it, sorted; empty where it waits for something else.
    pub plugins: &'a [PluginName],
    /// How often it was tried.
    pub attempts: u32,
    /// The node that it is to be bound to.
    pub node: Option<&'a Str>,
}

impl Flow {
    /// The pods that are not bound, in the order of their rows.
    pub fn unbound(&self) -> impl Iterator<Item = Unbound<'_>> {
        self.tracks.on_their_way().map(|(row, track)| self.unbound_pod(row, track))
    }

    fn unbound_pod<'a>(&'a self, row: PodRow, track: &'a Track) -> Unbound<'a> {
        let entry = self.queue.entry(row);
        let (place, attempts, node) = match &track.stage {
            Stage::Binding(binding) => ("binding", binding.attempts, Some(&binding.node)),
            Stage::Extending(_) => ("extending", entry.map_or(0, |entry| entry.attempts), None),
            Stage::Queued => {
                let place = entry.map_or("", |entry| entry.place.name());
                (place, entry.map_or(0, |entry| entry.attempts), None)
            }
        };
        let plugins = self.queue.group(row).map_or(&[][..], |group| &group.plugins);
        Unbound { pod: &track.pod, profile: track.profile, place, plugins, attempts, node }
    }
}
