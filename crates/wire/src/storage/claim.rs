//! Persistent volume claims.
//!
//! Upstream: core `validation.go` (`ValidatePersistentVolumeClaimSpec`), component-helpers `storage/volume`.

use berth_model::Str;
use berth_model::volume::Claim;

use crate::context::{Context, Step};
use crate::decode::{IntoModel, Obj, wire_object};
use crate::encode;
use crate::meta::{Meta, MetaField};
use crate::object::wire_format;
use crate::pod::non_empty;
use crate::pod::resources::ResourcesWire;
use crate::selector::LabelSelectorWire;
use crate::storage::{access_modes, class_of, is_block};

wire_object! {
    /// `v1.PersistentVolumeClaimSpec`.
    pub(crate) struct ClaimSpecWire {
        access_modes: Vec<Str> = "accessModes",
        selector: Obj<LabelSelectorWire> = "selector",
        resources: ResourcesWire = "resources",
        volume: Str = "volumeName",
        class: Option<Str> = "storageClassName",
        mode: Str = "volumeMode",
        attributes_class: Option<Str> = "volumeAttributesClassName",
    }
    skipped { "dataSource" "dataSourceRef" }
}

wire_object! {
    /// `v1.PersistentVolumeClaimStatus`.
    pub(crate) struct ClaimStatusWire {
        phase: Str = "phase",
    }
    skipped {
        "accessModes" "capacity" "conditions" "allocatedResources" "resizeStatus" "allocatedResourceStatuses"
        "currentVolumeAttributesClassName" "modifyVolumeStatus" "healthStatus"
    }
}

wire_object! {
    /// `v1.PersistentVolumeClaim`.
    pub(crate) struct ClaimWire {
        meta: MetaField = "metadata",
        spec: ClaimSpecWire = "spec",
        status: ClaimStatusWire = "status",
    }
    skipped { "apiVersion" "kind" }
}

wire_format!(Claim, ClaimWire, encode::claim, has_annotations: true);

impl IntoModel for ClaimWire {
    type Out = Claim;

    fn into_model(self, cx: &mut Context) -> Claim {
        let Self { meta, spec, status } = self;
        let meta = meta.named(cx);
        cx.within(Step::Field("spec"), |cx| claim(cx, meta, spec, &status))
    }
}

wire_object! {
    /// `v1.PersistentVolumeClaimTemplate`.
    pub(crate) struct ClaimTemplateWire {
        meta: MetaField = "metadata",
        spec: ClaimSpecWire = "spec",
    }
    skipped {}
}

impl IntoModel for ClaimTemplateWire {
    type Out = Claim;

    /// The claim gets its name from the pod.
    fn into_model(self, cx: &mut Context) -> Claim {
        let meta = self.meta.0.unwrap_or_default();
        cx.within(Step::Field("spec"), |cx| claim(cx, meta, self.spec, &ClaimStatusWire::default()))
    }
}

fn claim(cx: &mut Context, meta: Meta, spec: ClaimSpecWire, status: &ClaimStatusWire) -> Claim {
    let requests = spec.resources.requests.unwrap_or_default();
    let request = requests.iter().find(|(name, _)| &**name == "storage").map(|(_, amount)| *amount);
    if request.is_none() {
        cx.problem_at("resources", "requests.storage is missing; expected a quantity such as 10Gi");
    }
    Claim {
        storage_class: class_of(&meta.annotations, spec.class),
        volume: non_empty(spec.volume),
        access_modes: access_modes(cx, &spec.access_modes),
        request: request.unwrap_or_default(),
        selector: spec.selector.0,
        block: is_block(cx, &spec.mode),
        attributes_class: spec.attributes_class,
        lost: &*status.phase == "Lost",
        terminating: meta.terminating,
        controller_uid: meta.controller.map(|controller| controller.uid),
        namespace: meta.namespace,
        name: meta.name,
        uid: meta.uid,
        labels: meta.labels,
        annotations: meta.annotations,
    }
}
