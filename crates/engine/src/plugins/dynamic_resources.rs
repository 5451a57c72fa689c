//! Gives pods the devices that they claim, on nodes that can reach them.
//!
//! - **PreEnqueue**: a pod waits until its claims exist and are its own.
//! - **Filter**: a claim with devices keeps its pods on the nodes that reach them. For other claims, and for extended
//!   resources that a DeviceClass serves and the node does not offer, the allocator must find devices. Eviction never
//!   helps.
//! - **Score**: the earlier the alternatives that a node can serve come in their requests, the better.
//! - **Reserve**: devices for claims, and the claim for extended resources.
//! - **Depends on** the cluster: claims, classes, slices of devices and taint rules.
//! - **Unblocked by** the pod's claims; a claim whose devices are given back; classes, slices and rules; a new node, or
//!   one whose labels or resources change.
//! - **Upstream**: plugins/dynamicresources (KEP-4381, KEP-5004), with the default feature gates. Known
//!   differences: claims that can be given up are found, not chosen by chance; the name of a claim for extended resources
//!   follows from the pod, so that its write can be sent again.
//! - **Cost**: nothing for pods without claims and extended resources; else an allocation on each node that has changed
//!   since a pod asked for the same.

mod hint;
mod pre_bind;

use std::sync::Arc;

use berth_devices::extended::{claim_name, may_be_served};
use berth_devices::pod_devices::{
    NOT_ALLOCATABLE, NodeAnswer, PodDevices, Prepared, Remedy, UNAVAILABLE, claims_of, prepare,
};
use berth_devices::{self as devices};
use berth_model::device::{Allocation, ClaimSpec, Consumer, OwnerPod, ResourceClaim};
use berth_model::{Str, UnixSeconds};

use crate::cluster::{Change, Cluster, DeviceAnswer, DeviceAnswers, DeviceScope, assumed_uid};
use crate::effect::{DeviceReservation, Effect, NewDeviceClaim};
use crate::ids::NodeRow;
use crate::ids::name::PluginName;
use crate::plugin::detail::Detail;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{
    BatchFilter, CacheScope, CachedFilter, Filter, FilterHints, Plugin, PreBind, PreFilter, PreScore,
    QueueingHint, Representative, Score, ScoreHints, Validity, ZeroScore,
};
use crate::scoring::normalize::most_is_best;
use crate::verdict::{Code, Rejection};

/// The plugin's name in configurations.
pub const NAME: &str = "DynamicResources";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[
        ExtensionPoint::PreEnqueue,
        ExtensionPoint::PreFilter,
        ExtensionPoint::Filter,
        ExtensionPoint::PostFilter,
        ExtensionPoint::PodGroupPostFilter,
        ExtensionPoint::Score,
        ExtensionPoint::Reserve,
        ExtensionPoint::PreBind,
    ],
    || Arc::new(DynamicResources),
)
.in_default_profile(2)
.with_arguments();

/// The plugin; it has no arguments that matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct DynamicResources;

impl Plugin for DynamicResources {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_enqueue(&self, pod: PodView<'_>) -> Option<Rejection> {
        if pod.class.spec.resource_claims.is_empty() {
            return None;
        }
        claims_of(pod.cluster.devices(), &pod.entry().pod).err().map(unresolvable)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        if !uses_devices(pod) {
            let mut requests = pod.class.requests.iter().map(|(id, _)| pod.cluster.resources().name(*id));
            return match requests.any(|name| may_be_served(name)) {
                true => PreFilter::cached(Unserved),
                false => PreFilter::SKIP_CLASS,
            };
        }
        match prepared(pod) {
            Prepared::None => PreFilter::Skip,
            Prepared::Rejected(reason) => PreFilter::Reject(unresolvable(reason)),
            Prepared::Claims(devices) => PreFilter::Run(Box::new(OfPod::new(pod, devices))),
        }
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        // Upstream scores every pod, also those that have no claim. Extended resources have no alternatives.
        if pod.class.spec.resource_claims.is_empty() {
            return PreScore::cached(ZeroScore);
        }
        match prepared(pod) {
            Prepared::Claims(devices) if !devices.has_no_preference() => {
                PreScore::Run(Box::new(OfPod::new(pod, devices)))
            }
            _ => PreScore::Run(Box::new(ZeroScore)),
        }
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(hint::may_help(pod, event))
    }

    fn reserve(&self, pod: PodView<'_>, node: NodeRow) -> Vec<Effect> {
        if !uses_devices(pod) {
            return Vec::new();
        }
        let Prepared::Claims(devices) = prepared(pod) else { return Vec::new() };
        let NodeAnswer::Fits(found) = check(&devices, NodeView::new(pod.cluster, node)) else {
            return Vec::new();
        };
        let owner = &pod.entry().pod;
        let consumer = || Consumer {
            api_group: Str::default(),
            resource: "pods".into(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        };
        let now = pod.cluster.loads().now();
        let complete = |claim_uid: &str, allocation: Allocation| {
            with_share_ids(claim_uid, Allocation { timestamp: now, ..allocation })
        };
        let mut allocations = found.allocations;
        let mut effects: Vec<Effect> = Vec::new();
        for (at, claim) in devices.claims().iter().enumerate() {
            let new =
                allocations.iter().position(|(of, _)| *of == at).map(|at| allocations.swap_remove(at).1);
            effects.push(Effect::ReserveDevices(Box::new(DeviceReservation {
                namespace: claim.namespace.clone(),
                claim: claim.name.clone(),
                claim_uid: claim.uid.clone(),
                allocation: new.map(|allocation| complete(&claim.uid, allocation)),
                consumer: consumer(),
            })));
        }
        if let Some(special) = found.special {
            let uid = assumed_uid(&owner.uid);
            let claim = ResourceClaim {
                namespace: owner.spec.namespace.clone(),
                name: claim_name(&owner.name, &owner.uid),
                allocation: Some(complete(&uid, special.allocation)),
                uid,
                owner: Some(OwnerPod { name: owner.name.clone(), uid: owner.uid.clone() }),
                extended: true,
                spec: ClaimSpec { requests: special.requests, ..ClaimSpec::default() },
                reserved_for: vec![consumer()],
                ..ResourceClaim::default()
            };
            effects.push(Effect::MakeDeviceClaim(Box::new(NewDeviceClaim {
                claim,
                mappings: special.mappings,
            })));
        }
        effects
    }

    fn pre_bind(&self, cluster: &Cluster, effect: &Effect, _node: &Str) -> PreBind {
        pre_bind::pre_bind(cluster, effect)
    }
}

/// Whether the pod has claims, or requests an extended resource that a class serves.
fn uses_devices(pod: PodView<'_>) -> bool {
    let (devices, resources) = (pod.cluster.devices(), pod.cluster.resources());
    !pod.class.spec.resource_claims.is_empty()
        || (devices.serve_resources()
            && pod
                .class
                .requests
                .iter()
                .any(|(id, amount)| *amount != 0 && devices.class_of_resource(resources.name(*id)).is_some()))
}

fn prepared(pod: PodView<'_>) -> Prepared<'_> {
    let resources = pod.cluster.resources();
    let requests = pod.class.requests.iter().map(|(id, amount)| (resources.name(*id).clone(), *amount));
    // Without a clock nothing takes too long.
    let now: UnixSeconds = pod.cluster.loads().now().unwrap_or(UnixSeconds::MIN);
    prepare(pod.cluster.devices(), &pod.entry().pod, requests, now)
}

fn check(devices: &PodDevices<'_>, node: NodeView<'_>) -> NodeAnswer {
    devices.check(device_view(node), &|resource| offered(node, resource))
}

/// What a node offers of a resource; `None` if it does not name it.
fn offered(node: NodeView<'_>, resource: &str) -> Option<i64> {
    let mut offers = node.cluster.nodes().object(node.row).allocatable.iter();
    offers.find(|(name, _)| **name == *resource).map(|(_, amount)| amount.value())
}

fn device_view(node: NodeView<'_>) -> devices::NodeView<'_> {
    let object = node.cluster.nodes().object(node.row);
    devices::NodeView { name: &object.name, labels: &object.labels }
}

/// Shares of devices get ids that are the same whenever the same claim gets the same devices.
fn with_share_ids(claim_uid: &str, mut allocation: Allocation) -> Allocation {
    for (at, result) in allocation.results.iter_mut().enumerate() {
        if result.share_id.is_some() {
            result.share_id = Some(devices::state::share_id(claim_uid, at));
        }
    }
    allocation
}

/// Whether a claim of the pod has devices already, or one is left from an earlier attempt.
pub fn has_devices(pod: PodView<'_>) -> bool {
    uses_devices(pod) && matches!(prepared(pod), Prepared::Claims(devices) if devices.has_allocated())
}

/// What can be done for a pod that fits nowhere (PostFilter): claims that can be given up, because the devices that
/// they have keep the pod off the nodes that this plugin rejected. `None` if the pod has no claims.
pub fn remedy<'a>(
    pod: PodView<'a>,
    rejected: impl IntoIterator<Item = (NodeRow, &'a Rejection)>,
) -> Option<Remedy<'a>> {
    let Prepared::Claims(devices) = prepared(pod) else { return None };
    let because = |rejection: &Rejection| rejection.reasons.iter().any(|reason| reason.text() == UNAVAILABLE);
    let nodes = rejected.into_iter().filter(|(_, rejection)| because(rejection));
    Some(devices.remedy(nodes.map(|(row, _)| device_view(NodeView::new(pod.cluster, row)))))
}

fn unresolvable(reason: String) -> Rejection {
    Rejection::new(Code::UnschedulableAndUnresolvable, reason.into())
}

/// The devices of one pod, node by node.
struct OfPod<'a> {
    devices: PodDevices<'a>,
    /// What nodes have answered to pods that ask for the same; `None` if the pod has devices already.
    answers: Option<Arc<DeviceAnswers>>,
    /// The only nodes that reach the devices which the pod has already, if it has all and they name their nodes.
    only: Option<Vec<NodeRow>>,
}

impl<'a> OfPod<'a> {
    fn new(pod: PodView<'a>, devices: PodDevices<'a>) -> Self {
        let answers = (!devices.has_allocated()).then(|| {
            let ask = |row| match check(&devices, NodeView::new(pod.cluster, row)) {
                NodeAnswer::Fits(found) => DeviceAnswer::Fits(devices.score(&found)),
                NodeAnswer::Rejected(reason) if reason == NOT_ALLOCATABLE => DeviceAnswer::Full,
                NodeAnswer::Rejected(_) | NodeAnswer::Error(_) => DeviceAnswer::PerPod,
            };
            let cluster = pod.cluster;
            let is_offered = |resource: &str| {
                cluster.resources().find(resource).is_some_and(|id| cluster.nodes().is_offered(id))
            };
            let specs = devices.claims().iter().map(|claim| &claim.spec);
            cluster.device_answers().get(cluster, specs, devices.extended_asks(&is_offered), &ask)
        });
        let names = devices.is_allocated().then(|| devices.named_nodes()).flatten();
        let only =
            names.map(|names| names.iter().filter_map(|name| pod.cluster.nodes().find(name)).collect());
        Self { devices, answers, only }
    }

    fn known(&self, row: NodeRow) -> DeviceAnswer {
        self.answers.as_ref().map_or(DeviceAnswer::PerPod, |answers| answers.of(row))
    }
}

impl Filter for OfPod<'_> {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        match self.known(node.row) {
            DeviceAnswer::Fits(_) => return None,
            DeviceAnswer::Full => return Some(Rejection::unresolvable(NOT_ALLOCATABLE)),
            DeviceAnswer::Free | DeviceAnswer::PerPod => {}
        }
        if self.devices.is_allocated() {
            let is_available = self.devices.is_available(device_view(node));
            return (!is_available).then(|| Rejection::unresolvable(UNAVAILABLE));
        }
        match check(&self.devices, node) {
            NodeAnswer::Fits(_) => None,
            NodeAnswer::Rejected(reason) => Some(unresolvable(reason)),
            NodeAnswer::Error(text) => Some(Rejection::new(Code::Error, text.into())),
        }
    }

    fn explain(&self, node: NodeView<'_>, details: &mut Vec<Detail>) {
        let short = self.devices.shortages(device_view(node), &|resource| offered(node, resource));
        details.extend(short.into_iter().map(|short| Detail::Devices(Box::new(short))));
    }

    fn hints(&self) -> FilterHints<'_> {
        let says = |says: fn(&DeviceAnswers) -> bool| self.answers.as_deref().is_some_and(says);
        FilterHints {
            accepts_all: says(DeviceAnswers::all_fit),
            never_errs: says(DeviceAnswers::are_known) || self.devices.is_allocated(),
            batch: self.only.is_some().then_some(self),
            ..FilterHints::default()
        }
    }
}

impl BatchFilter for OfPod<'_> {
    fn check_all(
        &self,
        cluster: &Cluster,
        rows: &[NodeRow],
        verdict: &mut dyn FnMut(NodeRow, Option<Rejection>),
    ) {
        for &row in rows {
            let is_possible = self.only.as_ref().is_none_or(|only| only.contains(&row));
            verdict(
                row,
                match is_possible {
                    true => self.check(NodeView::new(cluster, row)),
                    false => Some(Rejection::unresolvable(UNAVAILABLE)),
                },
            );
        }
    }
}

impl Score for OfPod<'_> {
    fn score(&self, cluster: &Cluster, feasible: &[Representative], out: &mut [i64]) {
        for (score, &Representative { row, .. }) in out.iter_mut().zip(feasible) {
            if let DeviceAnswer::Fits(raw) = self.known(row) {
                *score = raw;
                continue;
            }
            *score = match check(&self.devices, NodeView::new(cluster, row)) {
                NodeAnswer::Fits(found) => self.devices.score(&found),
                NodeAnswer::Rejected(_) | NodeAnswer::Error(_) => 0,
            };
        }
    }

    fn normalize(&self, _cluster: &Cluster, _feasible: &[Representative], scores: &mut [i64]) {
        most_is_best(scores);
    }

    fn hints(&self) -> ScoreHints<'_> {
        ScoreHints { ignores_counts: true, ..ScoreHints::default() }
    }
}

/// Pods that request extended resources which no class serves, as long as that is so.
struct Unserved;

impl Filter for Unserved {
    fn check(&self, _node: NodeView<'_>) -> Option<Rejection> {
        None
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints { accepts_all: true, never_errs: true, ..FilterHints::default() }
    }
}

impl CachedFilter for Unserved {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeFacts
    }

    fn apply_change(&mut self, _cluster: &Cluster, change: Change) -> Validity {
        Validity::valid_if(!matches!(change, Change::Devices(DeviceScope::All) | Change::Elsewhere))
    }

    fn is_skipped(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
