//! Priority: a pod's priority and preemption policy come from its priority class.
//!
//! Upstream: `plugin/pkg/admission/priority/admission.go`.

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::pod::PodSpec;
use rustc_hash::FxHashMap;

use super::Remarks;

/// Classes that every cluster has.
const BUILT_IN: [(&str, i32); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Class {
    value: i32,
    never_preempts: bool,
}

/// All priority classes, and the one of pods that name none.
pub(super) struct Priorities {
    classes: FxHashMap<Str, Class>,
    /// Priority zero where no class is the global default.
    default: Class,
}

impl Priorities {
    /// The classes of the input. A class that is not there is known by the pods which have it: those of a real cluster
    /// tell their class and their priority.
    pub(super) fn new(manifests: &Manifests) -> Self {
        let mut classes: FxHashMap<Str, Class> = BUILT_IN
            .iter()
            .map(|&(name, value)| (name.into(), Class { value, never_preempts: false }))
            .collect();
        let mut default = None::<Class>;
        for entry in &manifests.priority_classes {
            let object = &entry.value;
            let class = Class { value: object.value, never_preempts: object.never_preempts };
            classes.insert(object.name.clone(), class);
            // Two defaults are a mistake that a race can make; upstream takes the lower one.
            if object.global_default && default.is_none_or(|known| class.value < known.value) {
                default = Some(class);
            }
        }
        for manifest in manifests.pods.iter().map(|entry| &entry.value) {
            let asks = &manifest.admission;
            if let Some(name) = asks.priority_class.as_ref().filter(|_| asks.has_priority)
                && !classes.contains_key(name)
            {
                let PodSpec { priority, never_preempts, .. } = *manifest.pod.spec;
                classes.insert(name.clone(), Class { value: priority, never_preempts });
            }
        }
        Self { classes, default: default.unwrap_or_default() }
    }

    /// Sets priority and preemption policy.
    pub(super) fn apply(
        &self,
        spec: &mut PodSpec,
        asks: &berth_model::pod_manifest::Admission,
        remarks: &mut Remarks,
    ) {
        let class = match &asks.priority_class {
            None => self.default,
            Some(name) => match self.classes.get(name) {
                Some(class) => *class,
                None => {
                    let message = format!(
                        "found {name:?}, but no PriorityClass of this name is in the input, so the API server would \
                         refuse the pod"
                    );
                    remarks.problems.push(("priorityClassName", message));
                    return;
                }
            },
        };
        if !asks.has_priority {
            spec.priority = class.value;
        } else if spec.priority != class.value {
            remarks.warnings.push(format!(
                "asks for priority {}, but its class gives {}: the API server would refuse it; taken as it is",
                spec.priority, class.value
            ));
        }
        if spec.never_preempts && !class.never_preempts {
            remarks.warnings.push(
                "asks for preemptionPolicy Never, but its class gives PreemptLowerPriority: the API server would refuse \
                 it; taken as it is"
                    .to_owned(),
            );
        }
        spec.never_preempts |= class.never_preempts;
    }
}
