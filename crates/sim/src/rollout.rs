//! Workloads that the input changes: what is rolled out, and the pods that their controllers may make on the way.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use berth_controllers::change::NewPod;
use berth_controllers::pod::{Phase, PodState};
use berth_controllers::rollout::{self, Summary};
use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::Str;
use berth_model::pod::Pod;
use berth_model::workload::Workload;
use rustc_hash::FxHashMap;

/// A workload that is rolled out.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// As in `Deployment`.
    pub kind: &'static str,
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// What its controller sees of it. The numbers of nodes are their places in [`nodes`](Self::nodes) until the
    /// cluster is known.
    pub(crate) workload: rollout::Workload,
    /// The nodes of a DaemonSet.
    pub(crate) nodes: Vec<Str>,
    /// The pods that exist, by group: a ReplicaSet, a node, or the whole of a StatefulSet or a Job.
    pub(crate) groups: Vec<Vec<Member>>,
    /// Pods that can be made.
    pub(crate) new_pods: NewPods,
}

/// A pod of the input that belongs to a workload.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: Str,
    /// It is made from the present template.
    pub(crate) updated: bool,
    /// The ordinal in a StatefulSet, or the completion index in a Job.
    pub(crate) index: Option<i32>,
}

/// The pods that a controller may make.
#[derive(Clone, Debug)]
pub(crate) enum NewPods {
    /// One after the other, by group.
    Alike(BTreeMap<usize, VecDeque<Pod>>),
    /// By ordinal, by node, or by completion index.
    Each(BTreeMap<i64, Pod>),
}

/// What came of the rollout of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledOut {
    /// As in `Deployment`.
    pub kind: &'static str,
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
    /// How far it came.
    pub summary: Summary,
}

impl Rollout {
    /// A rollout without pods.
    pub(crate) fn new(of: &Workload, workload: rollout::Workload, groups: usize) -> Self {
        Self {
            kind: of.kind.name(),
            namespace: of.namespace.clone(),
            name: of.name.clone(),
            workload,
            nodes: Vec::new(),
            groups: vec![Vec::new(); groups],
            new_pods: NewPods::Alike(BTreeMap::new()),
        }
    }

    /// Numbers the nodes of a DaemonSet as the cluster does.
    pub(crate) fn number_nodes(&mut self, cluster: &Cluster) {
        let rollout::Workload::DaemonSet(set) = &mut self.workload else { return };
        let rows: Vec<Option<u32>> =
            self.nodes.iter().map(|name| cluster.nodes().find(name).map(|row| row.0)).collect();
        let row_of = |place: i64| usize::try_from(place).ok().and_then(|place| *rows.get(place)?);
        for node in &mut set.nodes {
            node.id = row_of(node.id.into()).unwrap_or(node.id);
        }
        if let NewPods::Each(pods) = &mut self.new_pods {
            let old = std::mem::take(pods).into_iter();
            *pods = old.filter_map(|(place, pod)| Some((row_of(place)?.into(), pod))).collect();
        }
    }

    /// The pods that exist, as their controllers see them. `rows` has the rows of pods by namespace and name.
    pub(crate) fn states(
        &self,
        cluster: &Cluster,
        rows: &FxHashMap<(Str, Str), PodRow>,
    ) -> Vec<Vec<PodState>> {
        let state = |member: &Member| {
            let row = *rows.get(&(self.namespace.clone(), member.name.clone()))?;
            let (updated, index) = (member.updated, member.index);
            Some(PodState { updated, index, ..state(cluster, row) })
        };
        self.groups.iter().map(|group| group.iter().filter_map(state).collect()).collect()
    }

    /// The next pod that a controller makes for a group, with what its controller knows of it.
    pub(crate) fn make(&mut self, group: usize, wanted: NewPod) -> Option<(Pod, bool, Option<i32>)> {
        match (&mut self.new_pods, wanted) {
            (NewPods::Alike(pods), NewPod::Replica) => Some((pods.get_mut(&group)?.pop_front()?, true, None)),
            (NewPods::Each(pods), NewPod::Ordinal { ordinal, updated }) => {
                Some((pods.get(&ordinal.into())?.clone(), updated, Some(ordinal)))
            }
            (NewPods::Each(pods), NewPod::OnNode(node)) => {
                Some((pods.get(&node.into())?.clone(), true, None))
            }
            (NewPods::Each(pods), NewPod::Index(index)) => {
                Some((pods.get(&index.into())?.clone(), true, Some(index)))
            }
            _ => None,
        }
    }
}

/// A pod as its controller sees it; one that is on a node is ready.
pub(crate) fn state(cluster: &Cluster, row: PodRow) -> PodState {
    let pod = &cluster.pods().entry(row).pod;
    let runs = pod.node.is_some();
    PodState {
        id: row.0,
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        created: pod.created,
        node: pod.node.as_ref().and_then(|name| cluster.nodes().find(name)).map(|row| row.0),
        phase: if runs { Phase::Running } else { Phase::Pending },
        ready: runs,
        ready_since: pod.started.filter(|_| runs),
        terminating: pod.terminating,
        ..PodState::default()
    }
}
