//! One container of a pod on its node, and the backoff of its restarts.

use super::status::{ContainerState, ContainerStatus, Terminated};
use crate::Millis;

/// The backoff after the first restart (`initialCrashLoopBackOff`).
const INITIAL_BACKOFF: Millis = 10_000;
/// The longest backoff (`MaxContainerBackOff`).
const MAX_BACKOFF: Millis = 300_000;

/// What a container does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It has not been started yet.
    #[default]
    Waiting,
    /// It runs.
    Running {
        since: Millis,
        /// When it ends by itself, and with which code.
        ends: Option<(Millis, u8)>,
        /// When it becomes ready; `None` if it is ready, or never will be.
        ready_at: Option<Millis>,
        is_ready: bool,
    },
    /// It has ended and is restarted.
    BackingOff { until: Millis },
    /// It has ended and is not restarted.
    Ended,
}

/// A container of a pod on its node.
#[derive(Clone, Debug, Default)]
pub(super) struct Container {
    pub(super) state: State,
    /// How often it was restarted.
    pub(super) restarts: u32,
    /// How it ended last.
    last: Option<Terminated>,
    /// How it ended before that.
    before: Option<Terminated>,
    /// The backoff, and when it was last made longer.
    backoff: Option<(Millis, Millis)>,
}

impl Container {
    /// When something happens next.
    pub(super) fn next_wake(&self) -> Option<Millis> {
        match self.state {
            State::Running { ends, ready_at, .. } => ends.map(|(at, _)| at).into_iter().chain(ready_at).min(),
            State::BackingOff { until } => Some(until),
            State::Waiting | State::Ended => None,
        }
    }

    pub(super) fn start(&mut self, now: Millis, ends: Option<(Millis, u8)>, ready_at: Option<Millis>) {
        let is_ready = ready_at.is_some_and(|at| at <= now);
        let ready_at = ready_at.filter(|at| *at > now);
        self.before = self.last;
        self.state = State::Running { since: now, ends, ready_at, is_ready };
    }

    pub(super) fn set_ready(&mut self) {
        if let State::Running { ready_at, is_ready, .. } = &mut self.state {
            *ready_at = None;
            *is_ready = true;
        }
    }

    pub(super) fn terminate(&mut self, exit_code: u8, finished: Millis) {
        if let State::Running { since, .. } = self.state {
            self.last = Some(Terminated { exit_code, started: since, finished });
        }
        self.state = State::Ended;
    }

    /// Decides when a container that has ended is restarted. The first restart is immediate, each one after it waits
    /// twice as long as the one before; a container that ran for twice the longest backoff starts over.
    ///
    /// Upstream: `doBackOff`, client-go `util/flowcontrol/backoff.go` (`Next`, `hasExpired`).
    pub(super) fn back_off(&mut self, now: Millis) -> Millis {
        let known = self.backoff.filter(|(_, updated)| now.saturating_sub(*updated) <= 2 * MAX_BACKOFF);
        let until = now + known.map_or(0, |(delay, _)| delay);
        let next = known.map_or(INITIAL_BACKOFF, |(delay, _)| (2 * delay).min(MAX_BACKOFF));
        self.backoff = Some((next, until));
        self.state = State::BackingOff { until };
        until
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Running { is_ready: true, .. })
    }

    /// With which code it ended last, if it does not run.
    pub(super) fn exit_code(&self) -> Option<u8> {
        self.last.filter(|_| !matches!(self.state, State::Running { .. })).map(|last| last.exit_code)
    }

    /// What the status says; `waiting` is the reason of a container that has not started.
    pub(super) fn status(&self, waiting: &'static str) -> ContainerStatus {
        let (state, last) = match self.state {
            State::Waiting => (ContainerState::Waiting { reason: waiting }, None),
            State::Running { since, .. } => (ContainerState::Running { since }, self.before),
            State::BackingOff { .. } => (ContainerState::Waiting { reason: "CrashLoopBackOff" }, self.last),
            State::Ended => match self.last {
                Some(last) => (ContainerState::Terminated(last), self.before),
                None => (ContainerState::Waiting { reason: waiting }, None),
            },
        };
        ContainerStatus { state, last, is_ready: self.is_ready(), restarts: self.restarts }
    }
}
