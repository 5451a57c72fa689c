//! Claims on devices in time.

use berth_model::object::{Kind, Object};
use expect_test::{Expect, expect};

use super::{HOUR, SECOND, node, simulate, workload};
use crate::Millis;
use crate::command::{Command, NodeQuery};
use crate::simulation::Simulation;

const CLASS: &str = "{apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: {name: gpu}, spec: {extendedResourceName: \
                     example.com/gpu}}";
const TEMPLATE: &str = "{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, metadata: {name: gpu}, spec: {spec: \
                        {devices: {requests: [{name: gpu, exactly: {deviceClassName: gpu}}]}}}}";
const FROM_TEMPLATE: &str =
    "resourceClaims: [{name: gpu, resourceClaimTemplateName: gpu}], restartPolicy: Never,";

fn slice(node: &str) -> String {
    format!(
        "{{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {{name: {node}-gpu}}, spec: {{driver: \
         gpu.example.com, nodeName: {node}, pool: {{name: {node}, generation: 1, resourceSliceCount: 1}}, devices: [{{name: \
         gpu-0}}]}}}}"
    )
}

/// A Job with two pods that run for a minute each.
fn job(spec: &str, pod: &str) -> String {
    workload("Job", "train", &format!("completions: 2, {spec}"), pod).replace(
        "metadata: {labels: {app: train}}",
        "metadata: {labels: {app: train}, annotations: {berth.dev/run-duration: 60s}}",
    )
}

/// A line for each pod and each claim, at these times in seconds.
fn check(mut simulation: Simulation, times: &[Millis], expected: Expect) {
    let mut found = String::new();
    for at in times {
        simulation.advance(at * SECOND);
        found += &format!("{at} s\n");
        for object in simulation.store().list(Kind::Pod).chain(simulation.store().list(Kind::ResourceClaim)) {
            match &**object {
                Object::Pod(manifest) => {
                    let ended = if manifest.finished { ", has ended" } else { "" };
                    let node = manifest.pod.node.as_deref().unwrap_or("no node");
                    found += &format!("  pod {}: {node}{ended}\n", manifest.pod.name);
                }
                Object::ResourceClaim(claim) => {
                    let results = claim.allocation.iter().flat_map(|allocation| &allocation.results);
                    let devices: Vec<String> = results.map(|result| result.device.to_string()).collect();
                    let users: Vec<&str> = claim.reserved_for.iter().map(|user| &*user.name).collect();
                    found += &format!("  claim {}: {devices:?} for {users:?}\n", claim.name);
                }
                _ => {}
            }
        }
    }
    expected.assert_eq(&found);
    assert_eq!(simulation.warnings().collect::<Vec<_>>(), []);
}

#[test]
fn the_pods_of_a_job_use_a_device_one_after_the_other() {
    let job = job("parallelism: 2,", FROM_TEMPLATE);
    let objects = [CLASS.to_owned(), TEMPLATE.to_owned(), node("n1", "a"), slice("n1"), job];
    check(
        simulate(&objects, Vec::new(), None),
        &[1, 70, 140],
        expect![[r#"
        1 s
          pod train-0: n1
          pod train-1: no node
          claim train-0-gpu: ["gpu.example.com/n1/gpu-0"] for ["train-0"]
          claim train-1-gpu: [] for []
        70 s
          pod train-0: n1, has ended
          pod train-1: n1
          claim train-1-gpu: ["gpu.example.com/n1/gpu-0"] for ["train-1"]
        140 s
          pod train-0: n1, has ended
          pod train-1: n1, has ended
    "#]],
    );
}

#[test]
fn a_device_of_a_failed_node_is_free_when_its_pod_is_deleted() {
    let deployment = workload(
        "Deployment",
        "serve",
        "replicas: 1,",
        "resourceClaims: [{name: gpu, resourceClaimTemplateName: gpu}],",
    );
    let objects = [
        CLASS.to_owned(),
        TEMPLATE.to_owned(),
        node("n1", "a"),
        slice("n1"),
        node("n2", "a"),
        slice("n2"),
        deployment,
    ];
    let fail = vec![(HOUR, Command::Fail(NodeQuery::Name("n2".into())))];
    check(
        simulate(&objects, fail, None),
        &[1, 3_700, 4_000],
        expect![[r#"
            1 s
              pod serve-f7wpj-0: n2
              claim serve-f7wpj-0-gpu: ["gpu.example.com/n2/gpu-0"] for ["serve-f7wpj-0"]
            3700 s
              pod serve-f7wpj-0: n2
              claim serve-f7wpj-0-gpu: ["gpu.example.com/n2/gpu-0"] for ["serve-f7wpj-0"]
            4000 s
              pod serve-f7wpj-0: n2
              pod serve-f7wpj-1: n1
              claim serve-f7wpj-0-gpu: ["gpu.example.com/n2/gpu-0"] for ["serve-f7wpj-0"]
              claim serve-f7wpj-1-gpu: ["gpu.example.com/n1/gpu-0"] for ["serve-f7wpj-1"]
        "#]],
    );
}

#[test]
fn an_extended_resource_gets_a_claim_that_goes_with_its_pod() {
    let job = job("parallelism: 1,", "restartPolicy: Never,").replace(
        "requests: {cpu: 1}",
        "requests: {cpu: 1, example.com/gpu: 1}, limits: {example.com/gpu: 1}",
    );
    let objects = [CLASS.to_owned(), node("n1", "a"), slice("n1"), job];
    check(
        simulate(&objects, Vec::new(), None),
        &[1, 70, 140],
        expect![[r#"
        1 s
          pod train-0: n1
          claim train-0-extended-resources-tkpg65ldch: ["gpu.example.com/n1/gpu-0"] for ["train-0"]
        70 s
          pod train-0: n1, has ended
          pod train-1: n1
          claim train-1-extended-resources-lf42xds92k: ["gpu.example.com/n1/gpu-0"] for ["train-1"]
        140 s
          pod train-0: n1, has ended
          pod train-1: n1, has ended
    "#]],
    );
}

#[test]
fn a_shared_claim_keeps_its_device_until_its_last_pod_has_ended() {
    let claim = "{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: shared}, spec: {devices: {requests: \
                 [{name: gpu, exactly: {deviceClassName: gpu}}]}}}";
    let pod = |name: &str, seconds: u32| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, annotations: {{berth.dev/run-duration: {seconds}s}}}}, spec: \
             {{restartPolicy: Never, resourceClaims: [{{name: gpu, resourceClaimName: shared}}], containers: [{{name: c, image: i}}]}}}}"
        )
    };
    let objects = [
        CLASS.to_owned(),
        node("n1", "a"),
        slice("n1"),
        claim.to_owned(),
        pod("short", 60),
        pod("long", 120),
    ];
    check(
        simulate(&objects, Vec::new(), None),
        &[1, 90, 200],
        expect![[r#"
            1 s
              pod long: n1
              pod short: n1
              claim shared: ["gpu.example.com/n1/gpu-0"] for ["long", "short"]
            90 s
              pod long: n1
              pod short: n1, has ended
              claim shared: ["gpu.example.com/n1/gpu-0"] for ["long"]
            200 s
              pod long: n1, has ended
              pod short: n1, has ended
              claim shared: [] for []
        "#]],
    );
}
