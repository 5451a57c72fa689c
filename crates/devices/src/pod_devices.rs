//! What device claims mean for a pod: whether it can be scheduled at all, on which nodes, and which devices it gets
//! there.
//!
//! Upstream: plugins/dynamicresources `dynamicresources.go`, `claims.go` (KEP-4381), with the default feature gates.

use std::collections::{BTreeMap, BTreeSet};

use berth_model::device::{
    Allocation, Ask, DeviceRequest, OwnerPod, ResourceClaim, ResourceSlice, SubRequest,
};
use berth_model::pod::{ClaimSource, Pod};
use berth_model::selector::{NodeSelectorTerm, Operator};
use berth_model::{Str, UnixSeconds};

use crate::NodeView;
use crate::allocator::{Inventory, Shortage, allocate, shortages};
use crate::extended::{RequestMapping, may_be_served, requests};
use crate::objects::DeviceObjects;

/// How long binding conditions may take, in seconds, before a claim counts as unavailable (`bindingTimeout`).
const BINDING_TIMEOUT: i64 = 600;

/// How many consumers a claim can have.
const CONSUMERS_MAX: usize = 256;

/// How many alternatives a request can have; the first scores the most.
const ALTERNATIVES_MAX: i64 = 8;

/// What a node says whose devices do not suffice.
pub const NOT_ALLOCATABLE: &str = "cannot allocate all claims";

/// What a node says whose devices are not those that a claim has.
pub const UNAVAILABLE: &str = "resourceclaim not available on the node";

/// What is known of a pod's claims before any node is looked at (PreFilter).
#[derive(Debug)]
pub enum Prepared<'a> {
    /// The pod has no claims.
    None,
    /// The pod cannot be scheduled on any node, because of this.
    Rejected(String),
    /// Nodes must be checked.
    Claims(PodDevices<'a>),
}

/// A pod's claims: those of its spec, then the one that the scheduler makes for extended resources.
#[derive(Debug)]
pub struct PodDevices<'a> {
    objects: &'a DeviceObjects,
    pod: &'a Pod,
    claims: Vec<&'a ResourceClaim>,
    special: Option<Special<'a>>,
    /// The extended resources that classes may serve, and how much the pod requests.
    resources: Vec<(Str, i64)>,
    now: UnixSeconds,
}

/// The claim for extended resources.
#[derive(Clone, Copy, Debug)]
enum Special<'a> {
    /// It is made when the pod has a node.
    ToMake,
    /// It is left from an earlier attempt.
    Left(&'a ResourceClaim),
}

/// What a pod requests of one extended resource: only what the answer of a node depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtendedAsk {
    /// The resource, if it matters which one it is: a node offers it, or no class serves it.
    resource: Option<Str>,
    /// The selectors of the class that serves it; `None` if there is no such class.
    selectors: Option<Vec<Str>>,
    /// The requests for devices, without the name of the class.
    requests: Vec<DeviceRequest>,
}

/// What a node means for the pod (Filter).
#[derive(Clone, Debug, PartialEq)]
pub enum NodeAnswer {
    /// The pod can run there, with these devices.
    Fits(Box<NodeDevices>),
    /// It cannot.
    Rejected(String),
    /// Something is wrong with a claim or a class: the pod is tried again later.
    Error(String),
}

/// The devices that a pod gets on a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeDevices {
    /// The claims of the pod's spec that are allocated there, by their index among the pod's claims.
    pub allocations: Vec<(usize, Allocation)>,
    /// The claim for extended resources that is made there.
    pub special: Option<SpecialClaim>,
}

/// The claim that the scheduler makes for extended resources.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecialClaim {
    /// What it asks for.
    pub requests: Vec<DeviceRequest>,
    /// Which request serves which container.
    pub mappings: Vec<RequestMapping>,
    /// What it got.
    pub allocation: Allocation,
}

/// What can be done for a pod that fits no node (PostFilter).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remedy<'a> {
    /// Claims whose allocation can be given up. Upstream gives up one, by chance.
    pub clears: Vec<&'a ResourceClaim>,
    /// A claim for extended resources that is left from an earlier attempt.
    pub deletes: Option<&'a ResourceClaim>,
}

impl Remedy<'_> {
    /// What upstream says of it.
    pub fn reason(&self) -> Option<&'static str> {
        if !self.clears.is_empty() {
            Some("deallocation of ResourceClaim completed")
        } else if self.deletes.is_some() {
            Some("deletion of ResourceClaim completed")
        } else {
            None
        }
    }
}

/// The claims of a pod's spec in their order; those that it needs not are left out (PreEnqueue).
///
/// # Errors
/// Why the pod has to wait: a claim is missing, is being deleted, or belongs to another pod.
pub fn claims_of<'a>(objects: &'a DeviceObjects, pod: &Pod) -> Result<Vec<&'a ResourceClaim>, String> {
    let namespace = &pod.spec.namespace;
    let mut claims = Vec::with_capacity(pod.spec.resource_claims.len());
    for entry in &pod.spec.resource_claims {
        let (name, is_own) = match &entry.source {
            ClaimSource::Claim(name) => (name, false),
            ClaimSource::Template(_) => {
                match pod.claim_statuses.iter().find(|status| status.name == entry.name) {
                    None => return Err(format!("pod \"{}\": ResourceClaim not created yet", pod.key())),
                    Some(status) => match &status.claim {
                        None => continue,
                        Some(name) => (name, true),
                    },
                }
            }
            ClaimSource::Unknown => {
                return Err(format!(
                    "pod \"{}\", spec.resourceClaim \"{}\": none of the supported fields are set",
                    pod.key(),
                    entry.name
                ));
            }
        };
        let Some(claim) = objects.claim(namespace, name) else {
            return Err(format!("could not find ResourceClaim \"{namespace}/{name}\""));
        };
        if claim.deleting {
            return Err(format!("resourceclaim \"{name}\" is being deleted"));
        }
        if is_own && !claim.is_owned_by(&pod.uid) {
            return Err(format!(
                "ResourceClaim {namespace}/{name} was not created for Pod {} (Pod is not owner)",
                pod.key()
            ));
        }
        claims.push(claim);
    }
    Ok(claims)
}

/// What is known of a pod's claims before any node is looked at. `requests` are the amounts of its extended resources.
pub fn prepare<'a>(
    objects: &'a DeviceObjects,
    pod: &'a Pod,
    requests: impl IntoIterator<Item = (Str, i64)>,
    now: UnixSeconds,
) -> Prepared<'a> {
    let claims = match claims_of(objects, pod) {
        Ok(claims) => claims,
        Err(reason) => return Prepared::Rejected(reason),
    };
    let resources: Vec<(Str, i64)> =
        requests.into_iter().filter(|(name, amount)| *amount != 0 && may_be_served(name)).collect();
    let is_served = |(name, _): &(Str, i64)| objects.class_of_resource(name).is_some();
    let special = resources.iter().any(is_served).then(|| {
        let mut left = objects.claims_made_for(&pod.uid);
        left.find(|claim| claim.namespace == pod.spec.namespace).map_or(Special::ToMake, Special::Left)
    });
    if claims.is_empty() && special.is_none() {
        return Prepared::None;
    }
    let found = PodDevices { objects, pod, claims, special, resources, now };
    match found.why_not() {
        Some(reason) => Prepared::Rejected(reason),
        None => Prepared::Claims(found),
    }
}

impl<'a> PodDevices<'a> {
    /// Why the pod cannot be scheduled on any node.
    fn why_not(&self) -> Option<String> {
        for claim in self.all().flatten() {
            if claim.allocation.is_none() {
                continue;
            }
            let reserved = claim.reserved_for.iter().any(|consumer| consumer.uid == self.pod.uid);
            if claim.reserved_for.len() >= CONSUMERS_MAX && !reserved {
                return Some("resourceclaim in use".to_owned());
            }
            if self.objects.is_in_flight(claim) {
                let ResourceClaim { namespace, name, .. } = claim;
                return Some(format!(
                    "resource claim {namespace}/{name} is in the process of being allocated"
                ));
            }
        }
        let unallocated = self.claims.iter().filter(|claim| claim.allocation.is_none());
        unallocated.flat_map(|claim| &claim.spec.requests).find_map(|request| match &request.ask {
            Ask::Exactly(one) => self.missing_class(one, &request.name),
            Ask::FirstAvailable(all) => {
                all.iter().find_map(|one| self.missing_class(one, &format!("{}/{}", request.name, one.name)))
            }
        })
    }

    fn missing_class(&self, one: &SubRequest, request: &str) -> Option<String> {
        let missing = self.objects.class(&one.class).is_none();
        missing.then(|| format!("request {request}: device class {} does not exist", one.class))
    }

    /// All claims by index; `None` for one that is still to be made.
    fn all(&self) -> impl Iterator<Item = Option<&'a ResourceClaim>> {
        let special = self.special.map(|special| match special {
            Special::ToMake => None,
            Special::Left(claim) => Some(claim),
        });
        self.claims.iter().map(|claim| Some(*claim)).chain(special)
    }

    /// The claims of the pod's spec.
    pub fn claims(&self) -> &[&'a ResourceClaim] {
        &self.claims
    }

    /// Whether a claim has devices already, or one is left from an earlier attempt.
    pub fn has_allocated(&self) -> bool {
        matches!(self.special, Some(Special::Left(_)))
            || self.claims.iter().any(|claim| claim.allocation.is_some())
    }

    /// Whether all claims have devices: then only nodes that reach the devices are possible.
    pub fn is_allocated(&self) -> bool {
        self.special.is_none() && self.claims.iter().all(|claim| claim.allocation.is_some())
    }

    /// Whether a node reaches the devices that claims have, and these can still be bound.
    pub fn is_available(&self, node: NodeView<'_>) -> bool {
        self.unavailable(node).is_empty()
    }

    /// The only nodes, by name, that the devices of claims allow; `None` if they are not named.
    pub fn named_nodes(&self) -> Option<&'a [Str]> {
        let selectors =
            self.claims.iter().filter_map(|claim| claim.allocation.as_ref()?.node_selector.as_ref());
        selectors.into_iter().find_map(|selector| match &selector.terms[..] {
            [NodeSelectorTerm { fields, .. }] => {
                let name = fields
                    .iter()
                    .find(|field| *field.key == *"metadata.name" && field.operator == Operator::In);
                name.map(|field| &field.values[..])
            }
            _ => None,
        })
    }

    /// What the pod asks of its extended resources: pods whose claims have equal specs, and for which this is equal, get
    /// the same answer of a node. `is_offered` says whether any node offers a resource itself.
    pub fn extended_asks(&self, is_offered: &dyn Fn(&str) -> bool) -> Vec<ExtendedAsk> {
        if self.special.is_none() {
            return Vec::new();
        }
        let ask = |(resource, _): &(Str, i64)| {
            let class = self.objects.class_of_resource(resource);
            // The name of the class stands in errors only, and those are not shared.
            let unnamed = BTreeMap::from([(resource.clone(), Str::default())]);
            ExtendedAsk {
                resource: (class.is_none() || is_offered(resource)).then(|| resource.clone()),
                selectors: class.map(|class| class.selectors.clone()),
                requests: requests(&self.pod.spec, &unnamed).0,
            }
        };
        self.resources.iter().map(ask).collect()
    }

    /// Whether every node where the pod fits scores the same: no request has alternatives.
    pub fn has_no_preference(&self) -> bool {
        let alternatives = |request: &DeviceRequest| matches!(request.ask, Ask::FirstAvailable(_));
        !self.claims.iter().flat_map(|claim| &claim.spec.requests).any(alternatives)
    }

    /// Whether the pod can run on a node, and with which devices. `offers` is what the node offers of a resource, if it
    /// names it at all.
    pub fn check(&self, node: NodeView<'_>, offers: &dyn Fn(&str) -> Option<i64>) -> NodeAnswer {
        let (requests, mappings) = match self.on_node(offers) {
            Err(reason) => return NodeAnswer::Rejected(reason.to_owned()),
            Ok(None) if self.claims.is_empty() => return NodeAnswer::Fits(Box::default()),
            Ok(None) => Default::default(),
            Ok(Some(found)) => found,
        };
        let made = self.special_claim(requests);
        let open = self.open();
        let mut wanted: Vec<&ResourceClaim> = open.iter().map(|(_, claim)| *claim).collect();
        if self.special.is_some() {
            wanted.push(&made);
        }
        let mut found = if wanted.is_empty() {
            Vec::new()
        } else {
            match self.allocate(node, &wanted) {
                Ok(found) => found,
                Err(answer) => return answer,
            }
        };
        if !self.is_available(node) {
            return NodeAnswer::Rejected(UNAVAILABLE.to_owned());
        }
        let special = self.special.and_then(|_| found.pop());
        NodeAnswer::Fits(Box::new(NodeDevices {
            allocations: open.iter().map(|(at, _)| *at).zip(found).collect(),
            special: special.map(|allocation| SpecialClaim {
                requests: made.spec.requests,
                mappings,
                allocation,
            }),
        }))
    }

    /// The claim for extended resources before it exists: it has no name and no uid yet.
    fn special_claim(&self, requests: Vec<DeviceRequest>) -> ResourceClaim {
        ResourceClaim {
            namespace: self.pod.spec.namespace.clone(),
            name: "<extended-resources>".into(),
            owner: Some(OwnerPod { name: self.pod.name.clone(), uid: self.pod.uid.clone() }),
            extended: true,
            spec: berth_model::device::ClaimSpec { requests, ..Default::default() },
            ..ResourceClaim::default()
        }
    }

    /// The claims of the pod's spec that have no devices yet, by index.
    fn open(&self) -> Vec<(usize, &'a ResourceClaim)> {
        let claims = self.claims.iter().copied().enumerate();
        claims.filter(|(_, claim)| claim.allocation.is_none()).collect()
    }

    /// What is short on a node that was rejected, for people: request by request.
    pub fn shortages(&self, node: NodeView<'_>, offers: &dyn Fn(&str) -> Option<i64>) -> Vec<Shortage> {
        let requests = self.on_node(offers).ok().flatten().map(|(requests, _)| requests);
        let made = self.special_claim(requests.unwrap_or_default());
        let mut wanted: Vec<&ResourceClaim> = self.open().into_iter().map(|(_, claim)| claim).collect();
        if !made.spec.requests.is_empty() {
            wanted.push(&made);
        }
        let holders: Vec<&ResourceClaim> =
            self.objects.claims().filter(|claim| claim.allocation.is_some()).collect();
        let slices = self.objects.slices_for(node.name);
        shortages(&self.inventory(&slices), node, &wanted, &holders)
    }

    fn inventory<'i>(&'i self, slices: &'i [&'i ResourceSlice]) -> Inventory<'i> {
        Inventory {
            classes: self.objects.classes(),
            slices,
            state: self.objects.allocated(),
            selectors: self.objects.selectors(),
        }
    }

    fn allocate(&self, node: NodeView<'_>, wanted: &[&ResourceClaim]) -> Result<Vec<Allocation>, NodeAnswer> {
        let slices = self.objects.slices_for(node.name);
        match allocate(&self.inventory(&slices), node, wanted).allocations {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(NodeAnswer::Rejected(NOT_ALLOCATABLE.to_owned())),
            Err(error) if error.node_local => Err(NodeAnswer::Rejected(error.text)),
            Err(error) => Err(NodeAnswer::Error(error.text)),
        }
    }

    /// The requests for extended resources that a class has to serve on this node; `None` if there is no claim for
    /// extended resources, or nothing for it to do.
    #[expect(clippy::type_complexity, reason = "a pair that is taken apart at once")]
    fn on_node(
        &self,
        offers: &dyn Fn(&str) -> Option<i64>,
    ) -> Result<Option<(Vec<DeviceRequest>, Vec<RequestMapping>)>, &'static str> {
        match self.special {
            None => return Ok(None),
            Some(Special::Left(claim)) if !claim.spec.requests.is_empty() => {
                return Err("cannot schedule extended resource claim");
            }
            Some(_) => {}
        }
        let mut served = BTreeMap::new();
        for (name, _) in &self.resources {
            let offered = offers(name);
            match self.objects.class_of_resource(name) {
                Some(class) if offered.unwrap_or(0) == 0 => {
                    served.insert(name.clone(), class.name.clone());
                }
                _ if offered.is_none() => return Err("cannot fit resource"),
                _ => {}
            }
        }
        if served.is_empty() && self.claims.is_empty() {
            return Ok(None);
        }
        Ok(Some(requests(&self.pod.spec, &served)))
    }

    /// The allocated claims, by index, that cannot be used on the node.
    fn unavailable(&self, node: NodeView<'_>) -> Vec<usize> {
        let cannot = |claim: &ResourceClaim| {
            let Some(allocation) = &claim.allocation else { return false };
            let selector = allocation.node_selector.as_ref();
            selector.is_some_and(|selector| !selector.matches(node.name, node.labels))
                || self.binding_failed(claim, allocation)
        };
        let by_index = self.all().enumerate();
        by_index.filter(|(_, claim)| claim.is_some_and(cannot)).map(|(at, _)| at).collect()
    }

    /// Whether a device of the claim failed to bind, or takes too long.
    fn binding_failed(&self, claim: &ResourceClaim, allocation: &Allocation) -> bool {
        let awaited = || allocation.results.iter().filter(|result| !result.binding_conditions.is_empty());
        for result in awaited() {
            let status = claim
                .devices
                .iter()
                .find(|status| status.device == result.device && status.share_id == result.share_id);
            let is_true = |name: &Str| status.is_some_and(|status| status.true_conditions.contains(name));
            if status.is_some() && result.binding_failure_conditions.iter().any(is_true) {
                return true;
            }
            if status.is_none() || !result.binding_conditions.iter().all(is_true) {
                let started = allocation.timestamp;
                return started.is_some_and(|started| started + BINDING_TIMEOUT < self.now);
            }
        }
        false
    }

    /// The raw score of a node where the pod gets these devices: the earlier an alternative in its request, the more.
    pub fn score(&self, on_node: &NodeDevices) -> i64 {
        if on_node.allocations.is_empty() && on_node.special.is_none() {
            return 0; // nothing was allocated in this cycle
        }
        let new = |at: usize| on_node.allocations.iter().find(|(of, _)| *of == at).map(|(_, found)| found);
        let of_claim = |(at, claim): (usize, &&ResourceClaim)| {
            claim.allocation.as_ref().or_else(|| new(at)).map_or(0, |found| score(claim, found))
        };
        self.claims.iter().enumerate().map(of_claim).sum()
    }

    /// What can be done if no node fits. The nodes are those that were rejected because of unavailable claims.
    pub fn remedy<'n>(&self, nodes: impl IntoIterator<Item = NodeView<'n>>) -> Remedy<'a> {
        let left = match self.special {
            Some(Special::Left(claim)) => Some(claim),
            _ => None,
        };
        let unavailable: BTreeSet<usize> =
            nodes.into_iter().flat_map(|node| self.unavailable(node)).collect();
        let mine = |claim: &&ResourceClaim| match &claim.reserved_for[..] {
            [] => true,
            [consumer] => consumer.uid == self.pod.uid,
            _ => false,
        };
        let user = unavailable.into_iter().filter_map(|at| self.claims.get(at).copied());
        Remedy { clears: user.filter(mine).collect(), deletes: left }
    }
}

fn score(claim: &ResourceClaim, allocation: &Allocation) -> i64 {
    let has = |request: &DeviceRequest, alternative: &SubRequest| {
        let name = format!("{}/{}", request.name, alternative.name);
        allocation.results.iter().any(|result| *result.request == name)
    };
    let of_request = |request: &DeviceRequest| match &request.ask {
        Ask::Exactly(_) => 0,
        Ask::FirstAvailable(all) => all
            .iter()
            .zip((0..ALTERNATIVES_MAX).rev())
            .filter(|(alternative, _)| has(request, alternative))
            .map(|(_, points)| points + 1)
            .sum(),
    };
    claim.spec.requests.iter().map(of_request).sum()
}
