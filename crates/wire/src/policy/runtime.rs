//! Runtime classes.

use berth_model::Str;
use berth_model::affinity::Toleration;
use berth_model::labels::Labels;
use berth_model::node::ResourceList;

use crate::context::{Context, Step};
use crate::decode::{List, StringMap, wire_object};
use crate::meta::MetaField;
use crate::pod::TolerationWire;
use crate::syntax::check_labels;

/// `node.k8s.io/v1.RuntimeClass`: how containers are run, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeClass {
    /// `metadata.name`.
    pub name: Str,
    /// `overhead.podFixed`: what running a pod costs beside its containers.
    pub overhead: ResourceList,
    /// `scheduling.nodeSelector`: added to the pods'.
    pub node_selector: Labels,
    /// `scheduling.tolerations`: added to the pods'.
    pub tolerations: Vec<Toleration>,
}

wire_object! {
    /// `node.k8s.io/v1.Overhead`.
    pub(crate) struct OverheadWire {
        fixed: ResourceList = "podFixed",
    }
    skipped {}
}

wire_object! {
    /// `node.k8s.io/v1.Scheduling`.
    pub(crate) struct SchedulingWire {
        node_selector: StringMap = "nodeSelector",
        tolerations: List<TolerationWire> = "tolerations",
    }
    skipped {}
}

wire_object! {
    /// `node.k8s.io/v1.RuntimeClass`.
    pub(crate) struct RuntimeClassWire {
        meta: MetaField = "metadata",
        overhead: OverheadWire = "overhead",
        scheduling: SchedulingWire = "scheduling",
    }
    skipped { "apiVersion" "kind" "handler" }
}

impl RuntimeClassWire {
    pub(crate) fn finish(self, cx: &mut Context) -> RuntimeClass {
        let SchedulingWire { node_selector, tolerations } = self.scheduling;
        cx.within(Step::Field("scheduling"), |cx| check_labels(cx, "nodeSelector", &node_selector.0));
        RuntimeClass {
            name: self.meta.named(cx).name,
            overhead: self.overhead.fixed,
            node_selector: node_selector.0,
            tolerations: tolerations.0,
        }
    }
}
