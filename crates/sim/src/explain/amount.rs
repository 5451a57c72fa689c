//! Amounts of resources for people.

use berth_engine::cluster::Cluster;
use berth_engine::ids::ResourceId;
use berth_model::quantity::Quantity;

/// `300m`, `7.91`, `1.5Gi`: an amount in the engine's unit; bytes are rounded to a hundredth of their suffix.
pub(super) fn amount(cluster: &Cluster, resource: ResourceId, amount: i64) -> String {
    let name = cluster.resources().name(resource);
    let in_bytes = matches!(&**name, "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if resource == ResourceId::CPU && amount.abs() >= 1000 {
        return Quantity::from_milli(amount).to_string();
    }
    if !in_bytes {
        return crate::report::quantity(resource, amount);
    }
    let suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
    let mut value = amount as f64;
    let mut at = 0;
    while value.abs() >= 1024.0 && at + 1 < suffixes.len() {
        value /= 1024.0;
        at += 1;
    }
    let number = format!("{value:.2}");
    format!("{}{}", number.trim_end_matches('0').trim_end_matches('.'), suffixes[at])
}

/// The name of a resource in a sentence.
pub(super) fn noun(cluster: &Cluster, resource: ResourceId) -> String {
    match resource {
        ResourceId::CPU => "CPU".into(),
        _ => cluster.resources().name(resource).to_string(),
    }
}
