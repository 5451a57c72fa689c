//! Resource slices.

use berth_model::Str;
use berth_model::device::{
    Attribute, Capacity, CounterSet, Device, Pool, Reach, RequestPolicy, ResourceSlice, ValidRange,
};
use berth_model::quantity::Amount;

use super::value::{
    AmountField, Amounts, DeviceTaintWire, Keyed, check_driver, check_pool, check_size, check_unique,
};
use crate::context::{Context, Step};
use crate::decode::{AnyMap, IntoModel, List, Obj, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::selector::NodeSelectorWire;
use crate::syntax::{check_dns_label, check_label_key, check_subdomain};

wire_object! {
    /// `v1.DeviceAttribute`.
    pub(crate) struct AttributeWire {
        int: Option<i64> = "int",
        boolean: Option<bool> = "bool",
        string: Option<Str> = "string",
        version: Option<Str> = "version",
        ints: Option<Vec<i64>> = "ints",
        bools: Option<Vec<bool>> = "bools",
        strings: Option<Vec<Str>> = "strings",
        versions: Option<Vec<Str>> = "versions",
    }
    skipped {}
}

impl IntoModel for AttributeWire {
    type Out = Attribute;

    fn into_model(self, cx: &mut Context) -> Attribute {
        if [&self.string, &self.version].into_iter().flatten().any(|text| text.len() > 64) {
            cx.problem("has more than 64 bytes");
        }
        let values = [
            self.int.map(Attribute::Int),
            self.boolean.map(Attribute::Bool),
            self.string.map(Attribute::String),
            self.version.map(Attribute::Version),
            self.ints.map(Attribute::Ints),
            self.bools.map(Attribute::Bools),
            self.strings.map(Attribute::Strings),
            self.versions.map(Attribute::Versions),
        ];
        let mut values = values.into_iter().flatten();
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => {
                cx.problem("exactly one value must be specified: int, bool, string or version");
                Attribute::Bool(false)
            }
        }
    }
}

wire_object! {
    /// `v1.CapacityRequestPolicyRange`.
    pub(crate) struct RangeWire {
        min: Option<AmountField> = "min",
        max: Option<AmountField> = "max",
        step: Option<AmountField> = "step",
    }
    skipped {}
}

wire_object! {
    /// `v1.CapacityRequestPolicy`.
    pub(crate) struct PolicyWire {
        default: Option<AmountField> = "default",
        values: Amounts = "validValues",
        range: Option<RangeWire> = "validRange",
    }
    skipped {}
}

impl IntoModel for PolicyWire {
    type Out = RequestPolicy;

    fn into_model(self, cx: &mut Context) -> RequestPolicy {
        let amount = |field: Option<AmountField>| field.map(|field| field.0);
        let range = self.range.map(|range| ValidRange {
            min: amount(range.min),
            max: amount(range.max),
            step: amount(range.step),
        });
        let policy =
            RequestPolicy { default: amount(self.default), valid_values: self.values.0, valid_range: range };
        check_size(cx, "validValues", policy.valid_values.len(), 10);
        if !policy.valid_values.is_empty() && policy.valid_range.is_some() {
            cx.problem("validValues and validRange exclude each other");
        }
        if policy.default.is_none() && (!policy.valid_values.is_empty() || policy.valid_range.is_some()) {
            cx.problem_at("default", "missing; it is required with validValues or validRange");
        }
        if !policy.valid_values.is_sorted() {
            cx.problem_at("validValues", "must be sorted in ascending order");
        }
        if let Some(default) = policy.default.as_ref().filter(|_| !policy.valid_values.is_empty())
            && !policy.valid_values.contains(default)
        {
            cx.problem_at("default", format!("found {default}, which is none of the valid values"));
        }
        if let Some(range) = &policy.valid_range {
            cx.within(Step::Field("validRange"), |cx| check_range(cx, range, policy.default.as_ref()));
        }
        policy
    }
}

fn check_range(cx: &mut Context, range: &ValidRange, default: Option<&Amount>) {
    let Some(min) = &range.min else {
        return cx.problem_at("min", "missing; a range has a smallest amount");
    };
    let above = |amount: &Amount| range.max.as_ref().is_some_and(|max| amount > max);
    if above(min) {
        cx.problem_at("max", format!("is smaller than min ({min})"));
    }
    if let Some(default) = default.filter(|default| *default < min || above(default)) {
        cx.problem(format!("does not contain the default {default}"));
    }
    let Some(step) = &range.step else { return };
    if step.value() <= 0 || step.is_negative() {
        return cx.problem_at("step", format!("found {step}, expected an amount above zero"));
    }
    for amount in default.into_iter().chain(&range.max) {
        if amount.value().wrapping_sub(min.value()) % step.value() != 0 {
            cx.problem_at("step", format!("{amount} is not a multiple of the step {step} from {min}"));
        }
    }
}

wire_object! {
    /// `v1.DeviceCapacity`.
    pub(crate) struct CapacityWire {
        value: AmountField = "value",
        policy: Obj<PolicyWire> = "requestPolicy",
    }
    skipped {}
}

impl IntoModel for CapacityWire {
    type Out = Capacity;

    fn into_model(self, _: &mut Context) -> Capacity {
        Capacity { value: self.value.0, policy: self.policy.0 }
    }
}

wire_object! {
    /// `v1.Counter`.
    pub(crate) struct CounterWire {
        value: AmountField = "value",
    }
    skipped {}
}

impl IntoModel for CounterWire {
    type Out = Amount;

    fn into_model(self, _: &mut Context) -> Amount {
        self.value.0
    }
}

wire_object! {
    /// `v1.CounterSet`.
    pub(crate) struct CounterSetWire {
        name: Str = "name",
        counters: Keyed<CounterWire> = "counters",
    }
    skipped {}
}

wire_object! {
    /// `v1.DeviceCounterConsumption`.
    pub(crate) struct ConsumptionWire {
        set: Str = "counterSet",
        counters: Keyed<CounterWire> = "counters",
        groups: Vec<Str> = "compatibilityGroups",
    }
    skipped {}
}

fn counter_set(cx: &mut Context, field: &'static str, name: Str, counters: Keyed<CounterWire>) -> CounterSet {
    check_dns_label(cx, field, &name);
    if counters.0.is_empty() {
        cx.problem_at("counters", "missing; expected at least one counter");
    }
    check_size(cx, "counters", counters.0.len(), 32);
    CounterSet { name, counters: counters.labels(cx, "counters") }
}

impl IntoModel for CounterSetWire {
    type Out = CounterSet;

    fn into_model(self, cx: &mut Context) -> CounterSet {
        counter_set(cx, "name", self.name, self.counters)
    }
}

impl IntoModel for ConsumptionWire {
    /// And whether it belongs to compatibility groups.
    type Out = (CounterSet, bool);

    fn into_model(self, cx: &mut Context) -> Self::Out {
        let grouped = !self.groups.is_empty();
        (counter_set(cx, "counterSet", self.set, self.counters), grouped)
    }
}

wire_object! {
    /// `v1.Device`.
    pub(crate) struct DeviceWire {
        name: Str = "name",
        attributes: Keyed<AttributeWire> = "attributes",
        capacity: Keyed<CapacityWire> = "capacity",
        consumes: List<ConsumptionWire> = "consumesCounters",
        node: Option<Str> = "nodeName",
        selector: Obj<NodeSelectorWire> = "nodeSelector",
        all: Option<bool> = "allNodes",
        taints: List<DeviceTaintWire> = "taints",
        binds: bool = "bindsToNode",
        conditions: Option<Vec<Str>> = "bindingConditions",
        failures: Vec<Str> = "bindingFailureConditions",
        multiple: Option<bool> = "allowMultipleAllocations",
        allocatable: AnyMap = "nodeAllocatableResources",
    }
    skipped {}
}

impl IntoModel for DeviceWire {
    type Out = Device;

    fn into_model(self, cx: &mut Context) -> Device {
        check_dns_label(cx, "name", &self.name);
        check_size(cx, "attributes", self.attributes.0.len() + self.capacity.0.len(), 32);
        check_size(cx, "consumesCounters", self.consumes.0.len(), 2);
        check_size(cx, "taints", self.taints.0.len(), 16);
        check_bindings(cx, self.conditions.as_deref().unwrap_or_default(), &self.failures);
        let shared = self.multiple == Some(true);
        let capacity = self.capacity.qualified(cx, "capacity");
        if let Some((name, _)) = capacity.iter().find(|(_, capacity)| !shared && capacity.policy.is_some()) {
            let message = format!("requestPolicy of {name} needs allowMultipleAllocations: true");
            cx.problem_at("capacity", message);
        }
        let selected =
            Selection { node: self.node, selector: self.selector, all: self.all, per_device: None };
        let grouped = self.consumes.0.iter().any(|(_, grouped)| *grouped);
        let consumes_counters: Vec<CounterSet> = self.consumes.0.into_iter().map(|(set, _)| set).collect();
        check_unique(cx, "consumesCounters", consumes_counters.iter().map(|set| &set.name));
        Device {
            name: self.name,
            attributes: self.attributes.qualified(cx, "attributes"),
            capacity,
            consumes_counters,
            reach: selected.reach(cx, None),
            taints: self.taints.0,
            binds_to_node: self.binds,
            binding_conditions: self.conditions,
            binding_failure_conditions: self.failures,
            allow_multiple_allocations: self.multiple,
            has_compatibility_groups: grouped,
        }
    }
}

fn check_bindings(cx: &mut Context, conditions: &[Str], failures: &[Str]) {
    for (field, names) in [("bindingConditions", conditions), ("bindingFailureConditions", failures)] {
        check_size(cx, field, names.len(), 4);
        check_unique(cx, field, names.iter());
        for name in names {
            check_label_key(cx, field, name);
        }
    }
    if let Some(both) = failures.iter().find(|name| conditions.contains(name)) {
        cx.problem_at("bindingFailureConditions", format!("{both} is in bindingConditions too"));
    }
    if conditions.is_empty() != failures.is_empty() {
        cx.problem("bindingConditions and bindingFailureConditions are only used together");
    }
}

/// From which nodes something can be reached: at most one of these.
struct Selection {
    node: Option<Str>,
    selector: Obj<NodeSelectorWire>,
    all: Option<bool>,
    per_device: Option<bool>,
}

impl Selection {
    /// `required` is what to say if none is given.
    fn reach(self, cx: &mut Context, required: Option<&str>) -> Reach {
        for (field, value) in [("allNodes", self.all), ("perDeviceNodeSelection", self.per_device)] {
            if value == Some(false) {
                cx.problem_at(field, "must be either unset or true");
            }
        }
        if let Some(node) = &self.node {
            check_subdomain(cx, "nodeName", node);
        }
        if self.selector.0.as_ref().is_some_and(|selector| selector.terms.len() != 1) {
            let message = "must have exactly one node selector term";
            cx.within(Step::Field("nodeSelector"), |cx| cx.problem_at("nodeSelectorTerms", message));
        }
        let given = [
            self.node.map(Reach::Node),
            self.selector.0.map(Reach::Selected),
            self.all.map(|_| Reach::AllNodes),
            self.per_device.map(|_| Reach::PerDevice),
        ];
        let mut given = given.into_iter().flatten();
        let (first, second) = (given.next(), given.next());
        if let (Some(message), None) = (required, &first) {
            cx.problem(message);
        }
        if second.is_some() {
            cx.problem("nodeName, nodeSelector, allNodes and perDeviceNodeSelection exclude each other");
        }
        first.unwrap_or_default()
    }
}

wire_object! {
    /// `v1.ResourcePool`.
    pub(crate) struct PoolWire {
        name: Str = "name",
        generation: i64 = "generation",
        count: i64 = "resourceSliceCount",
    }
    skipped {}
}

impl IntoModel for PoolWire {
    type Out = Pool;

    fn into_model(self, cx: &mut Context) -> Pool {
        check_pool(cx, "name", &self.name);
        if self.generation < 0 {
            cx.problem_at("generation", format!("found {}, must not be negative", self.generation));
        }
        if self.count <= 0 {
            cx.problem_at("resourceSliceCount", format!("found {}, must be above zero", self.count));
        }
        Pool { name: self.name, generation: self.generation, slice_count: self.count }
    }
}

wire_object! {
    /// `v1.ResourceSliceSpec`.
    pub(crate) struct SliceSpecWire {
        driver: Str = "driver",
        pool: Obj<PoolWire> = "pool",
        node: Option<Str> = "nodeName",
        selector: Obj<NodeSelectorWire> = "nodeSelector",
        all: Option<bool> = "allNodes",
        per_device: Option<bool> = "perDeviceNodeSelection",
        devices: List<DeviceWire> = "devices",
        counters: List<CounterSetWire> = "sharedCounters",
    }
    skipped { "partitionTypeAttribute" "skipNodeOperations" }
}

wire_object! {
    /// `resource.k8s.io/v1.ResourceSlice`.
    pub(crate) struct SliceWire {
        meta: MetaField = "metadata",
        spec: SliceSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(ResourceSlice, SliceWire, encode::resource_slice);

impl IntoModel for SliceWire {
    type Out = ResourceSlice;

    fn into_model(self, cx: &mut Context) -> ResourceSlice {
        let meta = self.meta.named(cx);
        let SliceSpecWire { driver, pool, node, selector, all, per_device, devices, counters } = self.spec;
        cx.within(Step::Field("spec"), |cx| {
            check_driver(cx, "driver", &driver);
            if pool.0.is_none() {
                cx.problem_at("pool", "missing; a slice belongs to a pool");
            }
            let selected = Selection { node, selector, all, per_device };
            let required =
                "exactly one of nodeName, nodeSelector, allNodes and perDeviceNodeSelection is required";
            let reach = selected.reach(cx, Some(required));
            if !devices.0.is_empty() && !counters.0.is_empty() {
                cx.problem("devices and sharedCounters exclude each other");
            }
            check_devices(cx, &reach, &devices.0);
            check_size(cx, "sharedCounters", counters.0.len(), 8);
            check_unique(cx, "sharedCounters", counters.0.iter().map(|set| &set.name));
            ResourceSlice {
                name: meta.name,
                driver,
                pool: pool.0.unwrap_or_default(),
                reach,
                devices: devices.0,
                shared_counters: counters.0,
            }
        })
    }
}

fn check_devices(cx: &mut Context, reach: &Reach, devices: &[Device]) {
    let advanced =
        devices.iter().any(|device| !device.taints.is_empty() || !device.consumes_counters.is_empty());
    check_size(cx, "devices", devices.len(), if advanced { 64 } else { 128 });
    check_unique(cx, "devices", devices.iter().map(|device| &device.name));
    for (at, device) in devices.iter().enumerate() {
        let message = match (reach, &device.reach) {
            (Reach::PerDevice, Reach::Nowhere) => {
                "exactly one of nodeName, nodeSelector and allNodes is required, since the slice has perDeviceNodeSelection"
            }
            (Reach::PerDevice, _) | (_, Reach::Nowhere) => continue,
            _ => "nodeName, nodeSelector and allNodes need perDeviceNodeSelection: true in the slice",
        };
        cx.within(Step::Field("devices"), |cx| cx.within(Step::Index(at), |cx| cx.problem(message)));
    }
}
