//! LimitRanger: requests and limits of containers that set none, and bounds on them.
//!
//! Upstream: `plugin/pkg/admission/limitranger/admission.go`.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::node::ResourceList;
use berth_model::pod::{Container, PodSpec};
use berth_model::policy::{LimitRange, LimitRangeItem, LimitScope};
use berth_model::quantity::Quantity;

use super::Remarks;

type Amounts = BTreeMap<Str, Quantity>;

/// The limit ranges of each namespace, in input order.
pub(super) struct LimitRanges<'a>(BTreeMap<&'a str, Vec<&'a LimitRange>>);

impl<'a> LimitRanges<'a> {
    /// The limit ranges of the input.
    pub(super) fn new(manifests: &'a Manifests) -> Self {
        let mut ranges: BTreeMap<&str, Vec<&LimitRange>> = BTreeMap::new();
        for entry in &manifests.limit_ranges {
            ranges.entry(&entry.value.namespace).or_default().push(&entry.value);
        }
        Self(ranges)
    }

    fn of(&self, namespace: &str) -> &[&'a LimitRange] {
        self.0.get(namespace).map_or(&[], |ranges| ranges)
    }

    /// Gives containers what they do not set. Tells whether anything changed.
    pub(super) fn apply_defaults(&self, spec: &mut PodSpec) -> bool {
        let mut changed = false;
        for range in self.of(&spec.namespace) {
            let items = || range.items.iter().filter(|item| item.scope == LimitScope::Container);
            // Of two items that default one resource the later counts.
            let limits: Amounts = items().flat_map(|item| item.default_limits.iter().cloned()).collect();
            let requests: Amounts = items().flat_map(|item| item.default_requests.iter().cloned()).collect();
            for container in spec.containers.iter_mut().chain(&mut spec.init_containers) {
                changed |= fill(&mut container.limits, &limits);
                changed |= fill(&mut container.requests, &requests);
            }
        }
        changed
    }

    /// Says which bounds the pod violates.
    pub(super) fn check(&self, spec: &PodSpec, remarks: &mut Remarks) {
        let ranges = self.of(&spec.namespace);
        if ranges.is_empty() {
            return;
        }
        for container in spec.containers.iter().chain(&spec.init_containers) {
            check_limits(container, remarks);
        }
        for item in ranges.iter().flat_map(|range| &range.items) {
            match item.scope {
                LimitScope::Container => {
                    for container in spec.containers.iter().chain(&spec.init_containers) {
                        let list = |list: &ResourceList| list.iter().cloned().collect();
                        check(
                            "Container",
                            item,
                            &list(&container.requests),
                            &list(&container.limits),
                            remarks,
                        );
                    }
                }
                LimitScope::Pod => {
                    let requests = pod_total(spec, |c| &c.requests, spec.pod_requests.as_ref());
                    let limits = pod_total(spec, |c| &c.limits, Some(&spec.pod_limits));
                    check("Pod", item, &requests, &limits, remarks);
                }
                LimitScope::Other => {}
            }
        }
    }
}

fn fill(list: &mut ResourceList, defaults: &Amounts) -> bool {
    let before = list.len();
    for (name, amount) in defaults {
        if let Err(at) = list.binary_search_by(|(known, _)| known.cmp(name)) {
            list.insert(at, (name.clone(), *amount));
        }
    }
    list.len() > before
}

/// What a pod asks for: the peak of its containers, or what the pod says itself of CPU and memory.
fn pod_total(
    spec: &PodSpec,
    amounts: fn(&Container) -> &ResourceList,
    pod_level: Option<&ResourceList>,
) -> Amounts {
    let mut total = spec.peak_of_containers(amounts);
    for (name, amount) in pod_level.into_iter().flatten() {
        if matches!(&**name, "cpu" | "memory") {
            total.insert(name.clone(), *amount);
        }
    }
    total
}

/// A container whose own request is above the limit that a limit range gives it. Manifests that say both are refused
/// when they are read. Upstream: `pkg/apis/core/validation/validation.go` (`validateContainerResourceRequirements`).
fn check_limits(container: &Container, remarks: &mut Remarks) {
    for (name, limit) in &container.limits {
        let request = container.requests.iter().find(|(known, request)| known == name && request > limit);
        if let Some((_, request)) = request {
            remarks.warnings.push(format!(
                "container {}: with the defaults of a limit range, the {name} request of {request} is more than the limit of \
                 {limit}: the API server would refuse it; taken as it is",
                container.name
            ));
        }
    }
}

fn check(per: &str, item: &LimitRangeItem, requests: &Amounts, limits: &Amounts, remarks: &mut Remarks) {
    let mut refuse = |bound: &str, name: &Str, amount: Quantity, why: &str| {
        remarks.warnings.push(format!(
            "violates a limit range ({bound} {name} usage per {per} is {amount}{why}): the API server would refuse it; \
             taken as it is"
        ));
    };
    for (name, bound) in &item.min {
        match (requests.get(name), limits.get(name)) {
            (None, _) => refuse("minimum", name, *bound, ".  No request is specified"),
            (Some(request), _) if request < bound => {
                refuse("minimum", name, *bound, &format!(", but request is {request}"));
            }
            (_, Some(limit)) if limit < bound => {
                refuse("minimum", name, *bound, &format!(", but limit is {limit}"))
            }
            _ => {}
        }
    }
    for (name, bound) in &item.max {
        match (requests.get(name), limits.get(name)) {
            (_, None) => refuse("maximum", name, *bound, ".  No limit is specified"),
            (_, Some(limit)) if limit > bound => {
                refuse("maximum", name, *bound, &format!(", but limit is {limit}"))
            }
            (Some(request), _) if request > bound => {
                refuse("maximum", name, *bound, &format!(", but request is {request}"));
            }
            _ => {}
        }
    }
}
