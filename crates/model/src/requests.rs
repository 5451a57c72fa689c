//! What a pod asks of its node in total.
//!
//! Upstream: component-helpers `resource/helpers.go` (`PodRequests`), scheduler `framework/types.go`
//! (`CalculateResource`), with the default feature gates of 1.37: pod-level resources and in-place resize are on.
//! Amounts are added exactly and rounded once, at the end.

use std::collections::BTreeMap;

use crate::Str;
use crate::node::ResourceList;
use crate::pod::{Container, PodSpec};
use crate::pod_level::is_pod_level_resource;
use crate::quantity::Quantity;

/// CPU that a container without a CPU request is taken to use when nodes are scored, in milli-CPU.
pub const DEFAULT_CPU_MILLI: i64 = 100;
/// Memory that a container without a memory request is taken to use when nodes are scored, in bytes.
pub const DEFAULT_MEMORY_BYTES: i64 = 200 * 1024 * 1024;

/// The name of the CPU resource.
pub const CPU: &str = "cpu";
/// The name of the memory resource.
pub const MEMORY: &str = "memory";

/// A pod's total requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodRequests {
    /// Exact amounts by resource name, as filters count them.
    pub exact: BTreeMap<Str, Quantity>,
    /// CPU as scores count it: containers without a request count [`DEFAULT_CPU_MILLI`]. Milli-CPU.
    pub scored_cpu_milli: i64,
    /// Memory as scores count it: containers without a request count [`DEFAULT_MEMORY_BYTES`]. Bytes.
    pub scored_memory_bytes: i64,
}

type Sum = BTreeMap<Str, Quantity>;

impl PodSpec {
    /// Adds up what the pod requests: containers, sidecars and init containers, pod-level requests, overhead, and what
    /// a running pod holds while an in-place resize is under way.
    pub fn total_requests(&self) -> PodRequests {
        let exact = self.requests_with(&[]);
        let mut absent = Vec::new();
        let pod_level = self.has_pod_level_requests();
        if !pod_level || !exact.contains_key(CPU) {
            absent.push((CPU.into(), Quantity::from_milli(DEFAULT_CPU_MILLI)));
        }
        if !pod_level || !exact.contains_key(MEMORY) {
            absent.push((MEMORY.into(), Quantity::from_units(DEFAULT_MEMORY_BYTES)));
        }
        let scored = if absent.is_empty() { exact.clone() } else { self.requests_with(&absent) };
        let amount = |name: &str| scored.get(name).copied().unwrap_or_default();
        PodRequests {
            exact,
            scored_cpu_milli: amount(CPU).milli_value(),
            scored_memory_bytes: amount(MEMORY).value(),
        }
    }

    /// Whether `spec.resources.requests` sets something that pods can set (CPU, memory, huge pages).
    pub fn has_pod_level_requests(&self) -> bool {
        self.pod_requests.iter().flatten().any(|(name, _)| is_pod_level_resource(name))
    }

    fn requests_with(&self, absent: &[(Str, Quantity)]) -> Sum {
        let mut total = self.container_requests(absent);
        if let Some(spec) = self.pod_requests.as_ref().filter(|_| self.has_pod_level_requests()) {
            for (name, amount) in self.effective_pod_level(spec) {
                if is_pod_level_resource(&name) {
                    total.insert(name, amount);
                }
            }
        }
        add(&mut total, &self.overhead);
        total
    }

    /// The larger of spec and status while a resize is under way; the status alone once the resize is infeasible.
    fn effective_pod_level(&self, spec: &ResourceList) -> Sum {
        let mut result = Sum::new();
        if self.resize.actuated.is_none() || !self.resize.infeasible {
            maximum(&mut result, spec);
        }
        if let Some(actuated) = &self.resize.actuated {
            maximum(&mut result, actuated);
            maximum(&mut result, self.resize.allocated.as_deref().unwrap_or_default());
        }
        result
    }

    fn container_requests(&self, absent: &[(Str, Quantity)]) -> Sum {
        let infeasible = self.resize.infeasible;
        let spec = self.aggregate(absent, |c| Some(&c.requests));
        let (allocated, actuated) = match (&self.resize.allocated, &self.resize.actuated) {
            (Some(allocated), Some(actuated)) => {
                (allocated.iter().cloned().collect(), actuated.iter().cloned().collect())
            }
            _ => {
                let fallback = |c| (!infeasible).then_some(c);
                let allocated = self
                    .aggregate(absent, |c| c.allocated.as_ref().or_else(|| fallback(c).map(|c| &c.requests)));
                let actuated = self.aggregate(absent, |c| {
                    c.actuated.as_ref().or(c.allocated.as_ref()).or_else(|| fallback(c).map(|c| &c.requests))
                });
                (allocated, actuated)
            }
        };
        let mut total = if infeasible { Sum::new() } else { spec };
        raise(&mut total, &actuated);
        raise(&mut total, &allocated);
        total
    }

    /// As [`Self::peak_of_containers`], where what a container does not name counts as `absent`.
    fn aggregate<'a>(
        &'a self,
        absent: &[(Str, Quantity)],
        amounts: impl Fn(&'a Container) -> Option<&'a ResourceList>,
    ) -> Sum {
        self.peak_of_containers(|container| {
            let mut list = amounts(container).cloned().unwrap_or_default();
            for (name, amount) in absent {
                if list.iter().all(|(n, _)| n != name) {
                    list.push((name.clone(), *amount));
                }
            }
            list
        })
    }

    /// What all containers need together at the pod's peak (KEP-753): init containers run one after the other before
    /// the containers, and sidecars stay from their start on. `amounts` says what one of them needs.
    pub fn peak_of_containers<'a, L: AsRef<[(Str, Quantity)]>>(
        &'a self,
        amounts: impl Fn(&'a Container) -> L,
    ) -> BTreeMap<Str, Quantity> {
        let (mut total, mut sidecars, mut peak) = (Sum::new(), Sum::new(), Sum::new());
        for container in &self.containers {
            add(&mut total, amounts(container).as_ref());
        }
        for container in &self.init_containers {
            let mine = amounts(container);
            if container.sidecar {
                add(&mut total, mine.as_ref());
                add(&mut sidecars, mine.as_ref());
                raise(&mut peak, &sidecars);
            } else {
                let mut during = sidecars.clone();
                add(&mut during, mine.as_ref());
                raise(&mut peak, &during);
            }
        }
        raise(&mut total, &peak);
        total
    }
}

fn add(sum: &mut Sum, list: &[(Str, Quantity)]) {
    for (name, amount) in list {
        *sum.entry(name.clone()).or_default() += *amount;
    }
}

fn maximum(sum: &mut Sum, list: &[(Str, Quantity)]) {
    for (name, amount) in list {
        let entry = sum.entry(name.clone()).or_insert(*amount);
        *entry = (*entry).max(*amount);
    }
}

fn raise(sum: &mut Sum, other: &Sum) {
    for (name, amount) in other {
        let entry = sum.entry(name.clone()).or_insert(*amount);
        *entry = (*entry).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(amounts: &[(&str, &str)]) -> ResourceList {
        amounts.iter().map(|(n, q)| ((*n).into(), Quantity::parse(q).unwrap())).collect()
    }

    fn container(amounts: &[(&str, &str)], sidecar: bool) -> Container {
        Container { requests: list(amounts), sidecar, ..Container::default() }
    }

    fn cpu_milli(spec: &PodSpec) -> i64 {
        spec.total_requests().exact[CPU].milli_value()
    }

    #[test]
    fn an_init_container_counts_by_its_peak_not_its_sum() {
        let spec = PodSpec {
            containers: vec![container(&[("cpu", "1")], false), container(&[("cpu", "1")], false)],
            init_containers: vec![container(&[("cpu", "3")], false), container(&[("cpu", "2")], false)],
            ..PodSpec::default()
        };
        assert_eq!(cpu_milli(&spec), 3000);
    }

    #[test]
    fn a_sidecar_runs_beside_the_containers_and_later_init_containers() {
        let spec = PodSpec {
            containers: vec![container(&[("cpu", "1")], false)],
            init_containers: vec![container(&[("cpu", "1")], true), container(&[("cpu", "3")], false)],
            ..PodSpec::default()
        };
        assert_eq!(cpu_milli(&spec), 4000);
    }

    #[test]
    fn fractions_are_added_before_they_are_rounded() {
        let spec =
            PodSpec { containers: vec![container(&[("cpu", "100u")], false); 10], ..PodSpec::default() };
        assert_eq!(cpu_milli(&spec), 1);
    }

    #[test]
    fn pod_level_requests_replace_the_containers_sum_and_overhead_comes_on_top() {
        let spec = PodSpec {
            containers: vec![container(&[("cpu", "1"), ("memory", "1Gi")], false)],
            pod_requests: Some(list(&[("cpu", "3")])),
            overhead: list(&[("cpu", "100m")]),
            ..PodSpec::default()
        };
        let total = spec.total_requests();
        assert_eq!(total.exact[CPU].milli_value(), 3100);
        assert_eq!(total.exact[MEMORY].value(), 1 << 30);
    }

    #[test]
    fn scores_count_a_default_for_containers_without_requests() {
        let spec = PodSpec {
            containers: vec![container(&[("cpu", "1")], false), container(&[], false)],
            ..PodSpec::default()
        };
        let total = spec.total_requests();
        assert_eq!(total.scored_cpu_milli, 1100);
        assert_eq!(total.scored_memory_bytes, 2 * DEFAULT_MEMORY_BYTES);
        assert!(!total.exact.contains_key(MEMORY));
    }

    #[test]
    fn a_running_pod_counts_the_larger_of_spec_and_status_until_its_resize_is_infeasible() {
        let mut main = container(&[("cpu", "2")], false);
        main.allocated = Some(list(&[("cpu", "1")]));
        main.actuated = Some(list(&[("cpu", "1500m")]));
        let mut spec = PodSpec { containers: vec![main], ..PodSpec::default() };
        assert_eq!(cpu_milli(&spec), 2000);
        spec.resize.infeasible = true;
        assert_eq!(cpu_milli(&spec), 1500);
    }
}
