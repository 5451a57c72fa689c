//! Objects that say which pods belong together: services, controllers, disruption budgets, namespaces.

use crate::Str;
use crate::labels::Labels;
use crate::selector::LabelSelector;

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
    /// `status.disruptionsAllowed`.
    pub disruptions_allowed: i32,
    /// Names in `status.disruptedPods`: their disruption is already counted. Sorted.
    pub disrupted_pods: Vec<Str>,
}
