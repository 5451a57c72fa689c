//! A Job in a rollout: it gets another number of pods at once, or is suspended.

use std::ops::RangeInclusive;

use berth_model::UnixSeconds;

use crate::change::PodChange;
use crate::job::{View, reconcile};
use crate::pod::PodState;

/// A Job whose pods change.
#[derive(Clone, Debug)]
pub struct Job {
    /// `spec.parallelism`.
    pub parallelism: i32,
    /// `spec.completions`.
    pub completions: Option<i32>,
    /// `spec.completionMode: Indexed`.
    pub indexed: bool,
    /// `spec.suspend`.
    pub suspended: bool,
    /// `spec.podReplacementPolicy: TerminatingOrFailed`.
    pub replaces_terminating: bool,
    /// How many pods have succeeded.
    pub succeeded: i32,
    /// Indexes that have succeeded or failed, in ascending order.
    pub ended: Vec<RangeInclusive<i32>>,
}

impl Job {
    /// What its controller does about these pods.
    pub fn pod_changes(&self, pods: &[PodState], now: UnixSeconds) -> Vec<PodChange> {
        let view = View {
            parallelism: self.parallelism,
            completions: self.completions,
            indexed: self.indexed,
            suspended: self.suspended,
            finished: false,
            replaces_terminating: self.replaces_terminating,
            succeeded: self.succeeded,
            ended: &self.ended,
            pods,
        };
        reconcile(&view, now)
    }

    /// How many pods are to run at once. A Job without a number of completions that has a success makes no more pods.
    pub(super) fn wanted(&self, active: i32) -> i32 {
        match self.completions {
            _ if self.suspended => 0,
            Some(completions) => (completions - self.succeeded).clamp(0, self.parallelism.max(0)),
            None if self.succeeded > 0 => active,
            None => self.parallelism,
        }
    }
}
