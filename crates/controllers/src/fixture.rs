//! Pods for tests.

use crate::pod::{Phase, PodState};

/// A ready pod on a node. Its number is the one in its name, or 0.
pub(crate) fn running(name: &str, node: u32) -> PodState {
    PodState {
        id: name.parse().unwrap_or(0),
        name: name.into(),
        node: Some(node),
        phase: Phase::Running,
        ready: true,
        ..PodState::default()
    }
}
