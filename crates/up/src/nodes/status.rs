//! The status of a pod as its node writes it, as JSON.

use berth_cluster::Millis;
use berth_cluster::kubelet::{ContainerState, ContainerStatus, Phase, PodStatus, Terminated};
use serde_json::{Value, json};

/// What the status needs besides [`PodStatus`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) uid: &'a str,
    /// Names and images of the containers.
    pub(crate) init_containers: &'a [(String, String)],
    pub(crate) containers: &'a [(String, String)],
    pub(crate) host_ip: &'a str,
    pub(crate) pod_ip: &'a str,
    /// Whether the condition `PodScheduled` must be written: the pod got its node without a scheduler.
    pub(crate) says_scheduled: bool,
    /// When the pod became ready or ceased to be.
    pub(crate) ready_since: Millis,
    /// Whether the conditions of the pod's readiness gates hold.
    pub(crate) gates_hold: bool,
    /// `metadata.generation` of the pod that the status is about.
    pub(crate) generation: u64,
}

/// A strategic merge patch for the pod's status. It names the uid, so that it does not change a new pod of the same
/// name.
pub(crate) fn patch(status: &PodStatus, facts: Facts<'_>) -> Value {
    let mut fields = json!({
        "phase": status.phase.name(),
        "observedGeneration": facts.generation,
        "startTime": time(status.started),
        "hostIP": facts.host_ip,
        "hostIPs": [{"ip": facts.host_ip}],
        "conditions": conditions(status, facts),
        "containerStatuses": containers(&status.containers, facts.containers, facts.uid),
    });
    if !status.init_containers.is_empty() {
        fields["initContainerStatuses"] =
            containers(&status.init_containers, facts.init_containers, facts.uid);
    }
    if status.phase != Phase::Pending {
        fields["podIP"] = json!(facts.pod_ip);
        fields["podIPs"] = json!([{"ip": facts.pod_ip}]);
    }
    if let Some(reason) = status.reason {
        fields["reason"] = json!(reason);
    }
    json!({"metadata": {"uid": facts.uid}, "status": fields})
}

/// The status of a pod that its node does not accept.
///
/// Upstream: `rejectPod` in `pkg/kubelet/kubelet.go`.
pub(crate) fn rejection(uid: &str, reason: &str, message: &str, now: Millis) -> Value {
    let fields = json!({
        "phase": Phase::Failed.name(), "reason": reason, "startTime": time(now),
        "message": format!("Pod was rejected: {message}"),
    });
    json!({"metadata": {"uid": uid}, "status": fields})
}

fn conditions(status: &PodStatus, facts: Facts<'_>) -> Value {
    let mut list = Vec::new();
    let completed = status.phase.has_ended().then_some("PodCompleted");
    let mut add = |name: &str, holds: bool, since: Millis, reason: Option<&str>| {
        let mut condition = json!({
            "type": name, "status": if holds { "True" } else { "False" }, "lastTransitionTime": time(since),
            "observedGeneration": facts.generation,
        });
        if let Some(reason) = reason {
            condition["reason"] = json!(reason);
        }
        list.push(condition);
    };
    if facts.says_scheduled {
        add("PodScheduled", true, status.started, None);
    }
    let has_sandbox = status.phase == Phase::Running;
    add("PodReadyToStartContainers", has_sandbox, status.started, None);
    let initialized = (!status.is_initialized).then_some("ContainersNotInitialized");
    add("Initialized", status.is_initialized, status.started, initialized.or(completed));
    let unready = (!status.is_ready).then(|| completed.unwrap_or("ContainersNotReady"));
    add("ContainersReady", status.is_ready, facts.ready_since, unready);
    let gated = (status.is_ready && !facts.gates_hold).then_some("ReadinessGatesNotReady");
    add("Ready", status.is_ready && facts.gates_hold, facts.ready_since, unready.or(gated));
    Value::Array(list)
}

fn containers(statuses: &[ContainerStatus], names: &[(String, String)], uid: &str) -> Value {
    let each = statuses.iter().zip(names).map(|(status, (name, image))| {
        let id = format!("berth://{uid}/{name}/{}", status.restarts);
        let state = match status.state {
            ContainerState::Waiting { reason } => json!({"waiting": {"reason": reason}}),
            ContainerState::Running { since } => json!({"running": {"startedAt": time(since)}}),
            ContainerState::Terminated(ended) => terminated(ended, &id),
        };
        let last = status.last.map_or_else(|| json!({}), |ended| terminated(ended, &id));
        let is_waiting = matches!(status.state, ContainerState::Waiting { .. });
        json!({
            "name": name, "image": image, "imageID": "", "ready": status.is_ready,
            "started": matches!(status.state, ContainerState::Running { .. }),
            "containerID": if is_waiting { "" } else { &id },
            "restartCount": status.restarts, "state": state, "lastState": last,
        })
    });
    each.collect()
}

fn terminated(ended: Terminated, id: &str) -> Value {
    json!({"terminated": {
        "exitCode": ended.exit_code, "reason": ended.reason(), "containerID": id,
        "startedAt": time(ended.started), "finishedAt": time(ended.finished),
    }})
}

/// A time of the API (`metav1.Time`), from milliseconds since 1970.
pub(crate) fn time(millis: Millis) -> String {
    format(millis, "%Y-%m-%dT%H:%M:%SZ")
}

/// A time of the API with microseconds (`metav1.MicroTime`).
pub(crate) fn micro_time(millis: Millis) -> String {
    format(millis, "%Y-%m-%dT%H:%M:%S.%6fZ")
}

/// Milliseconds since 1970 of a time of the API.
pub(crate) fn millis(text: &str) -> Option<Millis> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

fn format(millis: Millis, form: &str) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default().strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_api_reads_them() {
        assert_eq!(time(1_764_498_600_250), "2025-11-30T10:30:00Z");
        assert_eq!(micro_time(1_764_498_600_250), "2025-11-30T10:30:00.250000Z");
        assert_eq!(millis("2025-11-30T10:30:00Z"), Some(1_764_498_600_000));
        assert_eq!(millis("yesterday"), None);
    }
}
