//! Claims of ephemeral volumes.

use crate::fixture::{documents, node, pod, workload, world};

const VOLUMES: &str = "volumes: [{name: scratch, ephemeral: {volumeClaimTemplate: {metadata: {labels: {a: b}}, spec: \
                       {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}}}}],";

#[test]
fn each_pod_that_waits_owns_a_claim() {
    let set = workload("ReplicaSet", "web", "", "replicas: 2,", VOLUMES);
    let bare = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: a, uid: u}}, spec: {{{VOLUMES} priority: 0, containers: [{{name: \
         c}}]}}}}"
    );
    let running =
        bare.replace("name: a, uid: u", "name: b").replace("priority: 0", "nodeName: n1, priority: 0");
    let world = world(&documents(&[&node("n1", "", ""), &set, &bare, &running]));
    let claims: Vec<_> = world.cluster.storage().claims.values().map(|claim| &*claim.name).collect();
    assert_eq!(claims, ["a-scratch", "web-0-scratch", "web-1-scratch"]);
    let claim = world.cluster.storage().claim(&"default".into(), &"a-scratch".into()).unwrap();
    assert_eq!((claim.storage_class.as_deref(), claim.request.value()), (Some("fast"), 1 << 30));
    assert_eq!(claim.controller_uid.as_ref(), Some(&pod(&world, "a").uid));
}
