//! Objects back to JSON, for recordings.
//!
//! What is written is what the model holds and nothing else: it decodes to the same value, but commands, environment
//! values, the annotations of pods and the data of secrets were never read, so they cannot be written. What decoding
//! merges is written in whatever form decodes to the same.

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

use crate::object::Object;
use crate::workload::WorkloadKind;
use writer::{Fields, Writer};

/// The object as compact JSON: equal objects give equal texts.
///
/// An object that a [`Decoder`](crate::Decoder) gave is decoded to the same value again. Of a controller with a pod
/// template only what names it and its group of pods is kept, so that [`Workload::owner`](crate::Workload::owner) is
/// the same again.
pub fn encode(object: &Object) -> String {
    let mut writer = Writer::default();
    writer.object(|fields| {
        fields.text("apiVersion", api_version(object));
        fields.text("kind", object.kind().name());
        write(fields, object);
    });
    writer.finish()
}

fn write(fields: &mut Fields<'_>, object: &Object) {
    match object {
        Object::Pod(pod) => manifest::pod(fields, pod),
        Object::Node(node) => node::node(fields, node),
        Object::NodeMetrics(metrics) => node::metrics(fields, metrics),
        Object::Namespace(namespace) => node::namespace(fields, namespace),
        Object::Volume(volume) => storage::volume(fields, volume),
        Object::Claim(claim) => storage::claim(fields, claim),
        Object::StorageClass(class) => storage::class(fields, class),
        Object::CsiNode(node) => storage::csi_node(fields, node),
        Object::CsiDriver(driver) => storage::csi_driver(fields, driver),
        Object::StorageCapacity(capacity) => storage::capacity(fields, capacity),
        Object::Attachment(attachment) => storage::attachment(fields, attachment),
        Object::Service(owner) => workload::service(fields, owner),
        Object::Workload(workload) => workload::workload(fields, workload),
        Object::Budget(budget) => workload::budget(fields, budget),
        Object::PriorityClass(class) => rules::priority_class(fields, class),
        Object::RuntimeClass(class) => rules::runtime_class(fields, class),
        Object::LimitRange(range) => rules::limit_range(fields, range),
    }
}

fn api_version(object: &Object) -> &'static str {
    match object {
        Object::Workload(workload) => WorkloadKind::api_version(workload.kind),
        Object::Budget(_) => "policy/v1",
        Object::StorageClass(_)
        | Object::CsiNode(_)
        | Object::CsiDriver(_)
        | Object::StorageCapacity(_)
        | Object::Attachment(_) => "storage.k8s.io/v1",
        Object::PriorityClass(_) => "scheduling.k8s.io/v1",
        Object::RuntimeClass(_) => "node.k8s.io/v1",
        Object::NodeMetrics(_) => "metrics.k8s.io/v1beta1",
        _ => "v1",
    }
}
