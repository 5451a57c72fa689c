//! Runtime classes.

use berth_model::node::ResourceList;
use berth_model::policy::RuntimeClass;

use crate::context::{Context, Step};
use crate::decode::{IntoModel, List, StringMap, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::pod::TolerationWire;
use crate::syntax::check_labels;

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

wire_format!(RuntimeClass, RuntimeClassWire, encode::runtime_class);

impl IntoModel for RuntimeClassWire {
    type Out = RuntimeClass;

    fn into_model(self, cx: &mut Context) -> RuntimeClass {
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
