//! The workloads that come with the program, in the order of the table.

use crate::workload::{Workload, WorkloadError};

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../../bench/workloads/", $name, ".yaml")))),*]
    };
}

/// Name and text of each workload.
const WORKLOADS: &[(&str, &str)] = files![
    "basic"
    "daemonset"
    "mixed-churn"
    "while-gated"
    "unschedulable"
    "preemption-async"
    "pod-anti-affinity"
    "pod-matching-anti-affinity"
    "pod-affinity"
    "preferred-pod-affinity"
    "preferred-pod-anti-affinity"
    "node-affinity"
    "mixed-base-pod"
    "ns-selector-anti-affinity"
    "ns-selector-preferred-anti-affinity"
    "ns-selector-affinity"
    "ns-selector-preferred-affinity"
    "topology-spreading"
    "preferred-topology-spreading"
    "default-topology-spreading"
    "node-inclusion-policy"
    "csi-volumes"
    "migrated-volumes"
    "intree-volumes"
    "volume-limits"
    "device-claims"
    "prioritized-device-claims"
    "selected-device-claims"
    "matched-device-claims"
    "shared-device-claims"
    "partitioned-device-claims"
    "partitioned-device-claims-backtracking"
    "device-capacity-claims"
    "tainted-device-claims"
    "explicit-extended-resource-devices"
    "implicit-extended-resource-devices"
    "mix"
    "every-pod-different"
    "adversarial-churn"
];

/// Path and text of each template file that they share.
const TEMPLATES: &[(&str, &str)] = files![
    "templates/node"
    "templates/node-one-zone"
    "templates/node-three-zones"
    "templates/node-with-volumes"
    "templates/csi-node"
    "templates/namespace-devops"
    "templates/pod"
    "templates/pod-light"
    "templates/pod-anti-affinity"
    "templates/pod-affinity"
    "templates/pod-preferred-affinity"
    "templates/pod-preferred-anti-affinity"
    "templates/pod-low-priority"
    "templates/pod-high-priority"
    "templates/pod-high-priority-large"
    "templates/pod-with-claim"
    "templates/claim"
    "templates/volume-csi"
    "templates/volume-intree"
    "templates/device-class"
    "templates/resource-slice"
    "templates/device-claim"
    "templates/device-claim-prioritized"
    "templates/pod-with-device"
    "templates/resource-slice-ten"
    "templates/resource-slice-pair"
    "templates/resource-slice-shareable"
    "templates/resource-slice-counters"
    "templates/resource-slice-partitions"
    "templates/resource-slice-memory-counters"
    "templates/resource-slice-memory-partitions"
    "templates/device-claim-matched"
    "templates/device-claim-selected"
    "templates/device-claim-two"
    "templates/device-claim-seven"
    "templates/device-claim-capacity"
    "templates/device-claim-tolerating"
    "templates/device-taint-rule"
    "templates/pod-sharing-init-claim"
    "templates/pod-sharing-claim"
    "templates/shared-device-claim"
    "templates/shared-init-device-claim"
    "templates/pod-with-explicit-extended-resource"
    "templates/pod-with-implicit-extended-resource"
    "templates/device-class-numbered"
    "templates/device-class-extended"
];

/// Names of all workloads.
pub fn names() -> impl Iterator<Item = &'static str> {
    WORKLOADS.iter().map(|(name, _)| *name)
}

/// A workload that comes with the program.
///
/// # Errors
/// When there is none of that name.
pub fn load(name: &str) -> Result<Workload, WorkloadError> {
    let Some((_, text)) = WORKLOADS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = names().collect();
        return Err(WorkloadError::Unknown { name: name.to_string(), known: known.join(", ") });
    };
    Workload::parse(&format!("{name}.yaml"), text, template)
}

/// The text of a template file that comes with the program.
///
/// # Errors
/// When there is none at that path.
pub fn template(path: &str) -> Result<String, String> {
    let stem = path.strip_suffix(".yaml").unwrap_or(path);
    let found = TEMPLATES.iter().find(|(known, _)| *known == stem);
    found
        .map(|(_, text)| (*text).to_string())
        .ok_or_else(|| "no such file comes with the program".to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn in_folder(folder: &str, prefix: &str) -> BTreeSet<String> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/workloads");
        let entries = std::fs::read_dir(format!("{root}/{folder}")).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter_map(|n| n.strip_suffix(".yaml").map(|stem| format!("{prefix}{stem}"))).collect()
    }

    #[test]
    fn every_file_of_the_folder_is_listed() {
        let listed = |list: &[(&str, &str)]| list.iter().map(|(n, _)| (*n).to_string()).collect();
        assert_eq!(in_folder("", ""), listed(WORKLOADS));
        assert_eq!(in_folder("templates", "templates/"), listed(TEMPLATES));
    }

    #[test]
    fn every_workload_loads_under_its_own_name_and_has_the_sizes_of_the_suites() {
        for name in names() {
            let workload = load(name).unwrap();
            assert_eq!(workload.name, name);
            for size in ["smoke", "perf"] {
                assert!(workload.sizes.contains_key(size), "{name} has no size {size}");
            }
        }
        let scale: Vec<&str> = names().filter(|n| load(n).unwrap().sizes.contains_key("scale")).collect();
        let expected = [
            "basic",
            "pod-anti-affinity",
            "node-affinity",
            "topology-spreading",
            "mix",
            "every-pod-different",
        ];
        assert_eq!(scale, expected);
    }
}
