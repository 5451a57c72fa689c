//! Services.

use berth_model::selector::LabelSelector;
use berth_model::workload::{OwnerKind, PodGroupOwner};

use crate::context::{Context, Step};
use crate::decode::{IntoModel, StringMap, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::syntax::check_labels;

wire_object! {
    /// `v1.ServiceSpec`.
    pub(crate) struct ServiceSpecWire {
        selector: Option<StringMap> = "selector",
    }
    skipped {
        "ports" "clusterIP" "clusterIPs" "type" "externalIPs" "sessionAffinity" "loadBalancerIP"
        "loadBalancerSourceRanges" "externalName" "externalTrafficPolicy" "healthCheckNodePort"
        "publishNotReadyAddresses" "sessionAffinityConfig" "topologyKeys" "ipFamily" "ipFamilies" "ipFamilyPolicy"
        "allocateLoadBalancerNodePorts" "loadBalancerClass" "internalTrafficPolicy" "trafficDistribution"
    }
}

wire_object! {
    /// `v1.Service`.
    pub(crate) struct ServiceWire {
        meta: MetaField = "metadata",
        spec: ServiceSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

wire_format!(PodGroupOwner, ServiceWire, encode::service);

impl IntoModel for ServiceWire {
    type Out = PodGroupOwner;

    fn into_model(self, cx: &mut Context) -> PodGroupOwner {
        let meta = self.meta.named(cx);
        if let Some(labels) = &self.spec.selector {
            cx.within(Step::Field("spec"), |cx| check_labels(cx, "selector", &labels.0));
        }
        let selector = self.spec.selector.map(|labels| LabelSelector::from_labels(&labels.0));
        PodGroupOwner { kind: OwnerKind::Service, namespace: meta.namespace, name: meta.name, selector }
    }
}
