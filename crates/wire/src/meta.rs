//! Metadata that all objects share.

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::pod::Controller;

use crate::context::Context;
use crate::decode::{Annotations, IntoModel, List, Obj, StringMap, Time, UninternedStr, wire_object};
use crate::syntax::{check_dns_label, check_labels, check_subdomain};

wire_object! {
    /// `metav1.OwnerReference`.
    pub(crate) struct OwnerWire {
        api_version: Str = "apiVersion",
        kind: Str = "kind",
        name: Str = "name",
        uid: Str = "uid",
        controller: bool = "controller",
    }
    skipped { "blockOwnerDeletion" }
}

impl IntoModel for OwnerWire {
    type Out = Option<Controller>;

    fn into_model(self, _: &mut Context) -> Option<Controller> {
        let Self { api_version, kind, name, uid, controller } = self;
        controller.then_some(Controller { api_version, kind, name, uid })
    }
}

wire_object! {
    /// `metav1.ObjectMeta`.
    pub(crate) struct MetaWire {
        name: UninternedStr = "name",
        generate_name: Option<Str> = "generateName",
        namespace: Str = "namespace",
        uid: UninternedStr = "uid",
        labels: StringMap = "labels",
        annotations: Annotations = "annotations",
        created: Option<Time> = "creationTimestamp",
        deleted: Option<Time> = "deletionTimestamp",
        owners: List<OwnerWire> = "ownerReferences",
        generation: i64 = "generation",
    }
    skipped {
        "selfLink" "resourceVersion" "deletionGracePeriodSeconds" "finalizers" "clusterName"
        "managedFields"
    }
}

/// Who an object is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) name: Str,
    /// `default` where the object has none; of no meaning for kinds without namespace.
    pub(crate) namespace: Str,
    pub(crate) uid: Str,
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) created: Option<i64>,
    pub(crate) terminating: bool,
    pub(crate) controller: Option<Controller>,
    pub(crate) generate_name: Option<Str>,
    pub(crate) generation: i64,
}

/// The metadata of an object, converted.
pub(crate) type MetaField = Obj<MetaWire>;

impl IntoModel for MetaWire {
    type Out = Meta;

    fn into_model(self, cx: &mut Context) -> Meta {
        check_labels(cx, "labels", &self.labels.0);
        let namespace = match &*self.namespace {
            "" => cx.default_namespace(),
            _ => {
                check_dns_label(cx, "namespace", &self.namespace);
                self.namespace
            }
        };
        Meta {
            name: self.name.0,
            namespace,
            uid: self.uid.0,
            labels: self.labels.0,
            annotations: self.annotations.0,
            created: self.created.map(|t| t.0),
            terminating: self.deleted.is_some(),
            controller: self.owners.0.into_iter().flatten().next(),
            generate_name: self.generate_name,
            generation: self.generation,
        }
    }
}

impl MetaField {
    /// The metadata of an object that must have a name. One with only `generateName` gets a numbered name.
    pub(crate) fn named(self, cx: &mut Context) -> Meta {
        let mut meta = self.0.unwrap_or_default();
        cx.stored = !meta.uid.is_empty() || meta.created.is_some();
        if meta.name.is_empty()
            && let Some(prefix) = &meta.generate_name
        {
            meta.name = cx.generate_name(&meta.namespace, prefix);
        }
        cx.within(crate::context::Step::Field("metadata"), |cx| match &*meta.name {
            "" => cx.problem_at("name", "missing; every object needs a name"),
            name => check_subdomain(cx, "name", name),
        });
        meta
    }
}
