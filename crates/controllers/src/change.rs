//! The changes that controllers make to pods.

/// A change that a controller makes to its pods. Pods are named by their numbers
/// ([`PodState::id`](crate::pod::PodState)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodChange {
    /// Make a pod.
    Create(NewPod),
    /// Delete the pod, with its grace period.
    Delete(u32),
}

/// A pod that a controller makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewPod {
    /// One of many that are alike (ReplicaSet, ReplicationController, Job without indexes).
    Replica,
    /// The pod of an ordinal of a StatefulSet, with those of its claims that do not exist yet. Claims outlive their
    /// pods.
    Ordinal {
        /// The ordinal.
        ordinal: i32,
        /// From the template that the StatefulSet has now; otherwise from the one before.
        updated: bool,
    },
    /// The pod of a DaemonSet for a node, by the caller's number of the node.
    OnNode(u32),
    /// The pod of a completion index of a Job.
    Index(i32),
}
