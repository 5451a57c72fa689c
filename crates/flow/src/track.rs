//! What the flow knows of each pod beside what the engine does.

use std::collections::BTreeSet;

use berth_engine::ids::PodRow;
use berth_model::Str;
use rustc_hash::FxHashMap;

use crate::action::PodRef;
use crate::extending::Extending;
use crate::status::Writing;
use crate::volumes::Part;

/// The pods by name, and what is special about those that are not bound yet.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    by_name: FxHashMap<(Str, Str), PodRow>,
    /// By row. Pods that are bound, as far as the API server told, have none.
    tracks: Vec<Option<Box<Track>>>,
    /// When to look at which pod again; outdated ones are harmless.
    timers: BTreeSet<(u64, PodRow)>,
    /// Pods whose volumes are being prepared; some may be past that.
    preparing: BTreeSet<PodRow>,
}

/// A pod on its way to a node.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) pod: PodRef,
    /// An index of the profiles.
    pub(crate) profile: usize,
    /// `metadata.generation`.
    pub(crate) generation: i64,
    /// What the API server holds as nominated node, as far as it was told, or written since.
    pub(crate) seen_nominated: Option<Str>,
    /// The nominated node in the last version of the pod that the watch told.
    pub(crate) watched_nominated: Option<Str>,
    /// Reason and message of its condition, as written last.
    pub(crate) condition: Option<(Str, Str)>,
    /// The status that is being written.
    pub(crate) writing: Option<Writing>,
    pub(crate) stage: Stage,
}

/// Where it is on its way.
#[derive(Debug)]
pub(crate) enum Stage {
    /// In the queue.
    Queued,
    /// Extenders are asked.
    Extending(Box<Extending>),
    /// On a node, as far as decisions go; the API server does not say so yet.
    Binding(Box<Binding>),
}

/// A pod that is put on a node.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) node: Str,
    /// What goes with it.
    pub(crate) parts: Vec<Part>,
    pub(crate) phase: Phase,
    /// When it was decided, in milliseconds.
    pub(crate) since: u64,
    /// When its volumes were ready, in milliseconds, if it waited for some.
    pub(crate) prepared: Option<u64>,
    /// Attempts and the time of the first one: the queue forgets the pod.
    pub(crate) attempts: u32,
    pub(crate) first_attempt: u64,
}

/// How far a binding is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Volumes are being prepared.
    Volumes {
        /// Requests that are not answered yet.
        open: usize,
        /// When to give up, in milliseconds.
        deadline: u64,
    },
    /// The binding is on its way.
    Sent {
        /// How often an answer did not come.
        lost: u32,
    },
    /// The answer did not come: it may be bound. To be sent again at this time.
    Lost {
        /// How often so far.
        lost: u32,
        /// In milliseconds.
        again: u64,
    },
    /// The API server took it; the watch has not told yet.
    Done,
    /// It is bound or gone, says the API server; the watch will tell which.
    Settled,
}

impl Tracks {
    /// The pod of this name.
    pub(crate) fn find(&self, namespace: &Str, name: &Str) -> Option<PodRow> {
        self.by_name.get(&(namespace.clone(), name.clone())).copied()
    }

    /// Takes a pod that the engine knows by this row.
    pub(crate) fn insert(&mut self, namespace: Str, name: Str, row: PodRow, track: Option<Track>) {
        if self.tracks.len() <= row.index() {
            self.tracks.resize_with(row.index() + 1, || None);
        }
        self.tracks[row.index()] = track.map(Box::new);
        self.by_name.insert((namespace, name), row);
    }

    /// Forgets a pod.
    pub(crate) fn remove(&mut self, namespace: &Str, name: &Str) -> Option<PodRow> {
        let row = self.by_name.remove(&(namespace.clone(), name.clone()))?;
        self.tracks[row.index()] = None;
        Some(row)
    }

    /// The pod is bound: nothing more is to be done for it.
    pub(crate) fn settle(&mut self, row: PodRow) -> Option<Box<Track>> {
        self.tracks.get_mut(row.index())?.take()
    }

    pub(crate) fn get(&self, row: PodRow) -> Option<&Track> {
        self.tracks.get(row.index())?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, row: PodRow) -> Option<&mut Track> {
        self.tracks.get_mut(row.index())?.as_deref_mut()
    }

    /// A pod is to be looked at again at this time, in milliseconds.
    pub(crate) fn set_timer(&mut self, at: u64, row: PodRow) {
        self.timers.insert((at, row));
    }

    /// The next time at which a pod is to be looked at.
    pub(crate) fn next_timer(&self) -> Option<u64> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A pod that is to be looked at by now.
    pub(crate) fn pop_timer(&mut self, now: u64) -> Option<PodRow> {
        let due = self.timers.first().copied().filter(|(at, _)| *at <= now)?;
        self.timers.remove(&due);
        Some(due.1)
    }

    /// A pod's volumes are being prepared.
    pub(crate) fn set_preparing(&mut self, row: PodRow) {
        self.preparing.insert(row);
    }

    /// The pods whose volumes are being prepared.
    pub(crate) fn preparing(&mut self) -> Vec<PodRow> {
        let tracks = &self.tracks;
        self.preparing.retain(|row| {
            let track = tracks.get(row.index()).and_then(Option::as_deref);
            track.is_some_and(Track::is_preparing)
        });
        self.preparing.iter().copied().collect()
    }

    /// Pods on their way, by row.
    pub(crate) fn on_their_way(&self) -> impl Iterator<Item = (PodRow, &Track)> {
        (0..).map(PodRow).zip(&self.tracks).filter_map(|(row, track)| Some((row, track.as_deref()?)))
    }
}
