//! Disruption budgets as evictions see them: how many pods may be evicted now.
//!
//! `status.disruptionsAllowed` is true for the moment of the snapshot only. It changes with every eviction and with every
//! evicted pod that has a place again, so it is computed from the spec. The status tells how many pods were not ready
//! then; they are taken to stay so.
//!
//! Upstream: `pkg/controller/disruption/disruption.go` (`getExpectedPodCount`, `updatePdbStatus`),
//! `pkg/registry/core/pod/storage/eviction.go`.

use berth_engine::cluster::Cluster;
use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::pod::Pod;
use berth_model::selector::LabelSelector;
use berth_model::workload::{DisruptionBudget, Share};

/// A disruption budget and its pods.
#[derive(Clone, Debug)]
pub struct Budget {
    namespace: Str,
    name: Str,
    selector: Option<LabelSelector>,
    required: Required,
    /// Pods on nodes that are not ready.
    unready: i64,
    /// Pods on nodes, ready or not, after [`Budget::count`].
    placed: i64,
    /// All pods, with those that are pending.
    total: i64,
}

/// How many pods must be healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Required {
    /// At least these.
    AtLeast(Share),
    /// All but these.
    AllBut(Share),
}

impl Budget {
    /// The budgets of the input.
    pub(super) fn of(manifests: &Manifests) -> Vec<Self> {
        let pods = || manifests.pods.iter().map(|entry| &entry.value.pod);
        let budgets = manifests.budgets.iter().map(|entry| &entry.value);
        budgets.map(|object| Self::new(object, pods())).collect()
    }

    /// The budgets of a cluster, before pods that are pending are placed.
    pub(crate) fn of_cluster(cluster: &Cluster) -> Vec<Self> {
        let pods = cluster.pods();
        let all = || pods.rows().map(|row| &pods.entry(row).pod);
        cluster.budgets().iter().map(|budget| Self::new(&budget.object, all())).collect()
    }

    fn new<'p>(object: &DisruptionBudget, pods: impl Iterator<Item = &'p Pod>) -> Self {
        let mut budget = Self {
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            selector: object.selector.clone(),
            required: Required::AtLeast(Share::Pods(0)),
            unready: 0,
            placed: 0,
            total: 0,
        };
        budget.count(pods);
        let allowed = i64::from(object.disruptions_allowed);
        budget.required = match (object.max_unavailable, object.min_available) {
            (Some(share), _) => Required::AllBut(share),
            (None, Some(share)) => Required::AtLeast(share),
            (None, None) if object.is_counted => {
                let required = i32::try_from((budget.placed - allowed).max(0)).unwrap_or(i32::MAX);
                Required::AtLeast(Share::Pods(required))
            }
            // Upstream allows no disruption if the spec has no limit.
            (None, None) => Required::AllBut(Share::Pods(0)),
        };
        if object.is_counted {
            budget.unready = (budget.allowed() - allowed).max(0);
        }
        budget
    }

    /// `namespace/name`.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether it protects a pod.
    pub(crate) fn selects(&self, pod: &Pod) -> bool {
        self.namespace == pod.spec.namespace
            && self.selector.as_ref().is_some_and(|selector| selector.matches(&pod.spec.labels))
    }

    /// Counts its pods in a cluster.
    pub(crate) fn recount(&mut self, cluster: &Cluster) {
        let pods = cluster.pods();
        self.count(pods.rows().map(|row| &pods.entry(row).pod));
    }

    fn count<'p>(&mut self, pods: impl Iterator<Item = &'p Pod>) {
        (self.placed, self.total) = (0, 0);
        for pod in pods.filter(|pod| !pod.terminating) {
            if self.selects(pod) {
                self.total += 1;
                self.placed += i64::from(pod.node.is_some());
            }
        }
    }

    /// A pod of it has left its node, or has a place again.
    pub(crate) fn note(&mut self, is_placed: bool) {
        self.placed += if is_placed { 1 } else { -1 };
    }

    /// A pod of it has left its node and does not come again.
    pub(crate) fn note_lost(&mut self) {
        self.placed -= 1;
        self.total -= 1;
    }

    /// How many pods are healthy.
    pub(crate) fn healthy(&self) -> i64 {
        self.placed - self.unready
    }

    /// How many pods must be healthy.
    pub(crate) fn required(&self) -> i64 {
        let wanted = i32::try_from(self.total).unwrap_or(i32::MAX);
        match self.required {
            Required::AtLeast(share) => share.of(wanted).into(),
            Required::AllBut(share) => (self.total - i64::from(share.of(wanted))).max(0),
        }
    }

    /// How many pods may be evicted now.
    pub(crate) fn allowed(&self) -> i64 {
        (self.healthy() - self.required()).max(0)
    }
}

/// Why the budgets of a pod do not allow its eviction.
pub(crate) fn refusal(protecting: &[&Budget]) -> Option<String> {
    match protecting {
        [] => None,
        [budget] if budget.allowed() > 0 => None,
        [budget] => Some(format!(
            "PodDisruptionBudget {} allows no disruption ({} of its pods are healthy, {} must be)",
            budget.key(),
            budget.healthy(),
            budget.required()
        )),
        [one, other, ..] => Some(format!(
            "the API server evicts no pod with several PodDisruptionBudgets ({}, {})",
            one.key(),
            other.key()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(spec: &str, status: &str) -> Budget {
        use crate::fixture::{documents, running};
        let object = format!(
            "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: b}}, spec: {{selector: {{matchLabels: \
             {{app: web}}}}, {spec}}}, status: {{{status}}}}}"
        );
        let pods: Vec<String> =
            (0..4).map(|n| running(&format!("web-{n}"), "app: web", "ReplicaSet", "web")).collect();
        let mut texts: Vec<&str> = pods.iter().map(String::as_str).collect();
        texts.push(&object);
        let mut loader = berth_wire::Loader::new();
        loader.read("in", documents(&texts).as_bytes());
        Budget::of(&loader.finish().unwrap().0).remove(0)
    }

    #[test]
    fn a_budget_of_four_pods_allows_what_its_spec_and_status_leave() {
        let cases = [
            ("minAvailable: 3", "", 1),
            ("minAvailable: 4", "", 0),
            ("minAvailable: 9", "", 0),
            ("minAvailable: 60%", "", 1),
            ("maxUnavailable: 1", "", 1),
            ("maxUnavailable: 30%", "", 2),
            ("maxUnavailable: 0", "", 0),
            ("maxUnavailable: 2", "disruptionsAllowed: 1", 1),
            ("maxUnavailable: 2", "disruptionsAllowed: 0", 0),
            ("", "disruptionsAllowed: 3", 3),
            ("", "", 0),
        ];
        for (spec, status, expected) in cases {
            assert_eq!(budget(spec, status).allowed(), expected, "{spec} {status}");
        }
    }

    #[test]
    fn an_eviction_takes_one_disruption_until_the_pod_has_a_place_again() {
        let mut budget = budget("maxUnavailable: 2", "disruptionsAllowed: 1");
        budget.note(false);
        assert_eq!((budget.allowed(), budget.healthy(), budget.required()), (0, 2, 2));
        budget.note(true);
        assert_eq!(budget.allowed(), 1);
    }
}
