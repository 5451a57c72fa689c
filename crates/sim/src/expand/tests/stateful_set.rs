//! StatefulSets.

use berth_model::volume::PodVolumeSource;

use crate::fixture::{documents, labels, node, pod, running, waiting, workload, world};

const CLAIMS: &str = "volumeClaimTemplates: [{metadata: {name: data, labels: {tier: gold}}, spec: {accessModes: \
                      [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}],";

fn set(spec: &str) -> String {
    workload("StatefulSet", "db", "", spec, "")
}

#[test]
fn pods_are_named_by_ordinals() {
    let cases: &[(&str, &[&str])] = &[
        ("replicas: 3,", &["db-0", "db-1", "db-2"]),
        ("", &["db-0"]),
        ("replicas: 0,", &[]),
        ("replicas: 2, ordinals: {start: 5},", &["db-5", "db-6"]),
    ];
    for (spec, expected) in cases {
        assert_eq!(waiting(&set(spec)), *expected, "{spec}");
    }
}

#[test]
fn a_pod_has_labels_with_its_name_and_ordinal() {
    let world = world(&set("replicas: 2, ordinals: {start: 3},"));
    let pod = pod(&world, "db-4");
    assert_eq!(
        labels(pod),
        [
            "app=db",
            "apps.kubernetes.io/pod-index=4",
            "controller-revision-hash=db-5mdk2",
            "statefulset.kubernetes.io/pod-name=db-4"
        ]
    );
    assert_eq!(pod.spec.controller.as_ref().map(|c| &*c.kind), Some("StatefulSet"));
}

#[test]
fn each_pod_gets_its_own_claims_and_mounts_them() {
    let classes = "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast, annotations: \
                   {storageclass.kubernetes.io/is-default-class: 'true'}}, provisioner: p}";
    let there = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-db-0, uid: u}, spec: {accessModes: \
                 [ReadWriteOnce], storageClassName: slow, resources: {requests: {storage: 2Gi}}}}";
    let volumes = "volumes: [{name: data, csi: {driver: d}}, {name: own, csi: {driver: d}}],";
    let set = workload("StatefulSet", "db", "", &format!("replicas: 2, {CLAIMS}"), volumes);
    let world = world(&documents(&[classes, there, &set]));
    let claim = |name: &str| {
        let claim = world.cluster.storage().claim(&"default".into(), &name.into()).unwrap();
        (claim.storage_class.as_deref(), claim.request.value(), claim.volume.as_deref(), claim.lost)
    };
    assert_eq!(claim("data-db-0"), (Some("slow"), 2 << 30, None, false), "the one that is there stays");
    assert_eq!(claim("data-db-1"), (Some("fast"), 1 << 30, None, false));
    assert_eq!(world.cluster.storage().claims.len(), 2);
    let claim = &world.cluster.storage().claims[&("default".into(), "data-db-1".into())];
    assert_eq!(
        claim.labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
        ["app=db", "tier=gold"]
    );

    let volumes = &pod(&world, "db-1").spec.volumes;
    let mounted = PodVolumeSource::Claim { name: "data-db-1".into(), read_only: false };
    assert_eq!(volumes.iter().map(|v| &*v.name).collect::<Vec<_>>(), ["data", "own"]);
    assert_eq!(volumes[0].source, mounted, "the claim takes the place of the volume of its name");
}

#[test]
fn only_the_ordinals_that_are_missing_are_made() {
    let n = node("n1", "", "");
    let there = |name: &str| running(name, "app: db", "StatefulSet", "db");
    let leaving = there("db-1").replace("uid:", "deletionTimestamp: '2026-01-01T00:00:00Z', uid:");
    let cases: &[(&[&str], &[&str], usize, &str)] = &[
        (&[&there("db-0"), &there("db-2")], &["db-1"], 0, "a hole is filled"),
        (&[&leaving], &["db-0", "db-2"], 0, "its name is free only when it has gone"),
        (&[&there("db-7")], &[], 1, "with a pod beyond the ordinals, the controller makes and deletes pods"),
    ];
    for (texts, expected, rollouts, why) in cases {
        let set = set("replicas: 3,");
        let world = world(&documents(&[&[n.as_str(), &set], *texts].concat()));
        assert_eq!(crate::fixture::names(&world), *expected, "{why}");
        assert_eq!(world.rollouts.len(), *rollouts, "{why}");
    }
}

#[test]
fn a_pod_that_waits_in_the_input_has_its_claims_too() {
    let waits = running("db-0", "app: db", "StatefulSet", "db").replace("nodeName: n1, ", "");
    let world = world(&documents(&[&set(&format!("replicas: 1, {CLAIMS}")), &waits]));
    assert_eq!(world.cluster.pods().len(), 1);
    assert!(world.cluster.storage().claim(&"default".into(), &"data-db-0".into()).is_some());
}

#[test]
fn numbered_names_keep_clear_of_the_ordinals() {
    let others = workload("ReplicaSet", "db", "", "replicas: 2,", "");
    assert_eq!(waiting(&documents(&[&others, &set("replicas: 2,")])), ["db-2", "db-3", "db-0", "db-1"]);
}
