//! Services.

use berth_model::selector::LabelSelector;
use berth_model::workload::{OwnerKind, PodGroupOwner};

use crate::context::Context;
use crate::decode::{StringMap, wire_object};
use crate::meta::MetaField;

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

impl ServiceWire {
    pub(crate) fn finish(self, cx: &mut Context) -> PodGroupOwner {
        let meta = self.meta.named(cx);
        let selector = self.spec.selector.map(|labels| LabelSelector::from_labels(&labels.0));
        PodGroupOwner { kind: OwnerKind::Service, namespace: meta.namespace, name: meta.name, selector }
    }
}
