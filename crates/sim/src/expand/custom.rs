//! Custom resources: a fixed number of pods for each of their templates.
//!
//! The operators behind them are not simulated. If the input has pods or workloads of the resource already, those are
//! its
//! pods: what the operator would make beside them is not known.

use berth_model::manifests::Entry;
use berth_model::workload::{CustomResource, PodCount, Workload};

use super::template::Template;
use super::{Expansion, name};

/// Makes the pods of one template.
pub(super) fn expand<'a>(
    expansion: &mut Expansion<'a>,
    entry: &'a Entry<Workload>,
    custom: &'a CustomResource,
) {
    let workload = &entry.value;
    let PodCount::Replicas { count, .. } = workload.count else { return };
    if runs(expansion, workload, custom) {
        let message = "runs already: its pods are those in the input, and changes of it are not simulated";
        return expansion.warn_once(entry, message);
    }
    if let Some(missing) = expansion.reserve(entry, "spec", count.into()) {
        expansion.make_alike(&Template::new(entry), &name::prefix(&workload.name), missing);
    }
}

/// Whether the input has pods or workloads of the resource.
fn runs(expansion: &Expansion<'_>, workload: &Workload, custom: &CustomResource) -> bool {
    let namespace = &*workload.namespace;
    let has_label = || {
        !custom.pod_label.is_empty()
            && expansion.manifests.pods.iter().map(|entry| &entry.value.pod.spec).any(|spec| {
                *spec.namespace == *namespace && spec.labels.get(&custom.pod_label) == Some(&custom.name)
            })
    };
    expansion.existing.has_owner(namespace, &custom.api_version, &custom.kind, &custom.name)
        || expansion.family.has_owner(namespace, &custom.api_version, &custom.kind, &custom.name)
        || has_label()
}
