//! How many pods a second get devices: every node is checked for each pod, the first that fits is taken.
//!
//! `cargo run --release -p berth-devices --example throughput -- NODES PODS`: each node has eight devices, each pod one
//! claim on one device, with a selector of its class and one of its own.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a program that measures"
)]

use std::sync::Arc;
use std::time::Instant;

use berth_devices::NodeView;
use berth_devices::objects::DeviceObjects;
use berth_devices::pod_devices::{NodeAnswer, Prepared, prepare};
use berth_model::Str;
use berth_model::device::{
    AllocationMode, Ask, Attribute, ClaimSpec, Device, DeviceClass, DeviceRequest, Pool, Reach,
    ResourceClaim, ResourceSlice, SubRequest,
};
use berth_model::labels::Labels;
use berth_model::pod::{ClaimSource, Pod, PodResourceClaim, PodSpec};

const DEVICES: i64 = 8;

fn slice(node: &Str) -> ResourceSlice {
    let device = |at: i64| Device {
        name: format!("gpu-{at}").into(),
        attributes: vec![
            ("index".into(), Attribute::Int(at)),
            ("model".into(), Attribute::String("a100".into())),
        ],
        ..Device::default()
    };
    ResourceSlice {
        name: format!("{node}-gpu").into(),
        driver: "gpu.example.com".into(),
        pool: Pool { name: node.clone(), generation: 1, slice_count: 1 },
        reach: Reach::Node(node.clone()),
        devices: (0..DEVICES).map(device).collect(),
        shared_counters: Vec::new(),
    }
}

fn claim(name: &Str) -> ResourceClaim {
    let exactly = SubRequest {
        name: "gpu".into(),
        class: "gpu".into(),
        selectors: vec!["device.attributes[\"gpu.example.com\"].model == \"a100\"".into()],
        mode: AllocationMode::Count(1),
        ..SubRequest::default()
    };
    let request = DeviceRequest { name: "gpu".into(), ask: Ask::Exactly(exactly) };
    ResourceClaim {
        namespace: "default".into(),
        name: name.clone(),
        uid: name.clone(),
        spec: ClaimSpec { requests: vec![request], ..ClaimSpec::default() },
        ..ResourceClaim::default()
    }
}

fn pod(name: &Str) -> Pod {
    let source = ClaimSource::Claim(name.clone());
    let spec = PodSpec {
        namespace: "default".into(),
        resource_claims: vec![PodResourceClaim { name: "gpu".into(), source }],
        ..PodSpec::default()
    };
    Pod {
        name: name.clone(),
        uid: name.clone(),
        created: None,
        spec: Arc::new(spec),
        node: None,
        nominated_node: None,
        started: None,
        terminating: false,
        preempted: false,
        claim_statuses: Vec::new(),
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>().unwrap());
    let (nodes, pods) = (numbers.next().unwrap_or(500), numbers.next().unwrap_or(500));
    let mut objects = DeviceObjects::default();
    let names: Vec<Str> = (0..nodes).map(|at| format!("node-{at:05}").into()).collect();
    names.iter().for_each(|name| objects.upsert_slice(slice(name)));
    objects.upsert_class(DeviceClass {
        name: "gpu".into(),
        selectors: vec!["device.driver == \"gpu.example.com\"".into()],
        ..DeviceClass::default()
    });
    let labels = Labels::default();
    let (start, mut placed) = (Instant::now(), 0);
    for at in 0..pods {
        let name: Str = format!("pod-{at:05}").into();
        objects.upsert_claim(claim(&name));
        let pod = pod(&name);
        let Prepared::Claims(devices) = prepare(&objects, &pod, [], 0) else { continue };
        let mut first = None;
        for node in &names {
            let answer = devices.check(NodeView { name: node, labels: &labels }, &|_| None);
            if let NodeAnswer::Fits(found) = answer {
                first = first.or(Some(found));
            }
        }
        let Some((_, allocation)) = first.and_then(|mut found| found.allocations.pop()) else { continue };
        objects.upsert_claim(ResourceClaim { allocation: Some(allocation), ..claim(&name) });
        placed += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{nodes} nodes, {placed} of {pods} pods placed, {:.0} pods a second",
        f64::from(placed) / seconds
    );
}
