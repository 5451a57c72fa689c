//! `--feature-gates`: there are none here. What a gate says is taken where Berth does so in any case, and refused where
//! pods would go elsewhere.

use super::Remarks;
use crate::failure::Failure;

/// Gates that bear on where pods go, on what is written, or on who leads, with what they are in 1.37 and here.
const DECIDING: [(&str, bool); 23] = [
    ("AllAlpha", false),
    ("AllBeta", false),
    ("CompositePodGroup", false),
    ("CoordinatedLeaderElection", false),
    ("DynamicResourceAllocation", true),
    ("GangScheduling", false),
    ("GenericWorkload", false),
    ("InPlacePodLevelResourcesVerticalScaling", true),
    ("InPlacePodVerticalScaling", true),
    ("InPlacePodVerticalScalingSchedulerPreemption", false),
    ("MatchLabelKeysInPodAffinity", true),
    ("MatchLabelKeysInPodTopologySpread", true),
    ("MatchLabelKeysInPodTopologySpreadSelectorMerge", true),
    ("NodeInclusionPolicyInPodTopologySpread", true),
    ("NominatedNodeNameForExpectation", true),
    ("PodGroupPreemptionPolicy", false),
    ("PodLevelResources", true),
    ("PodSchedulingReadiness", true),
    ("SidecarContainers", true),
    ("StorageCapacityScoring", true),
    ("TaintTolerationComparisonOperators", false),
    ("TopologyAwareWorkloadScheduling", false),
    ("VolumeLimitScaling", true),
];

/// Gates of how kube-scheduler comes to a decision.
const INNER: [&str; 7] = [
    "InterPodAffinityHostnameFastPath",
    "OpportunisticBatching",
    "SchedulerAsyncAPICalls",
    "SchedulerAsyncPreemption",
    "SchedulerPopFromBackoffQ",
    "SchedulerPreQueueingHints",
    "SchedulerQueueingHints",
];

/// Takes note of gates, each as in `kube:Name=true`.
///
/// # Errors
/// Where something would be decided differently, and where it cannot be read.
pub(super) fn check(gates: &[String], remarks: &mut Remarks) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for gate in gates.iter().map(|gate| gate.trim()).filter(|gate| !gate.is_empty()) {
        if let Err(problem) = check_one(gate, remarks) {
            problems.push(format!("--feature-gates: {problem}"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::inputs(problems)) }
}

fn check_one(gate: &str, remarks: &mut Remarks) -> Result<(), String> {
    let (name, value) = gate.split_once('=').ok_or_else(|| format!("missing bool value for {gate}"))?;
    let is_on = match value.trim() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
        "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
        other => return Err(format!("invalid value of {name}={other}")),
    };
    let name = name.trim();
    let name = name.strip_prefix("kube:").unwrap_or(name);
    if let Some((_, here)) = DECIDING.iter().find(|(known, _)| *known == name) {
        if is_on == *here {
            remarks.notes.push(format!("--feature-gates: {name}={here} is so in any case"));
            return Ok(());
        }
        return Err(format!("{name} is {here} here, as it is in 1.37, and cannot be set to {is_on}"));
    }
    if name.starts_with("DRA") {
        remarks
            .warnings
            .push(format!("--feature-gates: {name} has no effect: pods with resource claims wait"));
    } else if INNER.contains(&name) {
        remarks.notes.push(format!(
            "--feature-gates: {name} has no effect: it is about how kube-scheduler comes to its decisions"
        ));
    } else {
        remarks
            .notes
            .push(format!("--feature-gates: {name} has no effect: placing pods does not depend on it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_would_decide_otherwise_is_refused() {
        let cases = [
            ("", 0, 0, 0),
            ("SidecarContainers=true", 0, 0, 1),
            ("kube:GenericWorkload=false", 0, 0, 1),
            ("GenericWorkload=true", 1, 0, 0),
            ("PodLevelResources=f", 1, 0, 0),
            ("AllAlpha=true", 1, 0, 0),
            ("DRAPartitionableDevices=true", 0, 1, 0),
            ("SchedulerAsyncPreemption=false", 0, 0, 1),
            ("HPAScaleToZero=true", 0, 0, 1),
            ("SidecarContainers", 1, 0, 0),
            ("SidecarContainers=yes", 1, 0, 0),
        ];
        for (gate, refused, warned, noted) in cases {
            let mut remarks = Remarks::default();
            let problems = check(&[gate.to_owned()], &mut remarks).err().map_or(0, |e| e.problems.len());
            let found = (problems, remarks.warnings.len(), remarks.notes.len());
            assert_eq!(found, (refused, warned, noted), "{gate}");
        }
    }
}
