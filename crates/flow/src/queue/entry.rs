//! One pod of the queue.

use std::cmp::Reverse;

use berth_engine::ids::PodRow;

use super::{Group, Turn};

/// Where a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To be tried.
    Active,
    /// To be tried once its time has come.
    Backoff,
    /// To be tried once something may help.
    Waiting(Group),
    /// Held by a plugin that guards the queue.
    Gated,
    /// Being placed.
    InFlight,
}

impl Place {
    /// Upstream's word for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Active | Self::InFlight => "active",
            Self::Backoff => "backoff",
            Self::Waiting(_) => "unschedulable",
            Self::Gated => "gated",
        }
    }
}

/// What the queue knows of a pod.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) priority: i32,
    /// When it came, or failed last.
    pub(super) time: u64,
    pub(super) arrival: u64,
    pub(crate) place: Place,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// When it was tried first.
    pub(crate) first_attempt: Option<u64>,
    pub(super) rejections: u32,
    /// In a row.
    pub(super) errors: u32,
    /// The end of the backoff.
    pub(super) ready: u64,
    /// Whether the last failure was an error.
    pub(super) failed: bool,
}

impl Entry {
    pub(super) fn new(priority: i32, now: u64, arrival: u64) -> Self {
        Self {
            priority,
            time: now,
            arrival,
            place: Place::InFlight,
            attempts: 0,
            first_attempt: None,
            rejections: 0,
            errors: 0,
            ready: 0,
            failed: false,
        }
    }

    pub(super) fn turn(&self, pod: PodRow) -> Turn {
        (Reverse(self.priority), self.time, self.arrival, pod)
    }
}

/// How many pods are in which part of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// To be tried.
    pub active: usize,
    /// To be tried once their time has come.
    pub backoff: usize,
    /// To be tried once something may help.
    pub unschedulable: usize,
    /// Held back.
    pub gated: usize,
}
