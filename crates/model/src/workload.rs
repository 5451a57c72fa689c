//! Objects that say which pods belong together: namespaces, services, disruption budgets, and the controllers that make
//! pods from a template.

use std::ops::RangeInclusive;

use crate::labels::Labels;
use crate::object::Kind;
use crate::pod::{Controller, PodSpec};
use crate::pod_manifest::PodTemplate;
use crate::selector::LabelSelector;
use crate::volume::Claim;
use crate::{Str, UnixSeconds};

/// `v1.Namespace`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// `metadata.name`.
    pub name: Str,
    /// `metadata.labels`.
    pub labels: Labels,
}

/// What kind of object selects pods for default spreading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OwnerKind {
    /// `v1.Service`: selects pods by label alone.
    Service,
    /// `v1.ReplicationController`: its owned pods.
    ReplicationController,
    /// `apps/v1.ReplicaSet`: its owned pods.
    ReplicaSet,
    /// `apps/v1.StatefulSet`: its owned pods.
    StatefulSet,
}

impl OwnerKind {
    /// What the objects of a kind select pods as; `None` if default spreading does not look at them.
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Service => Some(Self::Service),
            Kind::Workload(WorkloadKind::ReplicationController) => Some(Self::ReplicationController),
            Kind::Workload(WorkloadKind::ReplicaSet) => Some(Self::ReplicaSet),
            Kind::Workload(WorkloadKind::StatefulSet) => Some(Self::StatefulSet),
            _ => None,
        }
    }
}

/// An object whose selector names a group of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodGroupOwner {
    /// What it is.
    pub kind: OwnerKind,
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `spec.selector`; `None` selects nothing.
    pub selector: Option<LabelSelector>,
}

/// `policy/v1.PodDisruptionBudget`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// `spec.selector`; `None` or empty selects nothing here.
    pub selector: Option<LabelSelector>,
    /// `spec.minAvailable`: how many of the selected pods must be healthy.
    pub min_available: Option<Share>,
    /// `spec.maxUnavailable`: how many of the selected pods may be missing.
    pub max_unavailable: Option<Share>,
    /// `status.disruptionsAllowed`.
    pub disruptions_allowed: i32,
    /// The object has a status: the disruption controller has counted the pods.
    pub is_counted: bool,
    /// Names in `status.disruptedPods`: their disruption is already counted. Sorted.
    pub disrupted_pods: Vec<Str>,
}

impl DisruptionBudget {
    /// Whether it protects pods of this spec.
    pub fn selects(&self, spec: &PodSpec) -> bool {
        self.namespace == spec.namespace
            && self.selector.as_ref().is_some_and(|selector| selector.matches(&spec.labels))
    }
}

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
        Kind::Workload(self).name()
    }

    /// The API group and version of the kind.
    pub fn api_version(self) -> &'static str {
        Kind::Workload(self).api().api_version
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
    /// `metadata.uid`; empty if the source has none.
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
    /// `spec.strategy` of a Deployment, `spec.updateStrategy` of a StatefulSet or DaemonSet.
    pub rollout: Rollout,
    /// `spec.podManagementPolicy: Parallel` of a StatefulSet: it makes all its pods at once.
    pub parallel: bool,
    /// `spec.paused` of a Deployment: it makes no new ReplicaSet.
    pub paused: bool,
    /// The revision of a Deployment's ReplicaSet (annotation `deployment.kubernetes.io/revision`).
    pub revision: Option<i64>,
    /// The size of its Deployment when a ReplicaSet was last scaled.
    pub scaled_for: Option<ScaledFor>,
    /// What a job has done so far.
    pub progress: JobProgress,
    /// `spec.replicas` is set: applying the object sets the number of pods. Otherwise an autoscaler may own it.
    pub sets_replicas: bool,
    /// A manifest gives the object of the cluster another template: its pods have an older one.
    pub template_changed: bool,
    /// The custom resource that the pods are made for, if this is a stand-in for one.
    pub custom: Option<CustomResource>,
    /// What decides when its controller acts. Only simulations in time need it.
    pub timing: WorkloadTiming,
}

/// What decides when a controller acts, and no placement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadTiming {
    /// `spec.minReadySeconds`: how long a pod must be ready to be available.
    pub min_ready_seconds: i32,
    /// `spec.backoffLimit` of a Job: how many pods may fail; `None`: 6.
    pub backoff_limit: Option<i32>,
    /// `spec.activeDeadlineSeconds` of a Job: how long it may take.
    pub active_deadline_seconds: Option<i64>,
    /// `spec.ttlSecondsAfterFinished` of a Job: how long it is kept when it has ended.
    pub ttl_seconds: Option<i64>,
    /// `spec.schedule` of a CronJob.
    pub schedule: Option<Str>,
    /// `spec.concurrencyPolicy` of a CronJob.
    pub concurrency: Concurrency,
}

/// `spec.concurrencyPolicy` of a CronJob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// Runs may overlap.
    #[default]
    Allow,
    /// A run is left out while another is active.
    Forbid,
    /// A run ends the ones before it.
    Replace,
}

/// A custom resource that makes pods by one of its templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomResource {
    /// `apiVersion`.
    pub api_version: Str,
    /// `kind`.
    pub kind: Str,
    /// `metadata.name`. The pods of its templates have names that begin with it.
    pub name: Str,
    /// The path of the template in the resource.
    pub template: Str,
    /// The label by which its pods name it, if it does not own them; may be empty.
    pub pod_label: Str,
}

/// How many pods a controller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodCount {
    /// This many at all times, numbered from `first` in a StatefulSet.
    Replicas {
        /// `spec.replicas`.
        count: i32,
        /// `spec.ordinals.start`.
        first: i32,
    },
    /// One on each node that accepts it.
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
        /// `spec.podReplacementPolicy: TerminatingOrFailed`: a terminating pod is replaced at once.
        replaces_terminating: bool,
        /// `spec.manualSelector`: the API server adds neither selector nor labels.
        manual_selector: bool,
    },
}

/// The size of a Deployment when it last scaled a ReplicaSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaledFor {
    /// The annotation `deployment.kubernetes.io/desired-replicas`: `spec.replicas`.
    pub desired: i32,
    /// The annotation `deployment.kubernetes.io/max-replicas`: `spec.replicas` and `maxSurge`.
    pub max: i32,
}

/// How a controller replaces its pods when its template changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// `Recreate` of a Deployment: the old pods end before the new ones are made.
    Recreate,
    /// `OnDelete` of a StatefulSet or DaemonSet: a pod is replaced only if somebody deletes it.
    OnDelete,
    /// `RollingUpdate`: pods are replaced a few at a time.
    Rolling {
        /// `maxSurge`: how many pods there may be beyond those that are wanted.
        surge: Share,
        /// `maxUnavailable`: how many of the wanted pods may be missing.
        unavailable: Share,
        /// `partition` of a StatefulSet: pods with lower ordinals keep the old template.
        partition: i32,
    },
}

impl Rollout {
    /// What the API server sets if the object says nothing.
    pub fn default_of(kind: WorkloadKind) -> Self {
        let (surge, unavailable) = match kind {
            WorkloadKind::Deployment => (Share::Percent(25), Share::Percent(25)),
            _ => (Share::Pods(0), Share::Pods(1)),
        };
        Self::Rolling { surge, unavailable, partition: 0 }
    }
}

/// A number of pods, or a percentage of those that are wanted (`IntOrString`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// This number of pods.
    Pods(i32),
    /// A percentage of the wanted pods.
    Percent(i32),
}

impl Share {
    /// How many pods of `wanted` it is, rounded up.
    pub fn of(self, wanted: i32) -> i32 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => {
                let hundredths = i64::from(percent) * i64::from(wanted);
                i32::try_from((hundredths + 99) / 100).unwrap_or(i32::MAX)
            }
        }
    }

    /// How many pods of `wanted` it is, rounded down.
    pub fn rounded_down(self, wanted: i32) -> i32 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => {
                let hundredths = i64::from(percent) * i64::from(wanted);
                i32::try_from(hundredths / 100).unwrap_or(i32::MAX)
            }
        }
    }
}

/// What a job's status says of the pods that need not run any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobProgress {
    /// `status.succeeded`: how many pods have succeeded.
    pub succeeded: i32,
    /// `status.completedIndexes` and `status.failedIndexes`: what an indexed job does not run again, in ascending
    /// order.
    pub ended: Vec<RangeInclusive<i32>>,
    /// `status.completedIndexes`: how many indexes have succeeded.
    pub completed: i32,
}

impl Workload {
    /// The group of pods that default spreading sees, for the kinds that it looks at.
    pub fn owner(&self) -> Option<PodGroupOwner> {
        let kind = OwnerKind::of(Kind::Workload(self.kind)).filter(|_| self.custom.is_none())?;
        let (namespace, name) = (self.namespace.clone(), self.name.clone());
        Some(PodGroupOwner { kind, namespace, name, selector: self.selector.clone() })
    }

    /// A controller of which no more is known than which pods it selects; `None` for a service.
    pub fn of_owner(owner: &PodGroupOwner) -> Option<Self> {
        let kind = match owner.kind {
            OwnerKind::Service => return None,
            OwnerKind::ReplicationController => WorkloadKind::ReplicationController,
            OwnerKind::ReplicaSet => WorkloadKind::ReplicaSet,
            OwnerKind::StatefulSet => WorkloadKind::StatefulSet,
        };
        Some(Self {
            namespace: owner.namespace.clone(),
            name: owner.name.clone(),
            selector: owner.selector.clone(),
            ..Self::empty(kind)
        })
    }

    /// What the user calls the object: `Deployment shop/web`.
    pub fn label(&self) -> String {
        match &self.custom {
            Some(custom) => format!("{} {}/{}", custom.kind, self.namespace, custom.name),
            None => format!("{} {}/{}", self.kind.name(), self.namespace, self.name),
        }
    }

    /// A controller of this kind without name, selector and pods.
    pub fn empty(kind: WorkloadKind) -> Self {
        Self {
            kind,
            namespace: Str::default(),
            name: Str::default(),
            uid: Str::default(),
            labels: Labels::default(),
            created: None,
            controller: None,
            terminating: false,
            selector: None,
            template: PodTemplate::default(),
            count: PodCount::Replicas { count: 0, first: 0 },
            claim_templates: Vec::new(),
            rollout: Rollout::default_of(kind),
            parallel: false,
            paused: false,
            revision: None,
            scaled_for: None,
            progress: JobProgress::default(),
            sets_replicas: false,
            template_changed: false,
            custom: None,
            timing: WorkloadTiming::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_up_or_down() {
        let cases = [
            (Share::Pods(2), 10, 2, 2),
            (Share::Percent(25), 10, 3, 2),
            (Share::Percent(25), 4, 1, 1),
            (Share::Percent(25), 0, 0, 0),
            (Share::Percent(0), 10, 0, 0),
            (Share::Percent(i32::MAX), i32::MAX, i32::MAX, i32::MAX),
        ];
        for (share, wanted, up, down) in cases {
            assert_eq!((share.of(wanted), share.rounded_down(wanted)), (up, down), "{share:?} of {wanted}");
        }
    }
}
