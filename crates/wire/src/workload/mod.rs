//! Objects that stand for groups of pods: controllers with a pod template, services, disruption budgets.

mod budget;
mod controller;
mod job;
mod progress;
mod rollout;
mod service;

use berth_model::labels::Labels;
use berth_model::pod::Controller;
use berth_model::selector::LabelSelector;
use berth_model::volume::Claim;
use berth_model::{Str, UnixSeconds};

use crate::pod::PodTemplate;

pub(crate) use budget::BudgetWire;
pub(crate) use controller::{ControllerWire, ReplicationControllerWire};
pub(crate) use job::{CronJobWire, JobWire};
pub(crate) use service::ServiceWire;

pub use progress::JobProgress;
pub use rollout::{Rollout, Share};

/// The kinds of controllers that make pods from a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// `apps/v1.Deployment`.
    Deployment,
    /// `apps/v1.ReplicaSet`.
    ReplicaSet,
    /// `v1.ReplicationController`.
    ReplicationController,
    /// `apps/v1.StatefulSet`.
    StatefulSet,
    /// `apps/v1.DaemonSet`.
    DaemonSet,
    /// `batch/v1.Job`.
    Job,
    /// `batch/v1.CronJob`.
    CronJob,
}

impl WorkloadKind {
    /// The kind's name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }

    /// The API group and version of the kind.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::ReplicationController => "v1",
            Self::Job | Self::CronJob => "batch/v1",
            _ => "apps/v1",
        }
    }
}

/// A controller and the pods that it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What it is.
    pub kind: WorkloadKind,
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `metadata.uid`, empty where the source has none.
    pub uid: Str,
    /// `metadata.labels`.
    pub labels: Labels,
    /// `metadata.creationTimestamp`.
    pub created: Option<UnixSeconds>,
    /// The controller that owns this one, as a Deployment owns its ReplicaSets.
    pub controller: Option<Controller>,
    /// `metadata.deletionTimestamp` is set: it makes no more pods.
    pub terminating: bool,
    /// `spec.selector`.
    pub selector: Option<LabelSelector>,
    /// `spec.template`, or that of the job template.
    pub template: PodTemplate,
    /// How many pods it wants.
    pub count: PodCount,
    /// `spec.volumeClaimTemplates` of a StatefulSet: each pod gets one claim from each.
    pub claim_templates: Vec<Claim>,
    /// `spec.strategy` of a Deployment.
    pub rollout: Rollout,
    /// `spec.paused` of a Deployment: it makes no new ReplicaSet.
    pub paused: bool,
    /// The revision of a Deployment's ReplicaSet (annotation `deployment.kubernetes.io/revision`).
    pub revision: Option<i64>,
    /// How far a job has come.
    pub progress: JobProgress,
}

/// How many pods a controller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodCount {
    /// So many at all times, numbered from `first` in a StatefulSet.
    Replicas {
        /// `spec.replicas`.
        count: i32,
        /// `spec.ordinals.start`.
        first: i32,
    },
    /// One a node that takes it.
    PerNode,
    /// Those of a job.
    Job {
        /// `spec.parallelism`: how many run at once.
        parallelism: i32,
        /// `spec.completions`: how many must succeed; `None`: one success is enough.
        completions: Option<i32>,
        /// `spec.completionMode: Indexed`.
        indexed: bool,
        /// `spec.suspend`: it makes no pods now.
        suspended: bool,
        /// The job is complete or has failed.
        finished: bool,
        /// `spec.podReplacementPolicy: TerminatingOrFailed`: a pod that is going away is replaced at once.
        replaces_terminating: bool,
        /// `spec.manualSelector`: the API server adds neither selector nor labels.
        manual_selector: bool,
    },
}
