//! `--feature-gates`. Berth has no feature gates. A value is accepted if it is what Berth does anyway, and refused if
//! it would change where pods go.

use super::Remarks;
use crate::failure::Failure;

/// Gates that affect where pods go, what is written, or which process leads, with their value in 1.37 and here.
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

/// Gates that affect only how kube-scheduler reaches a decision.
const INNER: [&str; 7] = [
    "InterPodAffinityHostnameFastPath",
    "OpportunisticBatching",
    "SchedulerAsyncAPICalls",
    "SchedulerAsyncPreemption",
    "SchedulerPopFromBackoffQ",
    "SchedulerPreQueueingHints",
    "SchedulerQueueingHints",
];

/// Checks gates, each as in `kube:Name=true`.
///
/// # Errors
/// If a gate would change a decision, or cannot be parsed.
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
            remarks.notes.push(format!("--feature-gates: {name}={here} is already the behaviour"));
            return Ok(());
        }
        return Err(format!(
            "{name}={is_on} is not supported; Berth behaves as with {name}={here}, the default of 1.37"
        ));
    }
    if name.starts_with("DRA") {
        remarks
            .warnings
            .push(format!("--feature-gates: {name} has no effect: pods with resource claims stay pending"));
    } else if INNER.contains(&name) {
        remarks.notes.push(format!(
            "--feature-gates: {name} has no effect: it concerns how kube-scheduler reaches its decisions"
        ));
    } else {
        remarks.notes.push(format!("--feature-gates: {name} has no effect on scheduling"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_would_change_a_decision_is_refused() {
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
