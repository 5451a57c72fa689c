//! Admission: what the API server sets in a pod when the pod is created, from other objects in the cluster.
//!
//! The plugins that matter to scheduling and are on by default, in their order: LimitRanger's defaults, Priority,
//! DefaultTolerationSeconds, RuntimeClass, then LimitRanger's checks. Where the API server would refuse a pod, there
//! are two cases. If it is not clear what the pod would be (its priority class does not exist), it is a problem. If it
//! is clear (a request beyond the maximum), the pod is taken as it is, with a warning.
//!
//! Upstream: `plugin/pkg/admission`, `pkg/kubeapiserver/options/plugins.go`.

mod limit_range;
mod priority;
pub(crate) mod quota;
mod runtime_class;
mod storage_class;
#[cfg(test)]
mod tests;
mod toleration;

use berth_model::manifests::Manifests;
use berth_model::pod::{Pod, PodSpec};
use berth_model::pod_manifest::PodManifest;

use limit_range::LimitRanges;
use priority::Priorities;
use runtime_class::RuntimeClasses;

pub use quota::{Usage, refusal, usage};
pub use storage_class::DefaultClass;
pub use toleration::{NOT_READY, UNREACHABLE, tolerate};

/// The objects that admission consults.
pub struct Admission<'a> {
    limit_ranges: LimitRanges<'a>,
    priorities: Priorities,
    runtime_classes: RuntimeClasses<'a>,
}

/// What admission finds wrong with a pod.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Fields of the spec that name what does not exist, and what is wrong.
    pub problems: Vec<(&'static str, String)>,
    /// Why the API server would refuse the pod, though it is clear what the pod would be.
    pub warnings: Vec<String>,
}

impl<'a> Admission<'a> {
    /// Admission with the objects of the input.
    pub fn new(manifests: &'a Manifests) -> Self {
        Self {
            limit_ranges: LimitRanges::new(manifests),
            priorities: Priorities::new(manifests),
            runtime_classes: RuntimeClasses::new(manifests),
        }
    }

    /// Admits a pod that is created now.
    pub fn admit(&self, spec: &mut PodSpec, asks: &berth_model::pod_manifest::Admission) -> Remarks {
        let mut remarks = Remarks::default();
        let changed = self.limit_ranges.apply_defaults(spec);
        self.priorities.apply(spec, asks, &mut remarks);
        toleration::apply_defaults(spec);
        self.runtime_classes.apply(spec, asks, &mut remarks);
        if let Some(pod_level) = asks.pod_level.as_ref().filter(|_| changed) {
            pod_level.complete(spec);
        }
        self.limit_ranges.check(spec, &mut remarks);
        check_amounts(spec, &mut remarks);
        remarks
    }

    /// Gives a stored pod its priority, if it has only a priority class. An API server always writes both; hand-written
    /// pods may have one.
    pub fn complete(&self, spec: &mut PodSpec, asks: &berth_model::pod_manifest::Admission) -> Remarks {
        let mut remarks = Remarks::default();
        if asks.priority_class.is_some() && !asks.has_priority {
            self.priorities.apply(spec, asks, &mut remarks);
        }
        remarks
    }
}

/// Warns of requests that are too large to count.
fn check_amounts(spec: &PodSpec, remarks: &mut Remarks) {
    let containers = spec.init_containers.iter().chain(&spec.containers);
    for (resource, amount) in containers.flat_map(|container| &container.requests) {
        if !amount.fits_64_bits() {
            remarks.warnings.push(format!(
                "requests {amount} of {resource}, which is too large for 64 bits: kube-scheduler counts it as {}",
                amount.value()
            ));
        }
    }
}

/// Whether no API server has seen the pod: it has no uid, no time, and no place.
pub fn is_new(manifest: &PodManifest) -> bool {
    let Pod { uid, created, started, node, nominated_node, terminating, .. } = &manifest.pod;
    let place = node.as_ref().or(nominated_node.as_ref());
    uid.is_empty() && created.or(*started).is_none() && place.is_none() && !terminating
}
