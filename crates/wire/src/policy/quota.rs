//! Resource quotas.

use berth_model::Str;
use berth_model::node::ResourceList;
use berth_model::policy::ResourceQuota;

use crate::context::Context;
use crate::decode::{AnyMap, IntoModel, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;

wire_object! {
    /// `v1.ResourceQuotaSpec`.
    pub(crate) struct QuotaSpecWire {
        hard: ResourceList = "hard",
        scopes: Vec<Str> = "scopes",
        scope_selector: Option<AnyMap> = "scopeSelector",
    }
    skipped {}
}

wire_object! {
    /// `v1.ResourceQuota`.
    pub(crate) struct QuotaWire {
        meta: MetaField = "metadata",
        spec: QuotaSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" "status" }
}

wire_format!(ResourceQuota, QuotaWire, encode::resource_quota);

impl IntoModel for QuotaWire {
    type Out = ResourceQuota;

    fn into_model(self, cx: &mut Context) -> ResourceQuota {
        let meta = self.meta.named(cx);
        let QuotaSpecWire { hard, scopes, scope_selector } = self.spec;
        let scoped = !scopes.is_empty() || scope_selector.is_some();
        ResourceQuota { namespace: meta.namespace, name: meta.name, hard, scoped }
    }
}
