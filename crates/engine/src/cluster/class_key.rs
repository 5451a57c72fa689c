//! What makes pods alike to the engine, so that they share a class: all of the spec that may decide.
//!
//! What tells replicas apart is left out: labels whose keys no selector mentions (the index of a StatefulSet's pod, the
//! uid of a Job), controllers that nothing is counted by, and the names of claims, which are asked about pod by pod. A
//! label that a selector mentions later splits the classes whose pods have it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use berth_model::pod::PodSpec;
use berth_model::volume::{PodVolume, PodVolumeSource};

use crate::ids::symbols::LabelSet;
use crate::pod_class::owner_of;

/// A spec, equal to all that are alike.
#[derive(Clone, Debug)]
pub(super) struct ClassKey {
    /// One of the specs that are alike.
    pub(super) spec: Arc<PodSpec>,
    /// The labels that some selector mentions.
    pub(super) labels: LabelSet,
}

impl ClassKey {
    /// All but labels, volumes and the names of claims on devices. Destructured, so that no new field is forgotten.
    fn rest(&self) -> impl Hash + PartialEq {
        let PodSpec {
            namespace,
            labels,
            controller,
            scheduler_name,
            priority,
            never_preempts,
            scheduling_gates,
            node_selector,
            node_affinity,
            pod_affinity,
            pod_anti_affinity,
            tolerations,
            spread,
            init_containers,
            containers,
            overhead,
            pod_requests,
            pod_limits,
            resize,
            volumes: _,
            host_network,
            user_namespace,
            resource_claims,
            os,
        } = &*self.spec;
        (
            (namespace, labels.is_empty(), owner_of(controller.as_ref()), scheduler_name, os),
            (priority, never_preempts, scheduling_gates, tolerations, node_selector, node_affinity),
            (pod_affinity, pod_anti_affinity, spread, init_containers, containers, overhead),
            (pod_requests, pod_limits, resize, host_network, user_namespace, resource_claims.is_empty()),
        )
    }

    fn volumes(&self) -> impl Iterator<Item = Option<&PodVolumeSource>> {
        // A claim is asked about pod by pod, by whatever name.
        let without_claims = |volume: &'_ PodVolume| !matches!(volume.source, PodVolumeSource::Claim { .. });
        self.spec.volumes.iter().map(move |volume| without_claims(volume).then_some(&volume.source))
    }
}

impl PartialEq for ClassKey {
    fn eq(&self, other: &Self) -> bool {
        self.labels == other.labels
            && (Arc::ptr_eq(&self.spec, &other.spec)
                || (self.rest() == other.rest() && self.volumes().eq(other.volumes())))
    }
}

impl Eq for ClassKey {}

impl Hash for ClassKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.labels.hash(state);
        self.rest().hash(state);
        self.volumes().for_each(|volume| volume.hash(state));
    }
}

#[cfg(test)]
mod tests {
    use crate::cluster::Cluster;
    use crate::fixture::{World, container, labels};
    use crate::ids::{PodClassId, PodRow, ResourceId};
    use crate::storage_fixture::claim_volume;
    use berth_model::pod::Controller;
    use berth_model::selector::LabelSelector;
    use berth_model::workload::{DisruptionBudget, OwnerKind, PodGroupOwner};

    fn class(world: &World, pod: PodRow) -> PodClassId {
        world.cluster.pods().entry(pod).class
    }

    fn replica(world: &mut World, index: usize) -> PodRow {
        let name = format!("web-{index}");
        world.pod(&name, |pod, spec| {
            pod.node = (index == 0).then(|| "n1".into());
            spec.labels = labels(&[("app", "web"), ("index", &index.to_string())]);
            spec.containers = vec![container(&[("cpu", "1")])];
            spec.controller = Some(Controller {
                api_version: "batch/v1".into(),
                kind: "Job".into(),
                name: name.as_str().into(),
                uid: name.as_str().into(),
            });
            spec.volumes = vec![claim_volume("data", &format!("data-{index}"))];
        })
    }

    fn service(cluster: &mut Cluster, key: &str) {
        cluster.upsert_owner(PodGroupOwner {
            kind: OwnerKind::Service,
            namespace: "default".into(),
            name: key.into(),
            selector: Some(LabelSelector::from_labels(&labels(&[(key, "1")]))),
        });
    }

    #[test]
    fn replicas_are_of_one_class_until_a_selector_mentions_what_tells_them_apart() {
        let mut world = World::default();
        let node = world.node("n1", |_| {});
        let [a, b] = [0, 1].map(|index| replica(&mut world, index));
        assert_eq!(class(&world, a), class(&world, b));
        service(&mut world.cluster, "app");
        assert_eq!(class(&world, a), class(&world, b));
        assert_eq!(world.cluster.pods().class_of(a).labels.len(), 1);
        service(&mut world.cluster, "index");
        assert_ne!(class(&world, a), class(&world, b));
        assert_eq!(world.cluster.pods().class_of(b).labels.len(), 2);
        assert_eq!(world.cluster.nodes().requested(node, ResourceId::CPU), 1000);
        let [c, d] = [1, 2].map(|index| replica(&mut world, index));
        assert_eq!(
            (class(&world, c) == class(&world, b), class(&world, d) == class(&world, b)),
            (true, false)
        );
        assert_eq!(world.cluster.pods().reclassifications(), 4, "both pods, once for each key");
    }

    #[test]
    fn constraints_that_take_the_pods_own_value_and_budgets_mention_labels_too() {
        use berth_model::affinity::SpreadConstraint;
        let mut world = World::default();
        let spread = SpreadConstraint {
            max_skew: 1,
            topology_key: "zone".into(),
            required: true,
            selector: Some(LabelSelector::default()),
            min_domains: None,
            honor_node_affinity: true,
            honor_node_taints: false,
            match_label_keys: vec!["version".into()],
        };
        let mut pod = |own: &[(&str, &str)]| {
            world.pod("web", |_, spec| {
                spec.labels = labels(own);
                spec.spread = vec![spread.clone()];
            })
        };
        let rows = [pod(&[]), pod(&[("version", "1")]), pod(&[("version", "2")])];
        let classes = rows.map(|row| class(&world, row));
        assert!(classes[0] != classes[1] && classes[1] != classes[2]);
        let [one, two] =
            ["1", "2"].map(|tier| world.pod("db", |_, spec| spec.labels = labels(&[("tier", tier)])));
        assert_eq!(class(&world, one), class(&world, two));
        world.cluster.upsert_budget(DisruptionBudget {
            namespace: "other".into(),
            selector: Some(LabelSelector::from_labels(&labels(&[("tier", "1")]))),
            ..DisruptionBudget::default()
        });
        assert_ne!(class(&world, one), class(&world, two));
    }
}
