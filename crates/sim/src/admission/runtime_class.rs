//! RuntimeClass: what running a pod in a sandbox costs, and which nodes have the sandbox.
//!
//! Upstream: `plugin/pkg/admission/runtimeclass/admission.go`.

use std::collections::BTreeMap;

use berth_model::manifests::Manifests;
use berth_model::pod::PodSpec;
use berth_model::policy::RuntimeClass;

use super::Remarks;

/// All runtime classes by name.
pub(super) struct RuntimeClasses<'a>(BTreeMap<&'a str, &'a RuntimeClass>);

impl<'a> RuntimeClasses<'a> {
    /// The classes of the input.
    pub(super) fn new(manifests: &'a Manifests) -> Self {
        Self(manifests.runtime_classes.iter().map(|entry| (&*entry.value.name, &entry.value)).collect())
    }

    /// Adds overhead, node selector and tolerations of the pod's class.
    pub(super) fn apply(
        &self,
        spec: &mut PodSpec,
        asks: &berth_model::pod_manifest::Admission,
        remarks: &mut Remarks,
    ) {
        let Some(name) = &asks.runtime_class else {
            if !spec.overhead.is_empty() {
                remarks.warnings.push(
                    "has an overhead but no runtime class: the API server would refuse it; taken as it is"
                        .to_owned(),
                );
            }
            return;
        };
        let Some(class) = self.0.get(&**name) else {
            let message = format!(
                "found {name:?}, but no RuntimeClass of this name is in the input, so the API server would refuse the pod"
            );
            remarks.problems.push(("runtimeClassName", message));
            return;
        };
        if spec.overhead.is_empty() {
            spec.overhead.clone_from(&class.overhead);
        } else if spec.overhead != class.overhead {
            remarks.warnings.push(format!(
                "has another overhead than its runtime class {name}: the API server would refuse it; taken as it is"
            ));
        }
        for (key, value) in class.node_selector.iter() {
            match spec.node_selector.get(key) {
                Some(own) if own != value => remarks.warnings.push(format!(
                    "selects nodes with {key}={own}, but its runtime class {name} with {key}={value}: the API server would \
                     refuse it; taken as it is"
                )),
                Some(_) => {}
                None => spec.node_selector.insert(key.clone(), value.clone()),
            }
        }
        for toleration in &class.tolerations {
            if !spec.tolerations.contains(toleration) {
                spec.tolerations.push(toleration.clone());
            }
        }
    }
}
