//! The status of a pod as its node's agent writes it: values, no JSON.

use crate::Millis;

/// `status.phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers have been started.
    Pending,
    /// Containers run, or are restarted.
    Running,
    /// All containers have ended with success.
    Succeeded,
    /// All containers have ended, not all with success.
    Failed,
}

impl Phase {
    /// The phase's name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Whether the pod has succeeded or failed.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// The status of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodStatus {
    /// `phase`.
    pub phase: Phase,
    /// `startTime`: when the agent saw the pod.
    pub started: Millis,
    /// The condition `Initialized`.
    pub is_initialized: bool,
    /// The conditions `Ready` and `ContainersReady`.
    pub is_ready: bool,
    /// `initContainerStatuses`, in the order of the spec.
    pub init_containers: Vec<ContainerStatus>,
    /// `containerStatuses`, in the order of the spec.
    pub containers: Vec<ContainerStatus>,
    /// `reason`, for example `DeadlineExceeded`.
    pub reason: Option<&'static str>,
}

/// `v1.ContainerStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    /// `state`.
    pub state: ContainerState,
    /// `lastState`, if the container has ended before.
    pub last: Option<Terminated>,
    /// `ready`.
    pub is_ready: bool,
    /// `restartCount`.
    pub restarts: u32,
}

/// `v1.ContainerState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// It does not run yet, or not again.
    Waiting {
        /// `ContainerCreating`, `PodInitializing` or `CrashLoopBackOff`.
        reason: &'static str,
    },
    /// It runs.
    Running {
        /// `startedAt`.
        since: Millis,
    },
    /// It has ended.
    Terminated(Terminated),
}

/// `v1.ContainerStateTerminated`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminated {
    /// `exitCode`.
    pub exit_code: u8,
    /// `startedAt`.
    pub started: Millis,
    /// `finishedAt`.
    pub finished: Millis,
}

impl Terminated {
    /// `reason`.
    pub fn reason(self) -> &'static str {
        if self.exit_code == 0 { "Completed" } else { "Error" }
    }
}
