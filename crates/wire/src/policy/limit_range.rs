//! Limit ranges.
//!
//! Upstream: core `v1/defaults.go` (`SetDefaults_LimitRangeItem`).

use berth_model::Str;
use berth_model::node::ResourceList;
use berth_model::policy::{LimitRange, LimitRangeItem, LimitScope};

use crate::context::Context;
use crate::decode::{IntoModel, List, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;

wire_object! {
    /// `v1.LimitRangeItem`.
    pub(crate) struct ItemWire {
        scope: Str = "type",
        max: ResourceList = "max",
        min: ResourceList = "min",
        default: ResourceList = "default",
        default_request: ResourceList = "defaultRequest",
    }
    skipped { "maxLimitRequestRatio" }
}

impl IntoModel for ItemWire {
    type Out = LimitRangeItem;

    fn into_model(self, _: &mut Context) -> LimitRangeItem {
        let Self { scope, max, min, mut default, mut default_request } = self;
        let scope = match &*scope {
            "Container" => LimitScope::Container,
            "Pod" => LimitScope::Pod,
            _ => LimitScope::Other,
        };
        if scope == LimitScope::Container {
            // A maximum is the default limit, a default limit the default request, a minimum the last resort.
            fill(&mut default, &max);
            fill(&mut default_request, &default);
            fill(&mut default_request, &min);
        }
        LimitRangeItem { scope, min, max, default_limits: default, default_requests: default_request }
    }
}

fn fill(list: &mut ResourceList, from: &ResourceList) {
    for (name, amount) in from {
        if let Err(at) = list.binary_search_by(|(known, _)| known.cmp(name)) {
            list.insert(at, (name.clone(), *amount));
        }
    }
}

wire_object! {
    /// `v1.LimitRangeSpec`.
    pub(crate) struct LimitRangeSpecWire {
        limits: List<ItemWire> = "limits",
    }
    skipped {}
}

wire_object! {
    /// `v1.LimitRange`.
    pub(crate) struct LimitRangeWire {
        meta: MetaField = "metadata",
        spec: LimitRangeSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(LimitRange, LimitRangeWire, encode::limit_range);

impl IntoModel for LimitRangeWire {
    type Out = LimitRange;

    fn into_model(self, cx: &mut Context) -> LimitRange {
        let meta = self.meta.named(cx);
        LimitRange { namespace: meta.namespace, name: meta.name, items: self.spec.limits.0 }
    }
}
