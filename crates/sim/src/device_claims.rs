//! Claims on devices that kube-controller-manager makes for pods, and gives back when they go.
//!
//! Upstream: `pkg/controller/resourceclaim/controller.go`. The API server would add a random part to the names.

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_model::Str;
use berth_model::device::{ClaimSpec, OwnerPod, ResourceClaim, ResourceClaimTemplate};
use berth_model::manifests::Manifests;
use berth_model::pod::{ClaimSource, ClaimStatus, Pod};

/// The templates from which claims are made, by namespace and name.
#[derive(Clone, Debug, Default)]
pub struct ClaimTemplates(BTreeMap<(Str, Str), ClaimSpec>);

impl ClaimTemplates {
    /// The templates among the objects.
    pub fn of(manifests: &Manifests) -> Self {
        let mut templates = Self::default();
        manifests.resource_claim_templates.iter().for_each(|entry| templates.insert(&entry.value));
        templates
    }

    /// Adds a template, or replaces the one of its name.
    pub fn insert(&mut self, template: &ResourceClaimTemplate) {
        let key = (template.namespace.clone(), template.name.clone());
        self.0.insert(key, template.spec.clone());
    }

    /// Makes the claims of a pod in the cluster, see [`ClaimTemplates::claims_of`].
    pub fn make_claims(&self, cluster: &mut Cluster, pod: &mut Pod, suffix: &str) {
        if pod.uid.is_empty() {
            // Owners are told by their uids.
            pod.uid = format!("uid-{}-{}", pod.spec.namespace, pod.name).into();
        }
        for claim in self.claims_of(pod, suffix) {
            cluster.upsert_device_claim(claim);
        }
    }

    /// Makes the claims of a pod that it does not have yet, and notes them in its status. Their names end in `suffix`.
    /// A template that does not exist makes no claim.
    pub fn claims_of(&self, pod: &mut Pod, suffix: &str) -> Vec<ResourceClaim> {
        let spec = pod.spec.clone();
        let mut claims = Vec::new();
        for entry in &spec.resource_claims {
            let ClaimSource::Template(template) = &entry.source else { continue };
            let Some(template) = self.0.get(&(spec.namespace.clone(), template.clone())) else { continue };
            if pod.claim_statuses.iter().any(|status| status.name == entry.name) {
                continue;
            }
            let name: Str = format!("{}-{}{suffix}", pod.name, entry.name).into();
            claims.push(ResourceClaim {
                namespace: spec.namespace.clone(),
                uid: format!("uid-{}-{name}", spec.namespace).into(),
                name: name.clone(),
                owner: Some(OwnerPod { name: pod.name.clone(), uid: pod.uid.clone() }),
                spec: template.clone(),
                ..ResourceClaim::default()
            });
            pod.claim_statuses.push(ClaimStatus { name: entry.name.clone(), claim: Some(name) });
        }
        claims
    }
}

/// Gives back what a pod that is gone had: its own claims go with it, and claims that no pod uses lose their devices. A
/// pod that comes again, by the same name, gets its claims from templates back without devices.
pub fn release(cluster: &mut Cluster, pod: &Pod, comes_again: bool) {
    let uses = |claim: &&ResourceClaim| {
        claim.is_owned_by(&pod.uid) || claim.reserved_for.iter().any(|user| user.uid == pod.uid)
    };
    let claims: Vec<ResourceClaim> = cluster.devices().claims().filter(uses).cloned().collect();
    for mut claim in claims {
        if claim.is_owned_by(&pod.uid) && (claim.extended || !comes_again) {
            cluster.remove_device_claim(&claim.namespace, &claim.name);
            continue;
        }
        claim.release(|user| user.uid != pod.uid);
        cluster.upsert_device_claim(claim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{pod, world};

    const OBJECTS: &str = "{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {allocatable: {cpu: '1', pods: '9'}}}
---
{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, metadata: {name: t}, spec: {spec: {devices: {requests: [{name: \
                           gpu, exactly: {deviceClassName: gpu}}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c, image: i}], resourceClaims: [{name: gpu, \
                           resourceClaimTemplateName: t}, {name: nic, resourceClaimTemplateName: missing}]}}";

    #[test]
    fn a_waiting_pod_gets_the_claims_whose_templates_exist() {
        let world = world(OBJECTS);
        let pod = pod(&world, "web");
        assert_eq!(pod.claim_statuses.len(), 1);
        assert_eq!(pod.claim_statuses[0].claim.as_deref(), Some("web-gpu"));
        let claim = world.cluster.devices().claim(&"default".into(), &"web-gpu".into()).unwrap();
        assert_eq!((claim.is_owned_by(&pod.uid), claim.spec.requests.len()), (true, 1));
    }

    #[test]
    fn a_pod_that_is_gone_takes_its_claims_along_and_one_that_comes_again_finds_them_empty() {
        let mut world = world(OBJECTS);
        let pod = pod(&world, "web").clone();
        let name: Str = "web-gpu".into();
        let namespace: Str = "default".into();
        let claim = |world: &crate::world::World| world.cluster.devices().claim(&namespace, &name).cloned();
        let mut held = claim(&world).unwrap();
        held.allocation = Some(berth_model::device::Allocation::default());
        world.cluster.upsert_device_claim(held);
        release(&mut world.cluster, &pod, true);
        assert!(claim(&world).is_some_and(|claim| claim.allocation.is_none()));
        release(&mut world.cluster, &pod, false);
        assert_eq!(claim(&world), None);
    }
}
