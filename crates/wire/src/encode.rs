//! Objects back to JSON, for recordings and snapshots.
//!
//! What is written is what the model holds and nothing else: it decodes to the same value, but commands, environment
//! values, the annotations of pods and the data of secrets were never read, so they cannot be written. What decoding
//! merges is written in a form that decodes to the same value.

mod device;
mod device_claim;
mod manifest;
mod meta;
mod node;
mod pod;
mod rules;
mod selector;
mod status;
mod storage;
mod volume;
mod workload;
mod writer;

use berth_model::object::Object;

use writer::Writer;

pub(crate) use device::{device_class, resource_slice, taint_rule};
pub(crate) use device_claim::{claim_template, resource_claim};
pub(crate) use manifest::pod_manifest;
pub(crate) use node::{metrics as node_metrics, namespace, node, pod_metrics};
pub(crate) use rules::{autoscaler, limit_range, priority_class, resource_quota, runtime_class};
pub(crate) use storage::{
    attachment, capacity as storage_capacity, claim, class as storage_class, csi_driver, csi_node, volume,
};
pub(crate) use workload::{budget, service, workload};
pub(crate) use writer::Fields;

/// The object as compact JSON: equal objects give equal texts.
///
/// An object that a [`Decoder`](crate::Decoder) gave is decoded to the same value again. Of a controller with a pod
/// template only what names it and its group of pods is kept, so that
/// [`Workload::owner`](berth_model::workload::Workload::owner) is the same again.
pub fn encode(object: &Object) -> String {
    written(object, |fields| crate::object::write(object, fields))
}

/// As [`encode`], but a controller keeps its pod template and everything else that simulations need to create its pods.
pub fn encode_whole(object: &Object) -> String {
    match object {
        Object::Workload(workload) => written(object, |fields| workload::whole_workload(fields, workload)),
        _ => encode(object),
    }
}

fn written(object: &Object, fill: impl FnOnce(&mut Fields<'_>)) -> String {
    let mut writer = Writer::default();
    let api = object.kind().api();
    writer.object(|fields| {
        fields.text("apiVersion", api.api_version);
        fields.text("kind", api.name);
        fill(fields);
    });
    writer.finish()
}
