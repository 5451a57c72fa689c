//! Device classes.

use berth_model::Str;
use berth_model::device::{DeviceClass, OpaqueConfig};

use super::value::{OpaqueWire, SelectorWire, check_size};
use crate::context::{Context, Step, quoted};
use crate::decode::{IntoModel, List, Obj, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;
use crate::syntax::is_label_key;

wire_object! {
    /// `v1.DeviceClassConfiguration`.
    pub(crate) struct ClassConfigWire {
        opaque: Obj<OpaqueWire> = "opaque",
    }
    skipped {}
}

impl IntoModel for ClassConfigWire {
    type Out = OpaqueConfig;

    fn into_model(self, cx: &mut Context) -> OpaqueConfig {
        if self.opaque.0.is_none() {
            cx.problem_at("opaque", "missing; a configuration is opaque parameters for a driver");
        }
        self.opaque.0.unwrap_or_default()
    }
}

wire_object! {
    /// `v1.DeviceClassSpec`.
    pub(crate) struct ClassSpecWire {
        selectors: List<SelectorWire> = "selectors",
        config: List<ClassConfigWire> = "config",
        extended: Option<Str> = "extendedResourceName",
    }
    skipped {}
}

wire_object! {
    /// `resource.k8s.io/v1.DeviceClass`.
    pub(crate) struct ClassWire {
        meta: MetaField = "metadata",
        spec: ClassSpecWire = "spec",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(DeviceClass, ClassWire, encode::device_class);

impl IntoModel for ClassWire {
    type Out = DeviceClass;

    fn into_model(self, cx: &mut Context) -> DeviceClass {
        let meta = self.meta.named(cx);
        let ClassSpecWire { selectors, config, extended } = self.spec;
        cx.within(Step::Field("spec"), |cx| {
            check_size(cx, "selectors", selectors.0.len(), 32);
            check_size(cx, "config", config.0.len(), 32);
            if let Some(name) = extended.as_ref().filter(|name| !is_extended_resource(name)) {
                let message = format!(
                    "found {}, expected the name of an extended resource, as in example.com/gpu",
                    quoted(name)
                );
                cx.problem_at("extendedResourceName", message);
            }
        });
        DeviceClass {
            name: meta.name,
            selectors: selectors.0,
            config: config.0,
            extended_resource_name: extended,
            created: meta.created,
        }
    }
}

/// A qualified name outside of Kubernetes' own domain.
fn is_extended_resource(name: &str) -> bool {
    let foreign = name.split_once('/').is_some_and(|(domain, _)| !domain.ends_with("kubernetes.io"));
    foreign
        && !name.starts_with("requests.")
        && is_label_key(name)
        && is_label_key(&format!("requests.{name}"))
}
