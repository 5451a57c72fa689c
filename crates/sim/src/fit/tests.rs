use berth_engine::profile::Profile;
use berth_engine::tie_break::TieBreak;
use berth_model::pod::Pod;

use super::*;
use crate::fixture::{Dice, documents, workload, world};
use crate::world::World;

const OPTIONS: Options = Options { preemption: true, all_schedulers: false, verify: true };

/// The first name wins, so that a pod's node does not depend on the pod's own name.
fn scheduler(world: &World) -> Scheduler {
    let profile = Profile { tie_break: TieBreak::FirstName, ..Profile::standard("default-scheduler") };
    Scheduler::new(world.cluster.clone(), vec![profile])
}

/// How many sets of the new pods of a text fit, and the nodes of the pods.
fn fit_new(text: &str, limit: usize) -> (Fit, Vec<String>) {
    let mut world = world(text);
    let shapes = Shape::in_proportion(&world.cluster, &world.waiting);
    for row in std::mem::take(&mut world.waiting) {
        world.cluster.remove_pod(row);
    }
    let mut scheduler = scheduler(&world);
    let fit = fit(&mut scheduler, &world.claim_templates, &shapes, limit, OPTIONS).unwrap();
    let nodes = fit.nodes.iter().map(|&row| scheduler.cluster().nodes().name(row).to_string()).collect();
    (fit, nodes)
}

/// A small cluster with a few running pods.
fn generated_cluster(dice: &mut Dice) -> Vec<String> {
    let mut objects = Vec::new();
    for at in 0..2 + dice.roll(4) {
        let zone = dice.pick(&["a", "b"]);
        let taint = dice.pick(&["", "", "", "taints: [{key: k, effect: NoSchedule}]", "unschedulable: true"]);
        let (cpu, memory, pods) = (1 + dice.roll(4), 1 + dice.roll(6), 2 + dice.roll(5));
        objects.push(format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: n{at}, labels: {{zone: {zone}, kubernetes.io/hostname: n{at}}}}}, \
             spec: {{{taint}}}, status: {{allocatable: {{cpu: {cpu}, memory: {memory}Gi, pods: {pods}}}}}}}"
        ));
        if dice.roll(2) == 0 {
            objects.push(stored_pod(&format!("r{at}"), &format!("n{at}"), "app: other", "cpu: 500m", ""));
        }
    }
    objects
}

fn stored_pod(name: &str, node: &str, labels: &str, requests: &str, spec: &str) -> String {
    let node = if node.is_empty() { String::new() } else { format!("nodeName: {node},") };
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{{labels}}}}}, spec: {{{node} {spec} containers: \
         [{{name: c, image: i, resources: {{requests: {{{requests}}}}}}}]}}}}"
    )
}

/// What may be demanded of the nodes of the pods that are counted.
const SPECS: [&str; 5] = [
    "",
    "tolerations: [{key: k, operator: Exists}],",
    "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: \
     {matchLabels: {app: x}}}],",
    "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, \
     labelSelector: {matchLabels: {app: x}}}]}},",
    "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: \
     {matchLabels: {app: x}}}]}},",
];

#[test]
fn the_count_is_that_of_placing_the_pods_one_by_one() {
    let mut dice = Dice(7);
    let mut most = 0;
    for case in 0..60 {
        let cluster = generated_cluster(&mut dice);
        let spec = dice.pick(&SPECS);
        let requests = dice.pick(&["", "cpu: 300m", "cpu: 1", "memory: 700Mi", "cpu: 200m, memory: 1Gi"]);
        let new = stored_pod("p", "", "app: x", requests, spec);
        let with = |pods: &[String]| {
            let all = [&cluster[..], pods].concat();
            documents(&all.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let (fit, nodes) = fit_new(&with(std::slice::from_ref(&new)), usize::MAX);
        // A world for each pod, in which the pods before it are on their nodes.
        let mut placed: Vec<String> = Vec::new();
        loop {
            let text = with(&[&placed[..], std::slice::from_ref(&new)].concat());
            let world = world(&text);
            let mut scheduler = scheduler(&world);
            let options = Options { preemption: false, ..OPTIONS };
            let outcome = Run::new(&mut scheduler, &world.waiting, options).finish(|_| {}).unwrap();
            if let [pending] = outcome.pending.as_slice() {
                assert_eq!(fit.sets, placed.len(), "case {case}: {text}");
                assert_eq!(fit.end, End::Unschedulable { shape: 0, message: pending.message.clone() });
                break;
            }
            let node = scheduler.cluster().nodes().name(outcome.placed[0].node).to_string();
            assert_eq!(nodes.get(placed.len()), Some(&node), "case {case}: {text}");
            let name = format!("p-more-{}", placed.len() + 1);
            placed.push(stored_pod(&name, &node, "app: x", requests, spec));
        }
        most = most.max(fit.sets);
    }
    assert!(most > 10, "some clusters take many pods: {most}");
}

fn node(name: &str, cpu: u32, pods: u32) -> String {
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{host: {name}}}}}, status: \
         {{allocatable: {{cpu: {cpu}, pods: {pods}}}}}}}"
    )
}

#[test]
fn pods_without_requests_are_limited_by_the_pods_per_node() {
    let text = documents(&[&node("n1", 4, 7), &stored_pod("p", "", "app: x", "", "")]);
    let (fit, _) = fit_new(&text, usize::MAX);
    let message = "0/1 nodes are available: 1 Too many pods.".to_owned();
    assert_eq!((fit.sets, fit.end), (7, End::Unschedulable { shape: 0, message }));
    assert_eq!(fit_new(&text, 5).0.end, End::Limit);
}

#[test]
fn several_workloads_are_counted_in_sets_of_their_proportion() {
    let requests = |name: &str, replicas: u32, cpu: u32| {
        let text = workload("Deployment", name, "", &format!("replicas: {replicas},"), "");
        text.replace("[{name: c}]", &format!("[{{name: c, resources: {{requests: {{cpu: {cpu}}}}}}}]"))
    };
    let text = documents(&[&node("n1", 9, 110), &requests("web", 4, 1), &requests("cache", 2, 2)]);
    let (fit, nodes) = fit_new(&text, usize::MAX);
    // A set is two web servers and a cache: 4 CPUs. Of the third set one pod fits, and is taken back.
    assert_eq!((fit.sets, nodes.len()), (2, 6));
    assert!(matches!(fit.end, End::Unschedulable { shape: 0, .. }), "{:?}", fit.end);
}

#[test]
fn each_pod_of_a_stateful_set_has_claims_of_its_own() {
    let claim = "volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], storageClassName: \
                 local, resources: {requests: {storage: 1Gi}}}}],";
    let class = "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: local}, provisioner: \
                 kubernetes.io/no-provisioner, volumeBindingMode: WaitForFirstConsumer}";
    let volume = |name: &str, node: &str| {
        format!(
            "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {name}}}, spec: {{capacity: {{storage: 1Gi}}, \
             accessModes: [ReadWriteOnce], storageClassName: local, nodeAffinity: {{required: {{nodeSelectorTerms: \
             [{{matchExpressions: [{{key: host, operator: In, values: [{node}]}}]}}]}}}}}}}}"
        )
    };
    let set = workload("StatefulSet", "db", "", &format!("replicas: 1, {claim}"), "");
    let volumes = [volume("v1", "n1"), volume("v2", "n2"), volume("v3", "n2")];
    let text = documents(&[
        &node("n1", 9, 9),
        &node("n2", 9, 9),
        class,
        &volumes[0],
        &volumes[1],
        &volumes[2],
        &set,
    ]);
    let (fit, mut nodes) = fit_new(&text, usize::MAX);
    nodes.sort();
    assert_eq!((fit.sets, nodes), (3, ["n1", "n2", "n2"].map(String::from).to_vec()));
}

#[test]
fn a_pod_is_new_if_it_waits_and_was_never_created() {
    let text = documents(&[&node("n1", 4, 7), &stored_pod("p", "", "app: x", "", "")]);
    let world = world(&text);
    let pod = world.cluster.pods().entry(world.waiting[0]).pod.clone();
    assert!(is_new(&pod));
    assert!(!is_new(&Pod { created: Some(1), ..pod.clone() }));
    assert!(!is_new(&Pod { node: Some("n1".into()), ..pod }));
}
