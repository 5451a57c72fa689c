//! What a scheduling loop knows at one moment: a copy, from which the documents are made on another thread.

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_flow::SchedulingLoop;
use berth_model::Str;
use berth_model::manifests::{Manifests, Place};
use berth_model::object::{Kind, Object};
use berth_model::pod_manifest::PodManifest;
use berth_model::workload::{OwnerKind, PodGroupOwner};
use berth_sim::device_claims::ClaimTemplates;
use berth_sim::explain::explain;
use berth_sim::fit::{Limits, NodeFit};
use berth_sim::run::{Options, Outcome, Pending};
use berth_sim::usage::Measured;

use crate::devices::DeviceClaimList;
use crate::explanation::PodExplanation;
use crate::source::Refusal;
use crate::state::{ClusterState, PodList};

/// The place of objects that come from a scheduling loop, in messages about them.
const PLACE: &str = "the scheduler";

/// How much is counted for a node.
const FIT_LIMITS: Limits = Limits { workloads: 60, pods: 250 };

/// A copy of a cluster, and why its pods are pending.
#[derive(Clone, Debug)]
pub struct Moment {
    cluster: Cluster,
    profiles: Vec<Profile>,
    pending: Vec<PendingPod>,
}

/// A pod without a node.
#[derive(Clone, Debug)]
struct PendingPod {
    row: PodRow,
    /// The part of the queue that it is in.
    queue: &'static str,
    message: Option<Str>,
}

impl Moment {
    /// Copies what a scheduling loop knows. This takes as long as copying the cluster does; all else is done later, on
    /// whatever thread has the copy.
    pub fn of(flow: &SchedulingLoop) -> Self {
        let cluster = flow.scheduler().cluster().clone();
        let waits = |row: &PodRow| cluster.pods().entry(*row).pod.node.is_none();
        let pending = cluster.pods().rows().filter(waits).map(|row| {
            let info = flow.pending_info(row);
            let message = info.and_then(|info| info.message).cloned();
            PendingPod { row, queue: info.map_or("", |info| info.place), message }
        });
        let pending = pending.collect();
        Self { cluster, profiles: flow.scheduler().profiles().to_vec(), pending }
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The profiles by which pods are placed.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The scheduler names of the profiles, which stand for an algorithm.
    pub fn algorithm(&self) -> String {
        let names: Vec<&str> = self.profiles.iter().map(|profile| &*profile.scheduler_name).collect();
        names.join(", ")
    }

    /// The nodes.
    pub fn cluster_state(&self) -> ClusterState {
        ClusterState::new(self.algorithm(), &self.cluster, &self.outcome(), &Measured::default())
    }

    /// The pods.
    pub fn pod_list(&self) -> PodList {
        let mut list = PodList::new(&self.cluster, &self.outcome());
        let queued = self.pending.iter().filter(|pod| pod.message.is_none());
        list.set_queues(queued.map(|one| (&self.cluster.pods().entry(one.row).pod, one.queue)));
        list
    }

    /// What a run would have shown that ended here.
    fn outcome(&self) -> Outcome {
        let reason = |one: &PendingPod| {
            let message = one.message.as_ref()?.to_string();
            Some(Pending { pod: one.row, message, other_scheduler: false })
        };
        Outcome {
            pods: self.cluster.pods().len(),
            pending: self.pending.iter().filter_map(reason).collect(),
            ..Outcome::default()
        }
    }

    /// Why a pod is where it is, or would be tried next.
    ///
    /// # Errors
    /// If there is no such pod.
    pub fn explanation(&self, pod: &str, nodes: usize) -> Result<PodExplanation, Refusal> {
        let (namespace, name) = pod.split_once('/').unwrap_or(("default", pod));
        let is_it = |row: &PodRow| {
            let known = &self.cluster.pods().entry(*row).pod;
            &*known.name == name && &*known.spec.namespace == namespace
        };
        let row = self.cluster.pods().rows().find(is_it);
        let row = row.ok_or_else(|| Refusal::NotFound(format!("there is no pod {namespace}/{name} here")))?;
        let mut scheduler = Scheduler::new(self.cluster.clone(), self.profiles.clone());
        let profile = scheduler.profile_of(row).map(|at| self.profiles[at].scheduler_name.to_string());
        let options = Options { preemption: true, all_schedulers: false, verify: false };
        let explanation = explain(&mut scheduler, row, profile.unwrap_or_default(), options);
        Ok(PodExplanation::new(explanation, nodes))
    }

    /// The claims on devices.
    pub fn claims(&self) -> DeviceClaimList {
        let reasons = self.pending.iter().map(|one| (one.row, one.message.as_deref()));
        DeviceClaimList::new(&self.cluster, reasons)
    }

    /// How many more pods of each workload fit on a node.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn fit(&self, node: &str) -> Result<NodeFit, Refusal> {
        let scheduler = Scheduler::new(self.cluster.clone(), self.profiles.clone());
        node_fit(scheduler, &ClaimTemplates::default(), node)
    }

    /// The objects, for questions that change them. A scheduler knows only the selectors of controllers, so those are no
    /// objects here, but given beside them.
    pub fn objects(&self) -> (Manifests, Vec<PodGroupOwner>) {
        let mut manifests = Manifests::default();
        let place = || Place::start(PLACE.into());
        let kinds = Kind::WATCHED.into_iter().filter(|kind| !matches!(kind, Kind::Workload(_) | Kind::Pod));
        for object in kinds.flat_map(|kind| self.cluster.objects(kind)) {
            manifests.add(object, place());
        }
        for row in self.cluster.pods().rows() {
            let pod = self.cluster.pods().entry(row).pod.clone();
            manifests.add(Object::Pod(Box::new(PodManifest::of(pod))), place());
        }
        let owners = self.cluster.all_owners().map(|owner| &owner.object);
        let controllers = owners.filter(|owner| owner.kind != OwnerKind::Service).cloned();
        (manifests, controllers.collect())
    }
}

/// How many more pods of each workload fit on a node. What is placed stays in the scheduler's own cluster.
///
/// # Errors
/// If there is no such node.
pub fn node_fit(
    mut scheduler: Scheduler,
    templates: &ClaimTemplates,
    node: &str,
) -> Result<NodeFit, Refusal> {
    let row = scheduler.cluster().nodes().find(node);
    let row = row.ok_or_else(|| Refusal::NotFound(format!("there is no node {node} here")))?;
    Ok(NodeFit::new(&mut scheduler, templates, row, FIT_LIMITS))
}
