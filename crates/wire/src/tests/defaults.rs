//! What the API server fills in.

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::pod::Protocol;
use berth_model::selector::LabelSelector;

use super::{amounts, container_yaml, load, pod, pod_yaml, spec};
use berth_model::pod_manifest::{Admission, PodManifest};
use berth_model::workload::PodCount;

#[test]
fn a_plain_pod_gets_the_defaults_of_the_api() {
    let pod = pod(&pod_yaml(
        "tolerations: [{key: gpu, value: a}], topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]",
    ));
    let spec = &pod.pod.spec;
    assert_eq!((&*spec.namespace, &*spec.scheduler_name), ("default", "default-scheduler"));
    assert_eq!((spec.priority, spec.never_preempts), (0, false));
    assert!(!spec.tolerations[0].exists && spec.tolerations[0].effect.is_none());
    assert!(spec.spread[0].honor_node_affinity && !spec.spread[0].honor_node_taints);
    assert_eq!((pod.pod.node, pod.pod.nominated_node, pod.finished), (None, None, false));
    assert_eq!(pod.admission, Admission::default());
}

#[test]
fn a_limit_without_a_request_is_the_request() {
    let cases = [
        ("resources: {limits: {cpu: 1, memory: 1Gi}}", "cpu=1 memory=1073741824"),
        ("resources: {limits: {cpu: 2}, requests: {cpu: 1}}", "cpu=1"),
        ("resources: {limits: {nvidia.com/gpu: 2}, requests: {cpu: 100m}}", "cpu=0.1 nvidia.com/gpu=2"),
        ("resources: {requests: {memory: 1Ki, cpu: 0.5}}", "cpu=0.5 memory=1024"),
        ("resources: null", ""),
        ("image: i", ""),
    ];
    for (fields, expected) in cases {
        let spec = spec(&container_yaml(fields));
        assert_eq!(amounts(&spec.containers[0].requests), expected, "{fields}");
    }
}

#[test]
fn amounts_are_rounded_up_to_thousandths_before_they_are_added() {
    let spec = spec(&container_yaml("resources: {requests: {cpu: 100u, memory: 1n}}"));
    assert_eq!(amounts(&spec.containers[0].requests), "cpu=0.001 memory=0.001");
}

#[test]
fn pod_level_requests_come_from_limits_and_from_the_containers_sum() {
    let cases = [
        ("resources: {limits: {cpu: 4}}", "cpu=1 memory=1024", "cpu=4"),
        ("resources: {limits: {cpu: 4, memory: 1Gi}}", "cpu=1 memory=1024", "cpu=4 memory=1073741824"),
        ("resources: {requests: {cpu: 3}}", "cpu=3 memory=1024", ""),
        (
            "resources: {limits: {hugepages-2Mi: 4Mi}}",
            "cpu=1 hugepages-2Mi=4194304 memory=1024",
            "hugepages-2Mi=4194304",
        ),
        ("resources: {}", "", ""),
        ("hostNetwork: false", "", ""),
    ];
    for (fields, requests, limits) in cases {
        let text = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{{fields}, containers: \
             [{{name: a, resources: {{requests: {{cpu: 1, memory: 1Ki, ephemeral-storage: 1}}}}}}]}}}}"
        );
        let spec = spec(&text);
        assert_eq!(amounts(&spec.pod_requests.unwrap_or_default()), requests, "{fields}");
        assert_eq!(amounts(&spec.pod_limits), limits, "{fields}");
    }
}

#[test]
fn a_pod_level_limit_is_the_sum_of_the_containers_limits_if_all_have_one() {
    let text = |second: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{resources: {{requests: {{cpu: 1}}}}, containers: \
             [{{name: a, resources: {{limits: {{cpu: 1}}}}}}, {{name: b, resources: {second}}}]}}}}"
        )
    };
    assert_eq!(amounts(&spec(&text("{limits: {cpu: 2}}")).pod_limits), "cpu=3");
    assert_eq!(amounts(&spec(&text("{}")).pod_limits), "");
}

#[test]
fn a_pod_on_the_hosts_network_takes_every_port_it_names() {
    let text = |network: bool| {
        pod_yaml(&format!(
            "hostNetwork: {network}, initContainers: [{{name: s, restartPolicy: Always, ports: [{{containerPort: 53, protocol: UDP, hostIP: 10.0.0.1}}]}}]"
        ))
    };
    let own = spec(&text(false));
    assert!(own.init_containers[0].host_ports.is_empty());
    let host = spec(&text(true));
    let port = &host.init_containers[0].host_ports[0];
    assert_eq!((&*port.ip, port.protocol, port.port), ("10.0.0.1", Protocol::Udp, 53));
    let mapped = spec(&container_yaml("ports: [{containerPort: 80, hostPort: 8080}, {containerPort: 81}]"));
    let ports = &mapped.containers[0].host_ports;
    assert_eq!(ports.len(), 1);
    assert_eq!((&*ports[0].ip, ports[0].protocol, ports[0].port), ("0.0.0.0", Protocol::Tcp, 8080));
}

const AFFINITY: &str = "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, \
                        labelSelector: {matchLabels: {app: web}, matchExpressions: EXPRESSIONS}, matchLabelKeys: [hash], \
                        mismatchLabelKeys: [tenant, absent]}]}}, containers: [{name: main}]";

fn merged(expressions: &str) -> Vec<String> {
    let fields = AFFINITY.replace("EXPRESSIONS", expressions);
    let text = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: a, labels: {{hash: h1, tenant: t1}}}}, spec: {{{fields}}}}}"
    );
    let spec = spec(&text);
    let Some(LabelSelector { requirements }) = spec.pod_affinity.required[0].selector.clone() else {
        return Vec::new();
    };
    requirements.iter().map(|r| format!("{} {:?} {:?}", r.key, r.operator, r.values)).collect()
}

#[test]
fn label_keys_are_merged_into_the_selector_once() {
    let expected = ["app In [\"web\"]", "hash In [\"h1\"]", "tenant NotIn [\"t1\"]"];
    assert_eq!(merged("[]"), expected);
    let stored = "[{key: hash, operator: In, values: [h1]}, {key: tenant, operator: NotIn, values: [t1]}]";
    assert_eq!(merged(stored), expected);
}

#[test]
fn a_template_merges_the_labels_of_the_pod_that_is_made_from_it() {
    let template = AFFINITY.replace("EXPRESSIONS", "[]");
    let text = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{selector: {{matchLabels: {{app: web}}}}, \
         template: {{metadata: {{labels: {{app: web}}}}, spec: {{{template}}}}}}}}}"
    );
    let workload = load(&text).workloads.swap_remove(0).value;
    assert_eq!(workload.count, PodCount::Replicas { count: 1, first: 0 });
    let labels = Labels::from_iter([("app", "web"), ("hash", "h7")]);
    let spec = workload.template.spec(Str::from("shop"), labels, None);
    let selector = spec.pod_affinity.required[0].selector.clone().unwrap_or_default();
    assert_eq!(selector.requirements.len(), 2);
    assert_eq!(&*selector.requirements[1].values[0], "h7");
    assert_eq!(&*spec.namespace, "shop");
}

#[test]
fn a_node_offers_its_capacity_where_it_says_nothing_of_allocatable() {
    let text =
        |status: &str| format!("{{apiVersion: v1, kind: Node, metadata: {{name: n1}}, status: {status}}}");
    let offered = |status: &str| amounts(&load(&text(status)).nodes[0].value.allocatable);
    assert_eq!(offered("{capacity: {cpu: 4, pods: 110}}"), "cpu=4 pods=110");
    assert_eq!(offered("{capacity: {cpu: 4}, allocatable: {cpu: 3500m}}"), "cpu=3.5");
    assert_eq!(offered("{capacity: {cpu: 4}, allocatable: {}}"), "");
}

#[test]
fn a_running_pods_status_says_what_it_holds() {
    let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","deletionTimestamp":"2026-01-01T00:00:00Z"},
        "spec":{"nodeName":"n","containers":[{"name":"a"},{"name":"b"}],"initContainers":[{"name":"i"}]},
        "status":{"startTime":"1970-01-01T00:01:00Z","nominatedNodeName":"m",
          "conditions":[{"type":"PodResizePending","status":"True","reason":"Infeasible"},
                        {"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/1 nodes"},
                        {"type":"DisruptionTarget","status":"True","reason":"PreemptionByScheduler"}],
          "containerStatuses":[{"name":"b","allocatedResources":{"cpu":"1"},"resources":{"requests":{"cpu":"2"}}}],
          "initContainerStatuses":[{"name":"i","allocatedResources":{"cpu":"3"}}]}}"#;
    let PodManifest { pod, scheduled, .. } = pod(text);
    let scheduled = scheduled.map(|c| format!("{} {} {}", c.status, c.reason, c.message));
    assert_eq!(scheduled.as_deref(), Some("False Unschedulable 0/1 nodes"));
    assert_eq!((pod.started, pod.terminating, pod.preempted), (Some(60), true, true));
    assert_eq!((pod.node.as_deref(), pod.nominated_node.as_deref()), (Some("n"), Some("m")));
    assert!(pod.spec.resize.infeasible && !pod.spec.resize.deferred);
    let held = |list: &Option<berth_model::node::ResourceList>| list.as_ref().map(amounts);
    assert_eq!(held(&pod.spec.containers[0].allocated), None);
    assert_eq!(held(&pod.spec.containers[1].allocated).as_deref(), Some("cpu=1"));
    assert_eq!(held(&pod.spec.containers[1].actuated).as_deref(), Some("cpu=2"));
    assert_eq!(held(&pod.spec.init_containers[0].allocated).as_deref(), Some("cpu=3"));
}

#[test]
fn the_old_annotation_names_a_storage_class_too() {
    let text = |annotations: &str, class: &str| {
        format!(
            "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: c, annotations: {{{annotations}}}}}, \
             spec: {{accessModes: [ReadWriteOnce], {class} resources: {{requests: {{storage: 1Gi}}}}}}}}"
        )
    };
    let old = "volume.beta.kubernetes.io/storage-class: slow";
    let cases = [
        ("", "", None),
        ("", "storageClassName: fast,", Some("fast")),
        ("", "storageClassName: '',", Some("")),
        (old, "", Some("slow")),
        (old, "storageClassName: fast,", Some("slow")),
    ];
    for (annotations, class, expected) in cases {
        let claims = load(&text(annotations, class)).claims;
        assert_eq!(claims[0].value.storage_class.as_deref(), expected, "{annotations} {class}");
    }
}

#[test]
fn other_kinds_get_their_defaults_too() {
    let manifests = load(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n\
         apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: disk\n---\n\
         apiVersion: v1\nkind: ReplicationController\nmetadata: {name: rc}\nspec: {template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c}]}}}\n---\n\
         apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {containers: [{name: c}]}}}\n---\n\
         apiVersion: v1\nkind: LimitRange\nmetadata: {name: l}\nspec: {limits: [{type: Container, max: {cpu: 2}, min: {memory: 1Ki}}]}\n",
    );
    assert_eq!(
        manifests.namespaces[0].value.labels.get("kubernetes.io/metadata.name").map(|v| &**v),
        Some("shop")
    );
    assert!(!manifests.storage_classes[0].value.waits_for_consumer);
    let owners: Vec<_> = manifests.pod_group_owners().collect();
    assert_eq!(owners.len(), 1);
    assert!(owners[0].selector.as_ref().is_some_and(|s| s.matches(&Labels::from_iter([("app", "x")]))));
    assert!(matches!(
        manifests.workloads[1].value.count,
        PodCount::Job { parallelism: 1, completions: Some(1), suspended: false, finished: false, .. }
    ));
    let item = &manifests.limit_ranges[0].value.items[0];
    assert_eq!(amounts(&item.default_limits), "cpu=2");
    assert_eq!(amounts(&item.default_requests), "cpu=2 memory=1024");
}
