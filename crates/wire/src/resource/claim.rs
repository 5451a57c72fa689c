//! Claims, and templates of them.

use berth_model::Str;
use berth_model::device::{
    AllocatedDevice, Allocation, AllocationConfig, AllocationMode, Ask, ClaimConfig, ClaimSpec,
    ConstraintRule, Consumer, DeviceConstraint, DeviceId, DeviceRequest, DeviceStatus, OwnerPod,
    ResourceClaim, ResourceClaimTemplate, SubRequest,
};

use super::value::{
    AmountField, DeviceTolerationWire, Keyed, OpaqueWire, SelectorWire, check_fully_qualified, check_size,
    check_unique,
};
use crate::context::{Context, Step, quoted};
use crate::decode::{IntoModel, List, Obj, Time, wire_object};
use crate::encode;
use crate::meta::{Meta, MetaField};
use crate::object::wire_format;
use crate::selector::NodeSelectorWire;
use crate::syntax::{check_dns_label, check_subdomain};

/// The annotation of claims that the scheduler makes for extended resources.
const EXTENDED: &str = "resource.kubernetes.io/extended-resource-claim";

wire_object! {
    /// `v1.CapacityRequirements`.
    pub(crate) struct RequirementsWire {
        requests: Keyed<AmountField> = "requests",
    }
    skipped {}
}

macro_rules! sub_request {
    ($name:ident { $( $field:ident : $kind:ty = $key:literal ),* $(,)? }) => {
        wire_object! {
            pub(crate) struct $name {
                class: Str = "deviceClassName",
                selectors: List<SelectorWire> = "selectors",
                mode: Str = "allocationMode",
                count: i64 = "count",
                tolerations: List<DeviceTolerationWire> = "tolerations",
                capacity: Option<RequirementsWire> = "capacity",
                $( $field: $kind = $key, )*
            }
            skipped { "derivedAttributes" }
        }
    };
}
sub_request!(ExactWire { admin: Option<bool> = "adminAccess", });
sub_request!(AlternativeWire { name: Str = "name" });

impl IntoModel for ExactWire {
    type Out = SubRequest;

    fn into_model(self, cx: &mut Context) -> SubRequest {
        let Self { class, selectors, mode, count, tolerations, capacity, admin } = self;
        let parts = (class, selectors, mode, count, tolerations, capacity);
        SubRequest { admin_access: admin, ..sub_request(cx, parts) }
    }
}

impl IntoModel for AlternativeWire {
    type Out = SubRequest;

    fn into_model(self, cx: &mut Context) -> SubRequest {
        let Self { class, selectors, mode, count, tolerations, capacity, name } = self;
        check_dns_label(cx, "name", &name);
        SubRequest { name, ..sub_request(cx, (class, selectors, mode, count, tolerations, capacity)) }
    }
}

type SubRequestParts =
    (Str, List<SelectorWire>, Str, i64, List<DeviceTolerationWire>, Option<RequirementsWire>);

fn sub_request(cx: &mut Context, parts: SubRequestParts) -> SubRequest {
    let (class, selectors, mode, count, tolerations, capacity) = parts;
    check_subdomain(cx, "deviceClassName", &class);
    check_size(cx, "selectors", selectors.0.len(), 32);
    check_size(cx, "tolerations", tolerations.0.len(), 16);
    let mode = match (&*mode, count) {
        ("" | "ExactCount", 0) => AllocationMode::Count(1),
        ("" | "ExactCount", count) => {
            if count < 0 {
                cx.problem_at("count", format!("found {count}, must be above zero"));
            }
            AllocationMode::Count(count)
        }
        ("All", count) => {
            if count != 0 {
                cx.problem_at("count", format!("found {count}, must not be given with allocationMode All"));
            }
            AllocationMode::All
        }
        (other, _) => {
            cx.not_one_of("allocationMode", other, &["All", "ExactCount"]);
            AllocationMode::All
        }
    };
    SubRequest {
        name: Str::default(),
        class,
        selectors: selectors.0,
        mode,
        admin_access: None,
        tolerations: tolerations.0,
        capacity: capacity.map(|capacity| {
            cx.within(Step::Field("capacity"), |cx| capacity.requests.qualified(cx, "requests"))
        }),
    }
}

wire_object! {
    /// `v1.DeviceRequest`.
    pub(crate) struct RequestWire {
        name: Str = "name",
        exactly: Obj<ExactWire> = "exactly",
        first: List<AlternativeWire> = "firstAvailable",
    }
    skipped {}
}

impl IntoModel for RequestWire {
    type Out = DeviceRequest;

    fn into_model(self, cx: &mut Context) -> DeviceRequest {
        check_dns_label(cx, "name", &self.name);
        check_size(cx, "firstAvailable", self.first.0.len(), 8);
        check_unique(cx, "firstAvailable", self.first.0.iter().map(|alternative| &alternative.name));
        let ask = match (self.exactly.0, self.first.0.is_empty()) {
            (Some(exactly), true) => Ask::Exactly(SubRequest { name: self.name.clone(), ..exactly }),
            (None, false) => Ask::FirstAvailable(self.first.0),
            (found, _) => {
                let but = if found.is_some() { ", but both are set" } else { "" };
                cx.problem(format!("exactly one of exactly and firstAvailable is required{but}"));
                Ask::default()
            }
        };
        DeviceRequest { name: self.name, ask }
    }
}

wire_object! {
    /// `v1.DeviceConstraint`.
    pub(crate) struct ConstraintWire {
        requests: Vec<Str> = "requests",
        matched: Option<Str> = "matchAttribute",
        distinct: Option<Str> = "distinctAttribute",
    }
    skipped {}
}

impl IntoModel for ConstraintWire {
    type Out = DeviceConstraint;

    fn into_model(self, cx: &mut Context) -> DeviceConstraint {
        let rule = match (self.matched, self.distinct) {
            (Some(name), None) => {
                check_fully_qualified(cx, "matchAttribute", &name);
                ConstraintRule::Match(name)
            }
            (None, Some(name)) => {
                check_fully_qualified(cx, "distinctAttribute", &name);
                ConstraintRule::Distinct(name)
            }
            (found, _) => {
                let but = if found.is_some() { ", but both are set" } else { "" };
                cx.problem(format!("exactly one of matchAttribute and distinctAttribute is required{but}"));
                ConstraintRule::Match(Str::default())
            }
        };
        DeviceConstraint { requests: self.requests, rule }
    }
}

wire_object! {
    /// `v1.DeviceClaimConfiguration`.
    pub(crate) struct ClaimConfigWire {
        requests: Vec<Str> = "requests",
        opaque: Obj<OpaqueWire> = "opaque",
    }
    skipped {}
}

impl IntoModel for ClaimConfigWire {
    type Out = ClaimConfig;

    fn into_model(self, cx: &mut Context) -> ClaimConfig {
        if self.opaque.0.is_none() {
            cx.problem_at("opaque", "missing; a configuration is opaque parameters for a driver");
        }
        ClaimConfig { requests: self.requests, opaque: self.opaque.0.unwrap_or_default() }
    }
}

wire_object! {
    /// `v1.DeviceClaim`.
    pub(crate) struct DeviceClaimWire {
        requests: List<RequestWire> = "requests",
        constraints: List<ConstraintWire> = "constraints",
        config: List<ClaimConfigWire> = "config",
    }
    skipped {}
}

wire_object! {
    /// `v1.ResourceClaimSpec`.
    pub(crate) struct ClaimSpecWire {
        devices: DeviceClaimWire = "devices",
    }
    skipped {}
}

impl ClaimSpecWire {
    fn spec(self, cx: &mut Context) -> ClaimSpec {
        let DeviceClaimWire { requests, constraints, config } = self.devices;
        let spec = ClaimSpec { requests: requests.0, constraints: constraints.0, config: config.0 };
        cx.within(Step::Field("spec"), |cx| {
            cx.within(Step::Field("devices"), |cx| {
                check_size(cx, "requests", spec.requests.len(), 32);
                check_size(cx, "constraints", spec.constraints.len(), 32);
                check_size(cx, "config", spec.config.len(), 32);
                check_unique(cx, "requests", spec.requests.iter().map(|request| &request.name));
                for (at, constraint) in spec.constraints.iter().enumerate() {
                    check_references(cx, "constraints", at, &constraint.requests, &spec.requests);
                }
                for (at, config) in spec.config.iter().enumerate() {
                    check_references(cx, "config", at, &config.requests, &spec.requests);
                }
            });
        });
        spec
    }
}

/// Complains about names that are neither of a request nor of an alternative in it.
fn check_references(
    cx: &mut Context,
    field: &'static str,
    at: usize,
    names: &[Str],
    requests: &[DeviceRequest],
) {
    let known = |name: &str| {
        let (request, alternative) = name.split_once('/').map_or((name, None), |(a, b)| (a, Some(b)));
        let found = requests.iter().find(|known| *known.name == *request);
        found.is_some_and(|found| match (alternative, &found.ask) {
            (None, _) => true,
            (Some(name), Ask::FirstAvailable(all)) => all.iter().any(|one| *one.name == *name),
            (Some(_), Ask::Exactly(_)) => false,
        })
    };
    cx.within(Step::Field(field), |cx| {
        cx.within(Step::Index(at), |cx| {
            check_size(cx, "requests", names.len(), 32);
            check_unique(cx, "requests", names.iter());
            for name in names.iter().filter(|name| !known(name)) {
                let message = format!(
                    "found {}, expected the name of a request in the claim, or of a request and an alternative separated \
                     by '/'",
                    quoted(name)
                );
                cx.problem_at("requests", message);
            }
        });
    });
}

wire_object! {
    /// `v1.DeviceRequestAllocationResult`.
    pub(crate) struct ResultWire {
        request: Str = "request",
        driver: Str = "driver",
        pool: Str = "pool",
        device: Str = "device",
        admin: bool = "adminAccess",
        tolerations: List<DeviceTolerationWire> = "tolerations",
        conditions: Vec<Str> = "bindingConditions",
        failures: Vec<Str> = "bindingFailureConditions",
        share: Option<Str> = "shareID",
        consumed: Keyed<AmountField> = "consumedCapacity",
    }
    skipped { "skipNodeOperations" }
}

impl IntoModel for ResultWire {
    type Out = AllocatedDevice;

    fn into_model(self, _: &mut Context) -> AllocatedDevice {
        AllocatedDevice {
            request: self.request,
            device: DeviceId { driver: self.driver, pool: self.pool, device: self.device },
            admin_access: self.admin,
            tolerations: self.tolerations.0,
            binding_conditions: self.conditions,
            binding_failure_conditions: self.failures,
            share_id: self.share,
            consumed_capacity: self.consumed.0,
        }
    }
}

wire_object! {
    /// `v1.DeviceAllocationConfiguration`.
    pub(crate) struct AllocationConfigWire {
        source: Str = "source",
        requests: Vec<Str> = "requests",
        opaque: Obj<OpaqueWire> = "opaque",
    }
    skipped {}
}

impl IntoModel for AllocationConfigWire {
    type Out = AllocationConfig;

    fn into_model(self, cx: &mut Context) -> AllocationConfig {
        if !matches!(&*self.source, "FromClass" | "FromClaim") {
            cx.not_one_of("source", &self.source, &["FromClaim", "FromClass"]);
        }
        AllocationConfig {
            from_class: &*self.source == "FromClass",
            requests: self.requests,
            opaque: self.opaque.0.unwrap_or_default(),
        }
    }
}

wire_object! {
    /// `v1.DeviceAllocationResult`.
    pub(crate) struct DeviceResultsWire {
        results: List<ResultWire> = "results",
        config: List<AllocationConfigWire> = "config",
    }
    skipped {}
}

wire_object! {
    /// `v1.AllocationResult`.
    pub(crate) struct AllocationWire {
        devices: DeviceResultsWire = "devices",
        selector: Obj<NodeSelectorWire> = "nodeSelector",
        timestamp: Option<Time> = "allocationTimestamp",
    }
    skipped {}
}

impl IntoModel for AllocationWire {
    type Out = Allocation;

    fn into_model(self, _: &mut Context) -> Allocation {
        Allocation {
            results: self.devices.results.0,
            config: self.devices.config.0,
            node_selector: self.selector.0,
            timestamp: self.timestamp.map(|time| time.0),
        }
    }
}

wire_object! {
    /// `v1.ResourceClaimConsumerReference`.
    pub(crate) struct ConsumerWire {
        group: Str = "apiGroup",
        resource: Str = "resource",
        name: Str = "name",
        uid: Str = "uid",
    }
    skipped {}
}

impl IntoModel for ConsumerWire {
    type Out = Consumer;

    fn into_model(self, cx: &mut Context) -> Consumer {
        for (field, value) in [("resource", &self.resource), ("name", &self.name), ("uid", &self.uid)] {
            if value.is_empty() {
                cx.problem_at(field, "missing");
            }
        }
        Consumer { api_group: self.group, resource: self.resource, name: self.name, uid: self.uid }
    }
}

wire_object! {
    /// `metav1.Condition`.
    pub(crate) struct ConditionWire {
        kind: Str = "type",
        status: Str = "status",
    }
    skipped { "observedGeneration" "lastTransitionTime" "reason" "message" }
}

impl IntoModel for ConditionWire {
    /// The type of a condition that is true.
    type Out = Option<Str>;

    fn into_model(self, _: &mut Context) -> Option<Str> {
        (&*self.status == "True").then_some(self.kind)
    }
}

wire_object! {
    /// `v1.AllocatedDeviceStatus`.
    pub(crate) struct DeviceStatusWire {
        driver: Str = "driver",
        pool: Str = "pool",
        device: Str = "device",
        share: Option<Str> = "shareID",
        conditions: List<ConditionWire> = "conditions",
    }
    skipped { "data" "networkData" }
}

impl IntoModel for DeviceStatusWire {
    type Out = DeviceStatus;

    fn into_model(self, _: &mut Context) -> DeviceStatus {
        DeviceStatus {
            device: DeviceId { driver: self.driver, pool: self.pool, device: self.device },
            share_id: self.share,
            true_conditions: self.conditions.0.into_iter().flatten().collect(),
        }
    }
}

wire_object! {
    /// `v1.ResourceClaimStatus`.
    pub(crate) struct ClaimStatusWire {
        allocation: Obj<AllocationWire> = "allocation",
        reserved: List<ConsumerWire> = "reservedFor",
        devices: List<DeviceStatusWire> = "devices",
    }
    skipped {}
}

wire_object! {
    /// `resource.k8s.io/v1.ResourceClaim`.
    pub(crate) struct ResourceClaimWire {
        meta: MetaField = "metadata",
        spec: ClaimSpecWire = "spec",
        status: ClaimStatusWire = "status",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(ResourceClaim, ResourceClaimWire, encode::resource_claim, has_annotations: true);

impl IntoModel for ResourceClaimWire {
    type Out = ResourceClaim;

    fn into_model(self, cx: &mut Context) -> ResourceClaim {
        let Meta { name, namespace, uid, annotations, terminating, controller, .. } = self.meta.named(cx);
        let spec = self.spec.spec(cx);
        let ClaimStatusWire { allocation, reserved, devices } = self.status;
        cx.within(Step::Field("status"), |cx| {
            check_size(cx, "reservedFor", reserved.0.len(), 256);
            check_unique(cx, "reservedFor", reserved.0.iter().map(|consumer| &consumer.uid));
            if !reserved.0.is_empty() && allocation.0.is_none() {
                cx.problem_at("reservedFor", "must not be set without an allocation");
            }
        });
        ResourceClaim {
            namespace,
            name,
            uid,
            deleting: terminating,
            owner: controller
                .filter(|owner| &*owner.kind == "Pod")
                .map(|owner| OwnerPod { name: owner.name, uid: owner.uid }),
            extended: annotations.get(EXTENDED).is_some_and(|value| &**value == "true"),
            spec,
            allocation: allocation.0,
            reserved_for: reserved.0,
            devices: devices.0,
        }
    }
}

wire_object! {
    /// `v1.ResourceClaimTemplateSpec`.
    pub(crate) struct TemplateSpecWire {
        meta: MetaField = "metadata",
        spec: ClaimSpecWire = "spec",
    }
    skipped {}
}

wire_object! {
    /// `resource.k8s.io/v1.ResourceClaimTemplate`.
    pub(crate) struct ClaimTemplateWire {
        meta: MetaField = "metadata",
        spec: TemplateSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(ResourceClaimTemplate, ClaimTemplateWire, encode::claim_template);

impl IntoModel for ClaimTemplateWire {
    type Out = ResourceClaimTemplate;

    fn into_model(self, cx: &mut Context) -> ResourceClaimTemplate {
        let Meta { name, namespace, .. } = self.meta.named(cx);
        let spec = cx.within(Step::Field("spec"), |cx| self.spec.spec.spec(cx));
        ResourceClaimTemplate { namespace, name, spec }
    }
}
