use berth_model::device::{
    AllocationMode, Ask, ClaimSpec, Device, DeviceClass, DeviceRequest, Pool, Reach, ResourceClaim,
    ResourceSlice, SubRequest,
};
use berth_model::pod::{ClaimSource, PodResourceClaim};
use expect_test::expect;

use super::*;
use crate::fixture::{World, container, filter};
use crate::ids::PodRow;
use crate::plugin::profile::Profile;
use crate::scheduler::Scheduler;

/// Nodes `n1` and `n2`; a device on `n1`; a class for it that serves `example.com/gpu`.
fn world() -> World {
    let mut world = World::default();
    world.node("n1", |_| {});
    world.node("n2", |_| {});
    world.cluster.upsert_slice(ResourceSlice {
        name: "n1-gpus".into(),
        driver: "gpu.example.com".into(),
        pool: Pool { name: "n1".into(), generation: 1, slice_count: 1 },
        reach: Reach::Node("n1".into()),
        devices: vec![Device { name: "gpu-0".into(), ..Device::default() }],
        shared_counters: Vec::new(),
    });
    world.cluster.upsert_device_class(DeviceClass {
        name: "gpu".into(),
        selectors: vec!["device.driver == 'gpu.example.com'".into()],
        extended_resource_name: Some("example.com/gpu".into()),
        ..DeviceClass::default()
    });
    world
}

fn claim(world: &mut World, name: &str) {
    let exactly = SubRequest {
        name: "gpu".into(),
        class: "gpu".into(),
        mode: AllocationMode::Count(1),
        ..SubRequest::default()
    };
    let request = DeviceRequest { name: "gpu".into(), ask: Ask::Exactly(exactly) };
    world.cluster.upsert_device_claim(ResourceClaim {
        namespace: "default".into(),
        name: name.into(),
        uid: name.into(),
        spec: ClaimSpec { requests: vec![request], ..ClaimSpec::default() },
        ..ResourceClaim::default()
    });
}

fn claiming(world: &mut World, name: &str, claim: &str) -> PodRow {
    world.pod(name, |_, spec| {
        let source = ClaimSource::Claim(claim.into());
        spec.resource_claims = vec![PodResourceClaim { name: "gpu".into(), source }];
    })
}

#[test]
fn a_pod_without_claims_is_not_concerned() {
    let mut world = world();
    let plain = world.pod("plain", |_, _| {});
    expect!["every node fits\n"].assert_eq(&filter(&DynamicResources, &world, plain));
}

#[test]
fn a_pod_waits_until_its_claim_is_there_and_goes_where_a_device_is() {
    let mut world = world();
    let pod = claiming(&mut world, "web", "c");
    let gated = DynamicResources.pre_enqueue(PodView::new(&world.cluster, pod));
    assert_eq!(gated.map(|r| r.message()).as_deref(), Some("could not find ResourceClaim \"default/c\""));
    claim(&mut world, "c");
    assert!(DynamicResources.pre_enqueue(PodView::new(&world.cluster, pod)).is_none());
    expect![[r#"
        n1: fits
        n2: UnschedulableAndUnresolvable: cannot allocate all claims
    "#]]
    .assert_eq(&filter(&DynamicResources, &world, pod));
}

#[test]
fn a_device_is_had_once_until_its_claim_is_gone() {
    let mut world = world();
    claim(&mut world, "a");
    claim(&mut world, "b");
    let (first, second) = (claiming(&mut world, "first", "a"), claiming(&mut world, "second", "b"));
    let n1 = world.cluster.nodes().find("n1").unwrap();
    let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
    let reserved = scheduler.place(0, first, n1);
    assert_eq!(reserved.len(), 1);
    let (a, b): (Str, Str) = ("a".into(), "b".into());
    let namespace: Str = "default".into();
    let held = scheduler.cluster().devices().claim(&namespace, &a).unwrap();
    assert_eq!(held.allocation.as_ref().unwrap().results[0].device.to_string(), "gpu.example.com/n1/gpu-0");
    assert_eq!(&*held.reserved_for[0].name, "first");
    let mut world = World { cluster: scheduler.cluster().clone() };
    let none_left = expect![[r#"
        n1: UnschedulableAndUnresolvable: cannot allocate all claims
        n2: UnschedulableAndUnresolvable: cannot allocate all claims
    "#]];
    none_left.assert_eq(&filter(&DynamicResources, &world, second));
    let old = world.cluster.devices().claim(&namespace, &a).cloned();
    world.cluster.remove_device_claim(&namespace, &a);
    let gone = ClusterEvent::DeviceClaim { namespace: &namespace, name: &a, old: old.as_ref() };
    let other = ClusterEvent::DeviceClaim { namespace: &namespace, name: &b, old: None };
    let hint = |event| DynamicResources.queueing_hint(PodView::new(&world.cluster, second), event);
    assert_eq!((hint(&gone), hint(&other)), (QueueingHint::Queue, QueueingHint::Queue));
    assert_eq!(hint(&ClusterEvent::Namespace { name: "default" }), QueueingHint::Skip);
    assert!(filter(&DynamicResources, &world, second).starts_with("n1: fits"));
}

#[test]
fn what_fails_later_is_taken_back() {
    let mut world = world();
    claim(&mut world, "a");
    let pod = claiming(&mut world, "web", "a");
    let n1 = world.cluster.nodes().find("n1").unwrap();
    let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
    for reserved in scheduler.place(0, pod, n1) {
        scheduler.cluster_mut().undo(reserved.assumed.unwrap());
    }
    let claim = scheduler.cluster().devices().claim(&"default".into(), &"a".into()).unwrap();
    assert_eq!((&claim.allocation, claim.reserved_for.len()), (&None, 0));
}

#[test]
fn an_extended_resource_is_served_by_a_class_where_the_node_offers_none() {
    let mut world = world();
    let pod = world.pod("web", |_, spec| spec.containers = vec![container(&[("example.com/gpu", "1")])]);
    expect![[r#"
        n1: fits
        n2: UnschedulableAndUnresolvable: cannot allocate all claims
    "#]]
    .assert_eq(&filter(&DynamicResources, &world, pod));
    let n1 = world.cluster.nodes().find("n1").unwrap();
    let effects = DynamicResources.reserve(PodView::new(&world.cluster, pod), n1);
    let [Effect::MakeDeviceClaim(made)] = &effects[..] else { panic!("{effects:?}") };
    let uid = &world.cluster.pods().entry(pod).pod.uid;
    assert_eq!(made.claim.name, claim_name("web", uid));
    assert_eq!(&*made.mappings[0].request, "container-0-request-0");
    world.cluster.remove_device_class("gpu");
    expect!["every node fits\n"].assert_eq(&filter(&DynamicResources, &world, pod));
}

#[test]
fn pods_whose_extended_resources_have_classes_with_equal_selectors_share_the_answers_of_nodes() {
    let mut world = world();
    world.cluster.upsert_device_class(DeviceClass {
        name: "card".into(),
        selectors: vec!["device.driver == 'gpu.example.com'".into()],
        extended_resource_name: Some("example.com/card".into()),
        ..DeviceClass::default()
    });
    let requests = |resource: &'static str| {
        move |_: &mut berth_model::pod::Pod, spec: &mut berth_model::pod::PodSpec| {
            spec.containers = vec![container(&[(resource, "1")])];
        }
    };
    let rows = [world.pod("a", requests("example.com/gpu")), world.pod("b", requests("example.com/card"))];
    let answers = |world: &World, row| match prepared(PodView::new(&world.cluster, row)) {
        Prepared::Claims(devices) => OfPod::new(PodView::new(&world.cluster, row), devices).answers.unwrap(),
        other => panic!("{other:?}"),
    };
    let [a, b] = rows.map(|row| Arc::as_ptr(&answers(&world, row)));
    assert_eq!(a, b, "they are kept in one place");
    // A node that offers one of the resources itself answers the two differently.
    world.node("n3", |node| {
        node.allocatable.push(("example.com/card".into(), berth_model::quantity::Quantity::from_units(1)));
    });
    let [a, b] = rows.map(|row| answers(&world, row));
    let n3 = world.cluster.nodes().find("n3").unwrap();
    assert_eq!((a.of(n3), b.of(n3)), (DeviceAnswer::Full, DeviceAnswer::Fits(0)));
}
