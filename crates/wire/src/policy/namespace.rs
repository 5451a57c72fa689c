//! Namespaces.
//!
//! Upstream: core `v1/defaults.go` (`SetDefaults_Namespace`).

use berth_model::workload::Namespace;

use crate::context::Context;
use crate::decode::{IntoModel, wire_object};
use crate::encode;
use crate::meta::MetaField;
use crate::object::wire_format;

/// The API server gives each namespace this label with its name, so that selectors can name it.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

wire_object! {
    /// `v1.Namespace`.
    pub(crate) struct NamespaceWire {
        meta: MetaField = "metadata",
    }
    skipped { "apiVersion" "kind" "spec" "status" }
}

wire_format!(Namespace, NamespaceWire, encode::namespace);

impl IntoModel for NamespaceWire {
    type Out = Namespace;

    fn into_model(self, cx: &mut Context) -> Namespace {
        let mut meta = self.meta.named(cx);
        if !meta.labels.contains_key(NAME_LABEL) {
            meta.labels.insert(cx.intern(NAME_LABEL), meta.name.clone());
        }
        Namespace { name: meta.name, labels: meta.labels }
    }
}
