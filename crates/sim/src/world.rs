//! From manifests to a cluster: nodes and all that decides first, then the pods, those that run and those that wait.

use std::collections::BTreeSet;

use berth_controllers::autoscaler::{Mode, replicas};
use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::labels::Labels;
use berth_model::load::unreadable;
use berth_model::manifests::Manifests;
use berth_model::node::{Node, Taint, TaintEffect};
use berth_model::pod::Pod;
use berth_model::workload::{Namespace, PodCount, Workload};
use berth_model::{Str, UnixSeconds};
use berth_wire::{Problems, Warnings};

use crate::admission::DefaultClass;
use crate::change::Changes;
use crate::device_claims::{ClaimTemplates, release};
use crate::expand::{Expanded, expand};
use crate::rollout::Rollout;
use crate::usage::Measured;

/// The API server gives each namespace this label with its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// The key of the taint of cordoned nodes.
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// A cluster and the pods that wait for a place in it, in input order.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// Pods without a node.
    pub waiting: Vec<PodRow>,
    /// What claims on devices are made from.
    pub claim_templates: ClaimTemplates,
    /// Workloads that the input changes.
    pub rollouts: Vec<Rollout>,
    /// What nodes and pods were measured to use.
    pub measured: Measured,
    /// What was changed for a question, and what is left to do in the run.
    pub changes: Changes,
    /// What is odd about the input, beside what reading it told.
    pub warnings: Warnings,
}

impl World {
    /// Takes the objects as an API server has them stored: no workload is expanded and no default of admission applied.
    pub fn as_stored(mut manifests: Manifests) -> Self {
        let mut world = Self::default();
        let pods = std::mem::take(&mut manifests.pods);
        world.set_up(manifests);
        for entry in pods {
            world.add(entry.value.pod);
        }
        world
    }

    /// Takes the objects as a cluster would come to have them: workloads get the pods that their controllers would
    /// make, and new pods go through admission. Pods of a workload take its place in the input order. `now` is the time
    /// against which measurements are fresh or stale; without it none is stale.
    ///
    /// # Errors
    /// When a new pod names a priority class or runtime class that does not exist, or there would be more than
    /// [`MAX_PODS`](crate::MAX_PODS) pods; all such problems are listed.
    pub fn admitted(mut manifests: Manifests, now: Option<UnixSeconds>) -> Result<Self, Problems> {
        let mut world = Self::default();
        autoscale(&mut manifests, Mode::Current);
        manifests.nodes.iter_mut().for_each(|entry| taint_if_cordoned(&mut entry.value));
        let Expanded { pods, owners, mut claims, mut rollouts } = expand(&manifests, &mut world.warnings)?;
        let default_class = DefaultClass::new(&manifests);
        let stored = manifests.claims.iter_mut().map(|entry| &mut entry.value);
        stored.chain(&mut claims).for_each(|claim| default_class.apply(claim));
        manifests.pods.clear();
        world.name_namespaces(&manifests, &pods);
        world.set_up(manifests);
        claims.into_iter().for_each(|claim| world.cluster.upsert_claim(claim));
        owners.into_iter().for_each(|owner| world.cluster.upsert_owner(owner));
        if let Some(now) = now {
            world.cluster.set_now(now);
        }
        for pod in pods {
            world.add(pod);
        }
        rollouts.iter_mut().for_each(|rollout| rollout.number_nodes(&world.cluster));
        world.rollouts = rollouts;
        Ok(world)
    }

    /// Takes note of the changes that were made to the objects of this world. Pods that lost their nodes give back
    /// their devices.
    pub fn changed(mut self, changes: Changes) -> Self {
        for (pod, again) in &changes.gone {
            release(&mut self.cluster, pod, *again);
        }
        self.changes = changes;
        self
    }

    /// Takes everything but pods.
    fn set_up(&mut self, mut manifests: Manifests) {
        for entry in &manifests.nodes {
            let node = &entry.value;
            for (key, found, allowed) in unreadable(&node.annotations) {
                let message = format!("annotation {key}: found {found:?}, expected {allowed}; it is ignored");
                self.warnings.add(message, &entry.place, &format!("Node {}", node.name));
            }
        }
        self.claim_templates = ClaimTemplates::of(&manifests);
        self.measured = Measured {
            nodes: manifests.node_metrics.iter().map(|entry| entry.value.clone()).collect(),
            pods: std::mem::take(&mut manifests.pod_metrics).into_iter().map(|entry| entry.value).collect(),
        };
        manifests.into_objects(|object| self.cluster.apply_object(object));
    }

    /// Namespaces that pods are in exist, also where the input does not say so.
    fn name_namespaces(&mut self, manifests: &Manifests, pods: &[Pod]) {
        let known: BTreeSet<&Str> = manifests.namespaces.iter().map(|entry| &entry.value.name).collect();
        let mut named = BTreeSet::new();
        for name in pods.iter().map(|pod| &pod.spec.namespace) {
            if !known.contains(name) && named.insert(name) {
                let labels = Labels::from_iter([(NAME_LABEL, &**name)]);
                self.cluster.upsert_namespace(&Namespace { name: name.clone(), labels });
            }
        }
    }

    fn add(&mut self, mut pod: Pod) {
        let waits = pod.node.is_none();
        if waits && (!self.cluster.devices().is_empty() || !pod.spec.resource_claims.is_empty()) {
            self.claim_templates.make_claims(&mut self.cluster, &mut pod, "");
        }
        let row = self.cluster.add_pod(pod);
        if waits {
            self.waiting.push(row);
        }
    }
}

/// Gives a cordoned node the taint that the node lifecycle controller adds. PodTopologySpread may look at it.
///
/// Upstream: `pkg/controller/nodelifecycle/node_lifecycle_controller.go` (`doNoScheduleTaintingPass`).
pub fn taint_if_cordoned(node: &mut Node) {
    let is_there = |taint: &Taint| &*taint.key == UNSCHEDULABLE && taint.effect == TaintEffect::NoSchedule;
    if node.unschedulable && !node.taints.iter().any(is_there) {
        let (key, value) = (UNSCHEDULABLE.into(), Str::default());
        node.taints.push(Taint { key, value, effect: TaintEffect::NoSchedule });
    }
}

/// Gives workloads with an autoscaler the size that it is assumed to choose, within its bounds.
pub fn autoscale(manifests: &mut Manifests, mode: Mode) {
    for autoscaler in manifests.autoscalers.iter().map(|entry| &entry.value) {
        let is_target = |workload: &&mut Workload| {
            *autoscaler.target_kind == *workload.kind.name()
                && autoscaler.target_name == workload.name
                && autoscaler.namespace == workload.namespace
        };
        let targets = manifests.workloads.iter_mut().map(|entry| &mut entry.value).filter(is_target);
        for workload in targets {
            if let PodCount::Replicas { count, .. } = &mut workload.count
                && *count > 0
            {
                // Zero switches the autoscaler off.
                *count = replicas(mode, autoscaler.min, autoscaler.max.max(autoscaler.min), *count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{documents, node, workload, world};
    use berth_wire::Loader;

    fn metrics(node: &str) -> String {
        format!(
            "{{apiVersion: metrics.k8s.io/v1beta1, kind: NodeMetrics, metadata: {{name: {node}}}, timestamp: \
             '1970-01-01T00:00:10Z', usage: {{cpu: 1500m, memory: 2Ki}}}}"
        )
    }

    #[test]
    fn an_autoscaler_is_assumed_to_choose_a_size() {
        let scaler = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: \
                      {scaleTargetRef: {apiVersion: apps/v1, kind: ReplicaSet, name: web}, minReplicas: 2, \
                      maxReplicas: 7}}";
        for (wanted, mode, expected) in [
            (1, Mode::Current, 2),
            (5, Mode::Current, 5),
            (5, Mode::Min, 2),
            (5, Mode::Max, 7),
            (0, Mode::Max, 0),
        ] {
            let set = workload("ReplicaSet", "web", "", &format!("replicas: {wanted},"), "");
            let mut loader = Loader::new();
            loader.read("in", documents(&[&set, scaler]).as_bytes());
            let (mut manifests, _) = loader.finish().unwrap();
            autoscale(&mut manifests, mode);
            assert_eq!(
                World::admitted(manifests, None).unwrap().waiting.len(),
                expected,
                "{wanted} {mode:?}"
            );
        }
    }

    #[test]
    fn measurements_and_unreadable_annotations_are_taken_from_nodes() {
        let annotated = node("n2", "annotations: {berth.dev/disk-utilization: '35'}", "");
        let world = world(&documents(&[&node("n1", "", ""), &annotated, &metrics("n1")]));
        let row = world.cluster.nodes().find("n1").unwrap();
        assert_eq!(world.cluster.loads().cpu_milli(row, 60), Some(1500));
        let warnings: Vec<_> = world.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "in:3: Node n2: annotation berth.dev/disk-utilization: found \"35\", expected a number from 0 to \
              1, as in 0.35; it is ignored"
            ]
        );
    }

    #[test]
    fn a_measurement_is_stale_against_the_time_that_is_given() {
        let mut loader = Loader::new();
        loader.read("in", documents(&[&node("n1", "", ""), &metrics("n1")]).as_bytes());
        let (manifests, _) = loader.finish().unwrap();
        for (now, expected) in [(None, Some(1500)), (Some(70), Some(1500)), (Some(71), None)] {
            let world = World::admitted(manifests.clone(), now).unwrap();
            let row = world.cluster.nodes().find("n1").unwrap();
            assert_eq!(world.cluster.loads().cpu_milli(row, 60), expected, "{now:?}");
        }
    }

    #[test]
    fn a_namespace_that_only_pods_tell_of_has_its_name_as_a_label() {
        let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, spec: {containers: [{name: c}]}}";
        let mut world = world(pod);
        let [shop, key, other] = ["shop", NAME_LABEL, "default"].map(|text| world.cluster.intern(text));
        assert_eq!(
            world.cluster.namespace_labels(shop).map(|labels| labels.to_vec()),
            Some(vec![(key, shop)])
        );
        assert!(world.cluster.namespace_labels(other).is_none());
    }

    #[test]
    fn a_cordoned_node_has_the_taint_that_its_controller_adds() {
        let taint = "taints: [{key: node.kubernetes.io/unschedulable, effect: NoSchedule}]";
        for (spec, expected) in
            [("", 0), ("unschedulable: true", 1), (&*format!("unschedulable: true, {taint}"), 1), (taint, 1)]
        {
            let world = world(&node("n1", "", spec));
            let row = world.cluster.nodes().find("n1").unwrap();
            assert_eq!(world.cluster.nodes().object(row).taints.len(), expected, "{spec}");
        }
    }

    #[test]
    fn objects_as_stored_are_neither_expanded_nor_admitted() {
        let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c}]}}";
        let mut loader = Loader::new();
        loader
            .read("in", documents(&[&workload("ReplicaSet", "web", "", "replicas: 3,", ""), pod]).as_bytes());
        let (manifests, _) = loader.finish().unwrap();
        let world = World::as_stored(manifests);
        assert_eq!((world.waiting.len(), world.cluster.pods().len()), (1, 1));
        assert!(world.cluster.pods().class_of(world.waiting[0]).spec.tolerations.is_empty());
        assert_eq!(world.cluster.owners("default").len(), 1);
    }
}
