//! What the pods are like that are counted.

use std::sync::Arc;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::pod::{Pod, PodSpec};
use berth_model::volume::{Claim, PodVolumeSource};

use crate::device_claims::ClaimTemplates;
use crate::report::WorkloadRef;

/// The label of a StatefulSet's pod that holds the pod's name.
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

/// Pods that are alike, and how many of them are in a set.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The pod that they are copies of.
    pub sample: Pod,
    /// How many pods of it are in a set.
    pub per_set: usize,
    /// Claims that each pod has for itself, by the name of its volume: those of a StatefulSet's templates and of
    /// ephemeral volumes.
    own_claims: Vec<(Str, Claim)>,
}

impl Shape {
    /// The shape of a pod.
    pub fn of(cluster: &Cluster, row: PodRow, per_set: usize) -> Self {
        let pod = cluster.pods().entry(row).pod.clone();
        let is_numbered = pod.spec.controller.as_ref().is_some_and(|owner| &*owner.kind == "StatefulSet");
        let own = pod.spec.volumes.iter().filter_map(|volume| {
            let name = match &volume.source {
                PodVolumeSource::Claim { name, .. } if is_numbered => {
                    name.ends_with(&format!("-{}", pod.name)).then(|| name.clone())?
                }
                PodVolumeSource::Ephemeral => Str::from(format!("{}-{}", pod.name, volume.name)),
                _ => return None,
            };
            let claim = cluster.storage().claim(&pod.spec.namespace, &name)?.clone();
            let unbound =
                Claim { volume: None, annotations: Labels::default(), uid: Str::default(), ..claim };
            Some((volume.name.clone(), unbound))
        });
        let own_claims = own.collect();
        let sample =
            Pod { uid: Str::default(), claim_statuses: Vec::new(), ..crate::change::nodes::made_again(pod) };
        Self { sample, per_set, own_claims }
    }

    /// The shapes of pods, each with the number that is in a set: as many as there are in proportion. Pods of one
    /// workload have one shape if their containers are equal.
    pub fn in_proportion(cluster: &Cluster, rows: &[PodRow]) -> Vec<Self> {
        let mut shapes: Vec<(Option<WorkloadRef>, Self)> = Vec::new();
        for &row in rows {
            let pod = &cluster.pods().entry(row).pod;
            let workload = WorkloadRef::of(pod);
            let is_alike = |(of, shape): &&mut (Option<WorkloadRef>, Self)| {
                *of == workload
                    && workload.is_some()
                    && shape.sample.spec.namespace == pod.spec.namespace
                    && shape.sample.spec.containers == pod.spec.containers
            };
            match shapes.iter_mut().find(is_alike) {
                Some((_, shape)) => shape.per_set += 1,
                None => shapes.push((workload, Self::of(cluster, row, 1))),
            }
        }
        let mut shapes: Vec<Self> = shapes.into_iter().map(|(_, shape)| shape).collect();
        let divisor = shapes.iter().map(|shape| shape.per_set).fold(0, greatest_common_divisor);
        shapes.iter_mut().for_each(|shape| shape.per_set /= divisor.max(1));
        shapes
    }

    /// What the pods belong to: `shop/web`.
    pub fn name(&self) -> String {
        let name = WorkloadRef::of(&self.sample).map_or_else(|| self.sample.name.to_string(), |of| of.name);
        format!("{}/{name}", self.sample.spec.namespace)
    }

    /// Adds another pod of the shape to a cluster, where it waits.
    pub(super) fn add(&self, cluster: &mut Cluster, templates: &ClaimTemplates, number: usize) -> PodRow {
        let name = Str::from(format!("{}-more-{number}", self.sample.name));
        let uid = Str::from(format!("uid-{}-{name}", self.sample.spec.namespace));
        let spec = self.spec(&name);
        for (volume, claim) in &self.own_claims {
            let controller_uid = claim.controller_uid.as_ref().map(|_| uid.clone());
            cluster.upsert_claim(Claim { name: claim_name(&name, volume), controller_uid, ..claim.clone() });
        }
        let mut pod = Pod { name, uid, spec, ..self.sample.clone() };
        if !pod.spec.resource_claims.is_empty() {
            templates.make_claims(cluster, &mut pod, "");
        }
        cluster.add_pod(pod)
    }

    /// The spec of a copy: the sample's, unless each pod has claims of its own.
    fn spec(&self, name: &Str) -> Arc<PodSpec> {
        if self.own_claims.is_empty() && !self.sample.spec.labels.contains_key(POD_NAME) {
            return self.sample.spec.clone();
        }
        let mut spec = (*self.sample.spec).clone();
        if spec.labels.contains_key(POD_NAME) {
            spec.labels.insert(POD_NAME.into(), name.clone());
        }
        for volume in &mut spec.volumes {
            let is_own = self.own_claims.iter().any(|(own, _)| *own == volume.name);
            if let (PodVolumeSource::Claim { name: claim, .. }, true) = (&mut volume.source, is_own) {
                *claim = claim_name(name, &volume.name);
            }
        }
        Arc::new(spec)
    }
}

/// The name of a claim that a copy has for itself; that of an ephemeral volume has to be this one.
fn claim_name(pod: &Str, volume: &Str) -> Str {
    format!("{pod}-{volume}").into()
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Whether a pod is not in the cluster yet: it has no creation time and waits.
pub fn is_new(pod: &Pod) -> bool {
    pod.node.is_none() && pod.created.is_none() && !crate::change::is_bound(pod)
}

/// All pods of the workload that a pod belongs to.
pub fn workload_rows(cluster: &Cluster, row: PodRow) -> Vec<PodRow> {
    let of = |row: PodRow| {
        let pod = &cluster.pods().entry(row).pod;
        (pod.spec.namespace.clone(), WorkloadRef::of(pod))
    };
    let wanted = of(row);
    if wanted.1.is_none() {
        return vec![row];
    }
    cluster.pods().rows().filter(|&other| of(other) == wanted).collect()
}
