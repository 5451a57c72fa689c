//! Claims on devices, who holds what, and who waits: `DeviceClaimList` of `berth.dev/v1alpha1`.

use std::collections::BTreeMap;

use berth_devices::pod_devices::claims_of;
use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::device::{AllocationMode, Ask, DeviceRequest, Reach, ResourceClaim, SubRequest};
use berth_sim::report::{API_VERSION, DeviceUse};
use serde::Serialize;

/// The claims of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceClaimList {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `DeviceClaimList`.
    pub kind: &'static str,
    /// The devices that nodes can reach, by class. A device counts in each class that it belongs to, and for each node that
    /// can reach it.
    pub classes: BTreeMap<String, DeviceUse>,
    /// The claims, by namespace and name.
    pub claims: Vec<DeviceClaim>,
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceClaim {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it asks for.
    pub requests: Vec<ClaimRequest>,
    /// The devices that it has; empty if they are not allocated yet.
    pub devices: Vec<ClaimedDevice>,
    /// The pods for which the devices are reserved, by name.
    pub pods: Vec<String>,
    /// The pods that wait for it, by name.
    pub pending_pods: Vec<String>,
    /// Why the first of them is pending, in upstream's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A request of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRequest {
    /// Its name.
    pub name: String,
    /// The alternatives, the preferred one first; most requests have one.
    pub alternatives: Vec<DeviceAsk>,
}

/// Devices that are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceAsk {
    /// Their class.
    pub class: String,
    /// How many; absent for all that match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
}

/// A device that a claim has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimedDevice {
    /// The request, or the request and its alternative.
    pub request: String,
    /// The driver.
    pub driver: String,
    /// The pool.
    pub pool: String,
    /// The device.
    pub device: String,
    /// The node that has it; absent if several nodes can reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// Pods that wait for a claim, with the reasons.
type WaitingPods<'a> = Vec<(String, Option<&'a str>)>;

impl DeviceClaimList {
    /// Lists the claims of a cluster. `pending` are the pods without a node and why they are pending.
    pub fn new<'a>(cluster: &Cluster, pending: impl Iterator<Item = (PodRow, Option<&'a str>)>) -> Self {
        let mut waiting: BTreeMap<(&str, &str), WaitingPods<'a>> = BTreeMap::new();
        for (row, message) in pending {
            let pod = &cluster.pods().entry(row).pod;
            // A pod whose claims are not there is listed with the pending pods.
            for claim in claims_of(cluster.devices(), pod).unwrap_or_default() {
                let waits = waiting.entry((&claim.namespace, &claim.name)).or_default();
                waits.push((pod.name.to_string(), message));
            }
        }
        let mut classes: BTreeMap<String, DeviceUse> = BTreeMap::new();
        for row in cluster.nodes().rows() {
            for (class, total, allocated) in cluster.device_totals(row) {
                let sum = classes.entry(class.to_string()).or_insert(DeviceUse { total: 0, allocated: 0 });
                sum.total += total;
                sum.allocated += allocated;
            }
        }
        let owners = owners(cluster);
        let claims = cluster.devices().claims().map(|claim| {
            let waits = waiting.remove(&(&*claim.namespace, &*claim.name)).unwrap_or_default();
            DeviceClaim::new(claim, &owners, waits)
        });
        Self { api_version: API_VERSION, kind: "DeviceClaimList", classes, claims: claims.collect() }
    }
}

/// The nodes of pools that only one node can reach, by driver and pool.
fn owners(cluster: &Cluster) -> BTreeMap<(&str, &str), &str> {
    let slices = cluster.devices().slices().values();
    let owned = slices.filter_map(|slice| match &slice.reach {
        Reach::Node(node) => Some(((&*slice.driver, &*slice.pool.name), &**node)),
        Reach::Nowhere | Reach::AllNodes | Reach::Selected(_) | Reach::PerDevice => None,
    });
    owned.collect()
}

impl DeviceClaim {
    fn new(claim: &ResourceClaim, owners: &BTreeMap<(&str, &str), &str>, mut waits: WaitingPods<'_>) -> Self {
        waits.sort_unstable();
        let results = claim.allocation.iter().flat_map(|allocation| &allocation.results);
        let devices = results.map(|result| {
            let id = &result.device;
            let node = owners.get(&(&*id.driver, &*id.pool)).map(|node| (*node).to_owned());
            ClaimedDevice {
                request: result.request.to_string(),
                driver: id.driver.to_string(),
                pool: id.pool.to_string(),
                device: id.device.to_string(),
                node,
            }
        });
        Self {
            namespace: claim.namespace.to_string(),
            name: claim.name.to_string(),
            requests: claim.spec.requests.iter().map(ClaimRequest::new).collect(),
            devices: devices.collect(),
            pods: claim.reserved_for.iter().map(|user| user.name.to_string()).collect(),
            message: waits.first().and_then(|(_, message)| message.map(str::to_owned)),
            pending_pods: waits.into_iter().map(|(name, _)| name).collect(),
        }
    }
}

impl ClaimRequest {
    fn new(request: &DeviceRequest) -> Self {
        let ask = |asked: &SubRequest| DeviceAsk {
            class: asked.class.to_string(),
            count: match asked.mode {
                AllocationMode::Count(count) => Some(count),
                AllocationMode::All => None,
            },
        };
        let alternatives = match &request.ask {
            Ask::Exactly(asked) => vec![ask(asked)],
            Ask::FirstAvailable(list) => list.iter().map(ask).collect(),
        };
        Self { name: request.name.to_string(), alternatives }
    }
}
