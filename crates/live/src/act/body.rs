//! The bodies of requests, as JSON.

use berth_flow::{Condition, PodRef};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'a str>,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
}

#[derive(Serialize)]
struct PodMeta<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Binding<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: PodMeta<'a>,
    target: Target<'a>,
}

/// A `v1.Binding`, with the uid, so that no other pod of the same name is bound.
pub(super) fn binding(pod: &PodRef, node: &str) -> Vec<u8> {
    let metadata = PodMeta { namespace: &pod.namespace, name: &pod.name, uid: &pod.uid };
    let target = Target { api_version: None, kind: "Node", namespace: None, name: node, uid: None };
    text(&Binding { api_version: "v1", kind: "Binding", metadata, target })
}

#[derive(Serialize)]
struct Uid<'a> {
    uid: &'a str,
}

#[derive(Serialize)]
struct StatusPatch<'a> {
    metadata: Uid<'a>,
    status: StatusFields<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<[ConditionFields<'a>; 1]>,
    /// `None`: not changed. `Some(None)`: removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    nominated_node_name: Option<Option<&'a str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionFields<'a> {
    r#type: &'static str,
    status: &'static str,
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    observed_generation: i64,
    last_probe_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_transition_time: Option<&'a str>,
}

fn is_zero(generation: &i64) -> bool {
    *generation == 0
}

/// A patch of a pod's status, with the uid, so that no other pod of the same name is changed.
pub(super) fn status(
    pod: &PodRef,
    condition: Option<&Condition>,
    nominated: Option<&str>,
    now: String,
) -> Vec<u8> {
    let conditions = condition.map(|condition| {
        [ConditionFields {
            r#type: "PodScheduled",
            status: "False",
            reason: condition.reason,
            message: &condition.message,
            observed_generation: condition.generation,
            last_probe_time: None,
            last_transition_time: (!condition.again).then_some(&now),
        }]
    });
    let nominated_node_name = nominated.map(|node| Some(node).filter(|node| !node.is_empty()));
    text(&StatusPatch {
        metadata: Uid { uid: &pod.uid },
        status: StatusFields { conditions, nominated_node_name },
    })
}

/// A patch with the condition `DisruptionTarget` of a victim.
pub(super) fn disruption(victim: &PodRef, message: &str, generation: i64, now: String) -> Vec<u8> {
    let condition = ConditionFields {
        r#type: "DisruptionTarget",
        status: "True",
        reason: "PreemptionByScheduler",
        message,
        observed_generation: generation,
        last_probe_time: None,
        last_transition_time: Some(&now),
    };
    let status = StatusFields { conditions: Some([condition]), nominated_node_name: None };
    text(&StatusPatch { metadata: Uid { uid: &victim.uid }, status })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteOptions<'a> {
    api_version: &'static str,
    kind: &'static str,
    preconditions: Uid<'a>,
}

/// The options for deleting this pod and no other one of the same name, with its own grace period.
pub(super) fn deletion(victim: &PodRef) -> Vec<u8> {
    text(&DeleteOptions { api_version: "v1", kind: "DeleteOptions", preconditions: Uid { uid: &victim.uid } })
}

#[derive(Serialize)]
struct VolumePatch<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Annotated<BoundBy>>,
    spec: VolumeSpec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VolumeSpec<'a> {
    claim_ref: Target<'a>,
}

#[derive(Serialize)]
struct Annotated<T> {
    annotations: T,
}

#[derive(Serialize)]
struct BoundBy {
    #[serde(rename = "pv.kubernetes.io/bound-by-controller")]
    bound: &'static str,
}

/// A patch that binds a volume to a claim.
pub(super) fn volume(namespace: &str, claim: &str, uid: &str, reserved: bool) -> Vec<u8> {
    let claim_ref = Target {
        api_version: Some("v1"),
        kind: "PersistentVolumeClaim",
        namespace: Some(namespace),
        name: claim,
        uid: Some(uid),
    };
    let metadata = (!reserved).then_some(Annotated { annotations: BoundBy { bound: "yes" } });
    text(&VolumePatch { metadata, spec: VolumeSpec { claim_ref } })
}

#[derive(Serialize)]
struct ClaimPatch<'a> {
    metadata: Annotated<SelectedNode<'a>>,
}

#[derive(Serialize)]
struct SelectedNode<'a> {
    #[serde(rename = "volume.kubernetes.io/selected-node")]
    node: &'a str,
}

/// A patch that selects the node for which a volume is provisioned.
pub(super) fn selected_node(node: &str) -> Vec<u8> {
    text(&ClaimPatch { metadata: Annotated { annotations: SelectedNode { node } } })
}

/// Serialization of texts and numbers cannot fail.
fn text<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn pod() -> PodRef {
        PodRef { namespace: "shop".into(), name: "cart".into(), uid: "u1".into() }
    }

    fn check(body: Vec<u8>, expected: expect_test::Expect) {
        expected.assert_eq(&String::from_utf8(body).unwrap());
    }

    #[test]
    fn a_binding_names_the_pod_and_its_node() {
        check(
            binding(&pod(), "n1"),
            expect![[
                r#"{"apiVersion":"v1","kind":"Binding","metadata":{"namespace":"shop","name":"cart","uid":"u1"},"target":{"kind":"Node","name":"n1"}}"#
            ]],
        );
    }

    #[test]
    fn a_status_patch_holds_only_the_changes() {
        let condition = Condition {
            reason: "Unschedulable",
            message: "0/1 nodes \"fit\"".into(),
            generation: 2,
            again: false,
        };
        check(
            status(&pod(), Some(&condition), None, "T".into()),
            expect![[
                r#"{"metadata":{"uid":"u1"},"status":{"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/1 nodes \"fit\"","observedGeneration":2,"lastProbeTime":null,"lastTransitionTime":"T"}]}}"#
            ]],
        );
        let again = Condition { again: true, ..condition };
        check(
            status(&pod(), Some(&again), None, "T".into()),
            expect![[
                r#"{"metadata":{"uid":"u1"},"status":{"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/1 nodes \"fit\"","observedGeneration":2,"lastProbeTime":null}]}}"#
            ]],
        );
        check(
            status(&pod(), None, Some("n1"), "T".into()),
            expect![[r#"{"metadata":{"uid":"u1"},"status":{"nominatedNodeName":"n1"}}"#]],
        );
        check(
            status(&pod(), None, Some(""), "T".into()),
            expect![[r#"{"metadata":{"uid":"u1"},"status":{"nominatedNodeName":null}}"#]],
        );
    }

    #[test]
    fn a_victim_gets_a_condition_and_is_deleted_by_its_uid() {
        check(
            disruption(&pod(), "why", 0, "T".into()),
            expect![[
                r#"{"metadata":{"uid":"u1"},"status":{"conditions":[{"type":"DisruptionTarget","status":"True","reason":"PreemptionByScheduler","message":"why","lastProbeTime":null,"lastTransitionTime":"T"}]}}"#
            ]],
        );
        check(
            deletion(&pod()),
            expect![[r#"{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u1"}}"#]],
        );
    }

    #[test]
    fn volumes_and_claims_are_patched() {
        check(
            volume("shop", "data", "c1", false),
            expect![[
                r#"{"metadata":{"annotations":{"pv.kubernetes.io/bound-by-controller":"yes"}},"spec":{"claimRef":{"apiVersion":"v1","kind":"PersistentVolumeClaim","namespace":"shop","name":"data","uid":"c1"}}}"#
            ]],
        );
        check(
            volume("shop", "data", "c1", true),
            expect![[
                r#"{"spec":{"claimRef":{"apiVersion":"v1","kind":"PersistentVolumeClaim","namespace":"shop","name":"data","uid":"c1"}}}"#
            ]],
        );
        check(
            selected_node("n1"),
            expect![[r#"{"metadata":{"annotations":{"volume.kubernetes.io/selected-node":"n1"}}}"#]],
        );
    }
}
