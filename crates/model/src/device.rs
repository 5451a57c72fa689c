//! Devices that a driver offers, and claims on them: the objects of `resource.k8s.io/v1`.
//!
//! Upstream: api `resource/v1/types.go`. Only what the default feature gates of 1.37 let a user set is here.

use std::fmt;

use crate::quantity::Amount;
use crate::selector::NodeSelector;
use crate::{Str, UnixSeconds};

/// The most devices that one claim can have.
pub const ALLOCATION_RESULTS_MAX: usize = 32;

/// `v1.DeviceClass`: a kind of device, by selectors, with configuration for its driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceClass {
    /// Its name.
    pub name: Str,
    /// CEL expressions; a device of the class satisfies all of them.
    pub selectors: Vec<Str>,
    /// Configuration that each allocation of the class carries.
    pub config: Vec<OpaqueConfig>,
    /// The extended resource that pods can request in place of a claim.
    pub extended_resource_name: Option<Str>,
    /// When the object was made; of several classes for one extended resource, the newest wins.
    pub created: Option<UnixSeconds>,
}

/// Configuration of a driver, which nothing but the driver understands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OpaqueConfig {
    /// The driver.
    pub driver: Str,
    /// Its parameters, as JSON text.
    pub parameters: Str,
}

/// `v1.ResourceSlice`: a part of a pool of devices, or the counters that devices of the pool share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResourceSlice {
    /// Its name, which orders the slices of a pool.
    pub name: Str,
    /// The driver.
    pub driver: Str,
    /// The pool that it is a part of.
    pub pool: Pool,
    /// From which nodes the devices can be reached.
    pub reach: Reach,
    /// The devices; a slice has these or counters.
    pub devices: Vec<Device>,
    /// Counters that devices of the pool consume from.
    pub shared_counters: Vec<CounterSet>,
}

/// `v1.ResourcePool`: which pool a slice belongs to, and how many slices make it complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pool {
    /// The name, unique for a driver.
    pub name: Str,
    /// Slices of the highest generation count.
    pub generation: i64,
    /// How many slices of the generation there are when the driver has published all.
    pub slice_count: i64,
}

/// From which nodes a slice or a device can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reach {
    /// From no node: none of the fields is set.
    #[default]
    Nowhere,
    /// From the node of this name.
    Node(Str),
    /// From every node.
    AllNodes,
    /// From nodes that match.
    Selected(NodeSelector),
    /// Each device says it by itself.
    PerDevice,
}

/// `v1.Device`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Device {
    /// The name, unique in the pool.
    pub name: Str,
    /// Attributes by qualified name (`domain/id`, or `id` in the driver's domain), sorted by name.
    pub attributes: Vec<(Str, Attribute)>,
    /// Capacities by qualified name, sorted by name.
    pub capacity: Vec<(Str, Capacity)>,
    /// What the device takes of shared counters.
    pub consumes_counters: Vec<CounterSet>,
    /// From which nodes it can be reached, if the slice leaves that to its devices.
    pub reach: Reach,
    /// Taints of the device, then those of rules.
    pub taints: Vec<DeviceTaint>,
    /// Whether an allocation binds the claim to the node.
    pub binds_to_node: bool,
    /// Conditions that must be true before a pod is bound; `None` if the field is absent.
    pub binding_conditions: Option<Vec<Str>>,
    /// Conditions that mean that binding has failed.
    pub binding_failure_conditions: Vec<Str>,
    /// Whether several claims can share the device, each with a part of its capacity; `None` if the field is absent.
    pub allow_multiple_allocations: Option<bool>,
    /// Whether it belongs to compatibility groups, a feature that is off by default: its slice is ignored.
    pub has_compatibility_groups: bool,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// An integer.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A text.
    String(Str),
    /// A semantic version.
    Version(Str),
    /// Integers. Lists need a feature gate that is off by default, but selectors read them.
    Ints(Vec<i64>),
    /// Truth values.
    Bools(Vec<bool>),
    /// Texts.
    Strings(Vec<Str>),
    /// Semantic versions.
    Versions(Vec<Str>),
}

/// `v1.DeviceCapacity`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Capacity {
    /// How much the device has.
    pub value: Amount,
    /// Which amounts a claim can ask for, if the device can be shared.
    pub policy: Option<RequestPolicy>,
}

/// `v1.CapacityRequestPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestPolicy {
    /// What a claim gets that asks for nothing.
    pub default: Option<Amount>,
    /// The amounts that can be had, in ascending order.
    pub valid_values: Vec<Amount>,
    /// The range of amounts that can be had.
    pub valid_range: Option<ValidRange>,
}

/// `v1.CapacityRequestPolicyRange`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValidRange {
    /// The smallest amount; less is rounded up to it.
    pub min: Option<Amount>,
    /// The largest amount.
    pub max: Option<Amount>,
    /// Amounts are the smallest one and whole steps.
    pub step: Option<Amount>,
}

/// `v1.CounterSet` of a slice, or `v1.DeviceCounterConsumption` of a device: amounts by counter, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CounterSet {
    /// The name of the set.
    pub name: Str,
    /// The counters.
    pub counters: Vec<(Str, Amount)>,
}

/// What a taint of a device does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeviceTaintEffect {
    /// Nothing; the taint informs.
    None,
    /// Claims that do not tolerate it do not get the device.
    NoSchedule,
    /// As `NoSchedule`, and pods that have the device are evicted.
    NoExecute,
    /// An effect of a later version, which is ignored.
    Other(Str),
}

/// `v1.DeviceTaint`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceTaint {
    /// The key.
    pub key: Str,
    /// The value, empty if there is none.
    pub value: Str,
    /// What it does.
    pub effect: DeviceTaintEffect,
}

/// `v1.DeviceToleration`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceToleration {
    /// The key; empty with `Exists` tolerates every taint.
    pub key: Str,
    /// Whether every value is tolerated (`Exists`), or one (`Equal`).
    pub exists: bool,
    /// The tolerated value.
    pub value: Str,
    /// The effect; `None` tolerates all.
    pub effect: Option<DeviceTaintEffect>,
    /// How long a `NoExecute` taint is tolerated.
    pub seconds: Option<i64>,
}

impl DeviceToleration {
    /// Whether the taint is tolerated. Upstream: `resourceclaim/devicetoleration.go`.
    pub fn tolerates(&self, taint: &DeviceTaint) -> bool {
        self.effect.as_ref().is_none_or(|effect| *effect == taint.effect)
            && (self.key.is_empty() || self.key == taint.key)
            && (self.exists || self.value == taint.value)
    }
}

/// `v1.DeviceTaintRule`: a taint for devices that match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceTaintRule {
    /// The name.
    pub name: Str,
    /// Which devices; a rule without selector matches none.
    pub selector: Option<DeviceTaintSelector>,
    /// The taint.
    pub taint: DeviceTaint,
}

/// `v1.DeviceTaintSelector`: devices of this driver, pool and name, as far as they are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceTaintSelector {
    /// The driver.
    pub driver: Option<Str>,
    /// The pool.
    pub pool: Option<Str>,
    /// The device.
    pub device: Option<Str>,
}

/// `v1.ResourceClaim`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResourceClaim {
    /// The namespace.
    pub namespace: Str,
    /// The name.
    pub name: Str,
    /// What tells it from an earlier claim of the same name.
    pub uid: Str,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The pod that owns it, if it was made for one.
    pub owner: Option<OwnerPod>,
    /// Whether the scheduler made it for extended resources (annotation
    /// `resource.kubernetes.io/extended-resource-claim`).
    pub extended: bool,
    /// What is asked for.
    pub spec: ClaimSpec,
    /// What it got.
    pub allocation: Option<Allocation>,
    /// Who can use it.
    pub reserved_for: Vec<Consumer>,
    /// Conditions of its devices, as their drivers report them.
    pub devices: Vec<DeviceStatus>,
}

impl ResourceClaim {
    /// Whether it was made for the pod with this uid.
    pub fn is_owned_by(&self, pod: &str) -> bool {
        self.owner.as_ref().is_some_and(|owner| *owner.uid == *pod)
    }

    /// The pod for whose extended resources the scheduler made it.
    pub fn extended_owner(&self) -> Option<&OwnerPod> {
        self.owner.as_ref().filter(|_| self.extended)
    }

    /// Only the consumers that stay can use it. If none does, it loses its devices.
    ///
    /// Upstream: `pkg/controller/resourceclaim/controller.go` (`syncClaim`).
    pub fn release(&mut self, stays: impl Fn(&Consumer) -> bool) {
        self.reserved_for.retain(stays);
        if self.reserved_for.is_empty() {
            self.allocation = None;
            self.devices.clear();
        }
    }
}

/// The pod that owns a claim (`metadata.ownerReferences`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnerPod {
    /// Its name.
    pub name: Str,
    /// Its uid.
    pub uid: Str,
}

/// `v1.ResourceClaimTemplate`: the claim that each pod that refers to it gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResourceClaimTemplate {
    /// The namespace.
    pub namespace: Str,
    /// The name.
    pub name: Str,
    /// What the claims ask for.
    pub spec: ClaimSpec,
}

/// `v1.ResourceClaimSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClaimSpec {
    /// The requests, each for devices of one kind.
    pub requests: Vec<DeviceRequest>,
    /// What devices of several requests must have in common.
    pub constraints: Vec<DeviceConstraint>,
    /// Configuration for the drivers.
    pub config: Vec<ClaimConfig>,
}

/// `v1.DeviceRequest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceRequest {
    /// The name.
    pub name: Str,
    /// The alternatives in order of preference (`firstAvailable`), or the one request without a name (`exactly`).
    pub ask: Ask,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Exactly this. Its name is that of the request.
    Exactly(SubRequest),
    /// The first of these that can be had.
    FirstAvailable(Vec<SubRequest>),
}

impl Default for Ask {
    fn default() -> Self {
        Self::Exactly(SubRequest::default())
    }
}

/// `v1.ExactDeviceRequest` or `v1.DeviceSubRequest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubRequest {
    /// The name: of the request, or of the alternative in it.
    pub name: Str,
    /// The class of the devices.
    pub class: Str,
    /// CEL expressions; the devices satisfy all of them.
    pub selectors: Vec<Str>,
    /// How many.
    pub mode: AllocationMode,
    /// Whether devices in use can be had too; `None` if the field is absent.
    pub admin_access: Option<bool>,
    /// Taints that do not matter.
    pub tolerations: Vec<DeviceToleration>,
    /// How much of each capacity, sorted by name; `None` if the field is absent.
    pub capacity: Option<Vec<(Str, Amount)>>,
}

/// How many devices a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AllocationMode {
    /// This number.
    Count(i64),
    /// All that match.
    All,
}

impl Default for AllocationMode {
    fn default() -> Self {
        Self::Count(1)
    }
}

/// `v1.DeviceConstraint`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceConstraint {
    /// The requests (`request` or `request/alternative`) whose devices are meant; none means all.
    pub requests: Vec<Str>,
    /// What must hold.
    pub rule: ConstraintRule,
}

/// What a constraint demands of the fully qualified attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConstraintRule {
    /// All devices have the attribute with the same value.
    Match(Str),
    /// All devices have the attribute, each with another value.
    Distinct(Str),
}

/// `v1.DeviceClaimConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClaimConfig {
    /// The requests that it is for; none means all.
    pub requests: Vec<Str>,
    /// The configuration.
    pub opaque: OpaqueConfig,
}

/// `v1.AllocationResult`: what a claim got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Allocation {
    /// The devices.
    pub results: Vec<AllocatedDevice>,
    /// Configuration of classes and of the claim.
    pub config: Vec<AllocationConfig>,
    /// The nodes from which the devices can be reached; `None` means all.
    pub node_selector: Option<NodeSelector>,
    /// When it was made, if the object says so.
    pub timestamp: Option<UnixSeconds>,
}

/// `v1.DeviceRequestAllocationResult`: one device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AllocatedDevice {
    /// For which request: `request` or `request/alternative`.
    pub request: Str,
    /// Which device.
    pub device: DeviceId,
    /// Whether it is had for administration, beside those who use it.
    pub admin_access: bool,
    /// The tolerations of the request.
    pub tolerations: Vec<DeviceToleration>,
    /// What must be true before a pod is bound.
    pub binding_conditions: Vec<Str>,
    /// What means that binding has failed.
    pub binding_failure_conditions: Vec<Str>,
    /// What tells this share of a device from others. Upstream draws it at random.
    pub share_id: Option<Str>,
    /// How much of the device is taken, sorted by name.
    pub consumed_capacity: Vec<(Str, Amount)>,
}

/// A device by driver, pool and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId {
    /// The driver.
    pub driver: Str,
    /// The pool.
    pub pool: Str,
    /// The device.
    pub device: Str,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.driver, self.pool, self.device)
    }
}

/// `v1.DeviceAllocationConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllocationConfig {
    /// Whether it comes from a class (or else from the claim).
    pub from_class: bool,
    /// The requests that it is for; none means all.
    pub requests: Vec<Str>,
    /// The configuration.
    pub opaque: OpaqueConfig,
}

/// `v1.ResourceClaimConsumerReference`: who uses a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Consumer {
    /// The API group; empty for pods.
    pub api_group: Str,
    /// The resource, `pods` or `podgroups`.
    pub resource: Str,
    /// The name.
    pub name: Str,
    /// The uid.
    pub uid: Str,
}

/// `v1.AllocatedDeviceStatus`, as far as it decides: conditions that are true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceStatus {
    /// Which device.
    pub device: DeviceId,
    /// The share, if the device is shared.
    pub share_id: Option<Str>,
    /// The types of the conditions whose status is `True`.
    pub true_conditions: Vec<Str>,
}
