//! What the API server does with the requests of schedulers, controllers and nodes about pods. It is written on the
//! [`Store`]; who runs pods and when they end is not its concern.
//!
//! Upstream: `pkg/registry/core/pod/storage/storage.go` (`BindingREST`), `eviction.go`, `strategy.go`.

use std::sync::Arc;

use berth_flow::{Failure, FailureKind, PodRef};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod_manifest::{PodManifest, ScheduledCondition};

use crate::store::{Store, refuse};

/// The key of a pod.
pub fn pod_key(namespace: &Str, name: &Str) -> ObjectKey {
    ObjectKey { kind: Kind::Pod, namespace: namespace.clone(), name: name.clone() }
}

impl Store {
    /// A pod.
    pub fn pod(&self, key: &ObjectKey) -> Option<&PodManifest> {
        match self.get(key).map(|object| &**object) {
            Some(Object::Pod(manifest)) => Some(manifest),
            _ => None,
        }
    }

    /// A pod with its uid as a precondition.
    ///
    /// # Errors
    /// If it does not exist (404), or has another uid (409).
    pub fn find_pod(&self, pod: &PodRef) -> Result<&PodManifest, Failure> {
        match self.pod(&pod_key(&pod.namespace, &pod.name)) {
            Some(found) if found.pod.uid == pod.uid => Ok(found),
            Some(_) => refuse(FailureKind::Conflict, format!("pod {pod} is another one: the uid differs")),
            None => refuse(FailureKind::Gone, format!("pods \"{}\" not found", pod.name)),
        }
    }

    /// Changes a pod in place.
    ///
    /// # Errors
    /// If it does not exist, or has another uid.
    pub fn change_pod(&mut self, pod: &PodRef, change: impl FnOnce(&mut PodManifest)) -> Result<(), Failure> {
        let mut manifest = self.find_pod(pod)?.clone();
        change(&mut manifest);
        self.put(Object::Pod(Box::new(manifest)));
        Ok(())
    }

    /// POST `pods/binding`.
    ///
    /// # Errors
    /// The refusal of the real API server.
    pub fn bind(&mut self, pod: &PodRef, node: &Str) -> Result<(), Failure> {
        let found = &self.find_pod(pod)?.pod;
        if found.terminating {
            let message = format!("pod {} is being deleted, cannot be assigned to a host", pod.name);
            return refuse(FailureKind::Conflict, message);
        }
        if let Some(bound) = &found.node {
            let message = format!("pod {} is already assigned to node \"{bound}\"", pod.name);
            return refuse(FailureKind::Conflict, message);
        }
        if !found.spec.scheduling_gates.is_empty() {
            let message = format!("pod {} has non-empty .spec.schedulingGates", pod.name);
            return refuse(FailureKind::Conflict, message);
        }
        self.change_pod(pod, |manifest| {
            manifest.pod.node = Some(node.clone());
            manifest.pod.nominated_node = None;
        })
    }

    /// PATCH `pods/status`: the condition `PodScheduled`, and the nominated node; an empty name clears it.
    ///
    /// # Errors
    /// The refusal of the real API server.
    pub fn patch_status(
        &mut self,
        pod: &PodRef,
        condition: Option<ScheduledCondition>,
        nominated: Option<Str>,
    ) -> Result<(), Failure> {
        let before = match self.find_pod(pod) {
            // Upstream takes the uid in a patch for a change of it.
            Err(Failure { kind: FailureKind::Conflict, .. }) => {
                return refuse(FailureKind::Refused, "metadata.uid: field is immutable".to_owned());
            }
            found => found?,
        };
        let mut after = before.clone();
        if condition.is_some() {
            after.scheduled = condition;
        }
        if let Some(node) = nominated {
            after.pod.nominated_node = Some(node).filter(|node| !node.is_empty());
        }
        self.put(Object::Pod(Box::new(after)));
        Ok(())
    }

    /// Takes one disruption of each budget that selects a pod, as POST `pods/eviction` does before it deletes the pod.
    /// `costs_nothing` says that the pod is not ready and that its budget has enough ready pods without it.
    ///
    /// # Errors
    /// If a budget does not allow it (429), or several budgets select the pod (500).
    pub fn take_disruption(&mut self, pod: &PodRef, costs_nothing: bool) -> Result<(), Failure> {
        let manifest = self.find_pod(pod)?;
        if manifest.pod.node.is_none() || manifest.finished || manifest.pod.terminating {
            return Ok(());
        }
        let budgets: Vec<Arc<Object>> = self.list(Kind::Budget).cloned().collect();
        let mut selecting = budgets.iter().filter_map(|object| match &**object {
            Object::Budget(budget) if budget.selects(&manifest.pod.spec) => Some(budget),
            _ => None,
        });
        let Some(budget) = selecting.next() else { return Ok(()) };
        if selecting.next().is_some() {
            let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return refuse(FailureKind::Refused, message.to_owned());
        }
        if costs_nothing {
            return Ok(());
        }
        if budget.disruptions_allowed <= 0 {
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            return refuse(FailureKind::Refused, message.to_owned());
        }
        let mut after = budget.clone();
        after.disruptions_allowed -= 1;
        if let Err(at) = after.disrupted_pods.binary_search(&pod.name) {
            after.disrupted_pods.insert(at, pod.name.clone());
        }
        self.put(Object::Budget(after));
        Ok(())
    }
}
