//! Storage classes.

use berth_model::Str;
use berth_model::volume::StorageClass;

use crate::context::Context;
use crate::decode::{IntoModel, List, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::selector::one_of;
use crate::syntax::check_label_key;

/// The annotations that make a class the one of claims which name none.
const DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

wire_object! {
    /// `v1.TopologySelectorLabelRequirement`.
    pub(crate) struct TopologyRequirementWire {
        key: Str = "key",
        values: Vec<Str> = "values",
    }
    skipped {}
}

impl IntoModel for TopologyRequirementWire {
    type Out = (Str, Vec<Str>);

    fn into_model(self, cx: &mut Context) -> (Str, Vec<Str>) {
        check_label_key(cx, "key", &self.key);
        if self.values.is_empty() {
            cx.problem_at("values", "missing; expected at least one value");
        }
        (self.key, self.values)
    }
}

wire_object! {
    /// `v1.TopologySelectorTerm`.
    pub(crate) struct TopologyTermWire {
        expressions: List<TopologyRequirementWire> = "matchLabelExpressions",
    }
    skipped {}
}

wire_object! {
    /// `storage.k8s.io/v1.StorageClass`.
    pub(crate) struct StorageClassWire {
        meta: MetaField = "metadata",
        provisioner: Str = "provisioner",
        binding_mode: Str = "volumeBindingMode",
        topologies: Vec<TopologyTermWire> = "allowedTopologies",
    }
    skipped { "apiVersion" "kind" "parameters" "reclaimPolicy" "mountOptions" "allowVolumeExpansion" }
}

wire_format!(StorageClass, StorageClassWire, encode::storage_class, has_annotations: true);

impl IntoModel for StorageClassWire {
    type Out = StorageClass;

    fn into_model(self, cx: &mut Context) -> StorageClass {
        let meta = self.meta.named(cx);
        if self.provisioner.is_empty() {
            cx.problem_at(
                "provisioner",
                "missing; expected the name of a volume plugin or kubernetes.io/no-provisioner",
            );
        }
        let waits_for_consumer = match &*self.binding_mode {
            "" => false,
            mode => {
                one_of(cx, "volumeBindingMode", mode, &[("Immediate", false), ("WaitForFirstConsumer", true)])
            }
        };
        let marked = |key: &str| meta.annotations.get(key).is_some_and(|value| &**value == "true");
        StorageClass {
            is_default: DEFAULT.iter().any(|key| marked(key)),
            created: meta.created,
            name: meta.name,
            provisioner: self.provisioner,
            waits_for_consumer,
            allowed_topologies: self.topologies.into_iter().map(|term| term.expressions.0).collect(),
        }
    }
}
