use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;
use berth_model::manifests::{Entry, Manifests};
use berth_model::selector::LabelSelector;
use berth_model::workload::WorkloadKind;
use berth_wire::Loader;

use super::report::{ChangeReport, reports};
use super::*;
use crate::fixture::{documents, node, workload};
use crate::run::{Options, Run};
use crate::world::World;

fn read(text: &str) -> Manifests {
    let mut loader = Loader::new();
    loader.read("in", text.as_bytes());
    loader.finish().unwrap_or_else(|problems| panic!("{problems}")).0
}

fn set(text: &str) -> NodeSet {
    let query = match text.split_once('=') {
        Some(label) => NodeQuery::Labels(LabelSelector::from_labels(&[label].into_iter().collect())),
        None => NodeQuery::Name(text.into()),
    };
    NodeSet { text: text.to_owned(), query }
}

/// What comes of changes, each run with the fast path compared with the scan.
fn run(text: &str, changes: &[Change], options: DrainOptions) -> Vec<ChangeReport> {
    let mut manifests = read(text);
    let changes = apply(&mut manifests, changes, options).unwrap_or_else(|problems| panic!("{problems:?}"));
    let world = World::admitted(manifests, None).unwrap_or_else(|p| panic!("{p}")).changed(changes);
    let mut scheduler = Scheduler::new(world.cluster, vec![Profile::standard("default-scheduler")]);
    let options = Options { preemption: true, all_schedulers: false, verify: true };
    let run = Run::new(&mut scheduler, &world.waiting, options)
        .rolling_out(world.rollouts)
        .draining(&world.changes);
    let outcome = run.finish(|_| {}).unwrap();
    reports(&world.changes, scheduler.cluster(), &outcome)
}

/// Where the pods that had to move are, as in `web-1 n2`; `-` is pending.
fn moved(report: &ChangeReport) -> Vec<String> {
    report.moved.iter().map(|pod| format!("{} {}", pod.name, pod.node.as_deref().unwrap_or("-"))).collect()
}

fn lost(report: &ChangeReport) -> Vec<&str> {
    report.lost.iter().map(|pod| pod.name.as_str()).collect()
}

/// A stored pod that requests CPUs.
fn pod(name: &str, node: &str, owner: &str, cpu: u32, spec: &str) -> String {
    let owner = match owner {
        "" => String::new(),
        kind => {
            format!("ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: web, controller: true}}],")
        }
    };
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, uid: u-{name}, {owner} labels: {{app: web}}}}, spec: \
         {{nodeName: {node}, priority: 0, {spec} containers: [{{name: c, image: i, resources: {{requests: {{cpu: \
         {cpu}}}}}}}]}}}}"
    )
}

fn nodes() -> Vec<String> {
    let zone = |zone: &str| format!("labels: {{topology.kubernetes.io/zone: {zone}}}");
    vec![node("n1", &zone("a"), ""), node("n2", &zone("b"), ""), node("n3", &zone("b"), "")]
}

fn cluster(pods: &[String]) -> String {
    let all = [nodes(), pods.to_vec()].concat();
    documents(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

fn budget(spec: &str) -> String {
    format!(
        "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: web}}, spec: {{selector: {{matchLabels: \
         {{app: web}}}}, {spec}}}}}"
    )
}

#[test]
fn pods_of_a_lost_node_come_again_if_they_have_a_controller() {
    let text = cluster(&[
        pod("a", "n1", "ReplicaSet", 9, ""),
        pod("b", "n1", "", 1, ""),
        pod("agent", "n1", "DaemonSet", 1, ""),
        pod("static", "n1", "Node", 1, ""),
        pod("c", "n2", "ReplicaSet", 9, ""),
        pod("d", "n3", "ReplicaSet", 1, ""),
    ]);
    let found = run(&text, &[Change::Without(set("n1"))], DrainOptions::default());
    assert_eq!((moved(&found[0]), lost(&found[0])), (vec!["a -".to_owned()], vec!["b"]));
    assert_eq!(
        found[0].summary,
        "1 node gone; 0 of 1 pods fit elsewhere, 1 pending, 1 pod without a controller lost; 2 daemon or static pods \
         gone with the nodes"
    );
}

#[test]
fn a_zone_is_all_nodes_with_its_label() {
    let text = cluster(&[pod("a", "n2", "ReplicaSet", 1, ""), pod("b", "n3", "ReplicaSet", 1, "")]);
    let found = run(&text, &[Change::Without(set("zone=b"))], DrainOptions::default());
    assert_eq!((found[0].nodes.len(), moved(&found[0])), (2, vec!["a n1".to_owned(), "b n1".to_owned()]));
}

#[test]
fn a_drain_leaves_daemon_and_static_pods_and_cordons_the_node() {
    let text = cluster(&[
        pod("a", "n1", "ReplicaSet", 1, ""),
        pod("agent", "n1", "DaemonSet", 1, ""),
        pod("static", "n1", "Node", 1, ""),
        pod("full-2", "n2", "ReplicaSet", 8, ""),
        pod("full-3", "n3", "ReplicaSet", 9, ""),
    ]);
    let found = run(&text, &[Change::Drain(set("n1"))], DrainOptions::default());
    assert_eq!(moved(&found[0]), ["a n2"]);
    assert_eq!(
        found[0].summary,
        "1 node drained; 1 of 1 pods fit elsewhere; 2 daemon or static pods left there"
    );
}

#[test]
fn a_drain_needs_flags_for_pods_that_would_be_lost_or_lose_data() {
    let text = cluster(&[
        pod("a", "n1", "ReplicaSet", 1, ""),
        pod("bare", "n1", "", 1, ""),
        pod("cache", "n1", "ReplicaSet", 1, "volumes: [{name: v, emptyDir: {}}],"),
    ]);
    let drain = [Change::Drain(set("n1"))];
    let run = |force, delete_empty_dir| {
        let found = run(&text, &drain, DrainOptions { force, delete_empty_dir });
        (found[0].blocked.clone(), moved(&found[0]).len(), lost(&found[0]).len())
    };
    let local = "n1: pods with an emptyDir volume need --delete-emptydir-data: default/cache".to_owned();
    let bare = "n1: pods without a controller need --force: default/bare".to_owned();
    assert_eq!(run(false, false), (vec![local.clone(), bare.clone()], 0, 0));
    assert_eq!(run(true, false), (vec![local], 0, 0));
    assert_eq!(run(false, true), (vec![bare], 0, 0));
    assert_eq!(run(true, true), (vec![], 2, 1));
}

#[test]
fn a_budget_blocks_a_drain_unless_evicted_pods_find_a_place() {
    let web = |name, node| pod(name, node, "ReplicaSet", 5, "");
    let two_on_n1 = [pod("a", "n1", "ReplicaSet", 4, ""), pod("b", "n1", "ReplicaSet", 4, "")];
    let cases: [(&str, Vec<String>, &[&str], &str); 4] = [
        ("maxUnavailable: 1", two_on_n1.to_vec(), &["a n3", "b n2"], ""),
        (
            "minAvailable: 2",
            two_on_n1.to_vec(),
            &[],
            "n1: PodDisruptionBudget default/web allows no disruption (2 of its pods are healthy, 2 must be): default/a, \
             default/b",
        ),
        // The first evicted pod fits nowhere, so that the budget allows no second eviction.
        (
            "maxUnavailable: 1",
            vec![
                pod("a", "n1", "ReplicaSet", 5, ""),
                pod("b", "n1", "ReplicaSet", 4, ""),
                web("c", "n2"),
                web("d", "n3"),
            ],
            &["a -"],
            "n1: PodDisruptionBudget default/web allows no disruption (3 of its pods are healthy, 3 must be): default/b",
        ),
        ("maxUnavailable: 50%", vec![web("a", "n1"), web("c", "n2")], &["a n3"], ""),
    ];
    for (spec, pods, expected, blocked) in cases {
        let text = documents(&[&cluster(&pods), &budget(spec)]);
        let found = run(&text, &[Change::Drain(set("n1"))], DrainOptions::default());
        assert_eq!(moved(&found[0]), expected, "{spec}");
        assert_eq!(found[0].blocked.join("\n"), blocked, "{spec}");
    }
}

#[test]
fn two_budgets_of_one_pod_block_its_eviction() {
    let second = budget("maxUnavailable: 1").replace("name: web", "name: other");
    let text =
        documents(&[&cluster(&[pod("a", "n1", "ReplicaSet", 1, "")]), &budget("maxUnavailable: 1"), &second]);
    let found = run(&text, &[Change::Drain(set("n1"))], DrainOptions::default());
    assert_eq!(
        found[0].blocked,
        [
            "n1: the API server evicts no pod with several PodDisruptionBudgets (default/web, default/other): default/a"
        ]
    );
}

#[test]
fn nodes_are_added_under_new_names_with_daemon_pods() {
    let agent = workload("DaemonSet", "agent", "", "", "");
    let text = documents(&[&node("n1", "labels: {kubernetes.io/hostname: n1}", ""), &agent]);
    let mut manifests = read(&text);
    let new = NewNodes { text: String::new(), count: 2, template: NodeTemplate::Existing("n1".into()) };
    let changes = apply(&mut manifests, &[Change::Add(new)], DrainOptions::default()).unwrap();
    assert_eq!(changes.added_nodes(), ["n1-new-1", "n1-new-2"]);
    let added = &manifests.nodes[2].value;
    assert_eq!(added.labels.get("kubernetes.io/hostname").map(|name| &**name), Some("n1-new-2"));
    let world = World::admitted(manifests, None).unwrap();
    assert_eq!(world.waiting.len(), 3, "a daemon pod for each node");
}

#[test]
fn changes_act_in_the_given_order() {
    let text = documents(&[&node("n1", "labels: {zone: a}", "")]);
    let add = || {
        let template = NodeTemplate::Existing("n1".into());
        Change::Add(NewNodes { text: String::new(), count: 1, template })
    };
    let count = |changes: &[Change]| {
        let mut manifests = read(&text);
        apply(&mut manifests, changes, DrainOptions::default()).map(|_| manifests.nodes.len())
    };
    assert_eq!(count(&[add(), Change::Without(set("n1"))]), Ok(1));
    assert_eq!(count(&[add(), Change::Without(set("zone=a"))]), Ok(0));
    assert!(count(&[Change::Without(set("n1")), add()]).is_err_and(|p| p[0].contains("has no nodes")));
}

fn scale(kind: WorkloadKind, name: &str, count: i32) -> Change {
    Change::Scale(Scale { text: format!("{name}={count}"), kind, namespace: None, name: name.into(), count })
}

#[test]
fn a_scaled_workload_gets_that_many_pods_whatever_its_autoscaler_says() {
    let hpa = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {minReplicas: 2, \
               maxReplicas: 4, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}";
    let web = workload("Deployment", "web", "", "replicas: 3,", "");
    let sts = workload("StatefulSet", "db", "", "replicas: 1,", "");
    let mut manifests = read(&documents(&[&node("n1", "", ""), &web, &sts, hpa]));
    let changes = [scale(WorkloadKind::Deployment, "web", 6), scale(WorkloadKind::StatefulSet, "db", 2)];
    let changes = apply(&mut manifests, &changes, DrainOptions::default()).unwrap();
    assert_eq!(
        changes.effects[0].action,
        Action::Scaled {
            workload: "Deployment default/web".into(),
            from: 3,
            to: 6,
            autoscaler: Some((2, 4))
        }
    );
    assert_eq!(World::admitted(manifests, None).unwrap().waiting.len(), 8);
}

#[test]
fn a_change_of_what_does_not_exist_says_what_exists() {
    let web = workload("Deployment", "web", "", "replicas: 3,", "");
    let shop = workload("Deployment", "web", "namespace: shop", "replicas: 3,", "");
    let rs = workload(
        "ReplicaSet",
        "web-1",
        "ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]",
        "replicas: 3,",
        "",
    );
    let agent = workload("DaemonSet", "agent", "", "", "");
    let objects: Vec<String> = [nodes(), vec![web, shop, rs, agent]].concat();
    let text = documents(&objects.iter().map(String::as_str).collect::<Vec<_>>());
    let cases = [
        (Change::Without(set("n")), "--without n: no node has this name; there is n1, n2, n3"),
        (Change::Cordon(set("x")), "--cordon x: no node has this name; there is n1, n2, n3"),
        (
            Change::Drain(set("zone=c")),
            "--drain zone=c: no node matches; topology.kubernetes.io/zone is a, b",
        ),
        (
            Change::Without(set("pool=c")),
            "--without pool=c: no node matches; no node has the label pool; there is topology.kubernetes.io/zone",
        ),
        (
            scale(WorkloadKind::Deployment, "api", 1),
            "--scale api=1: no Deployment has this name; there is default/web, shop/web",
        ),
        (scale(WorkloadKind::Job, "api", 1), "--scale api=1: no Job has this name; the input has no Job"),
        (
            scale(WorkloadKind::ReplicaSet, "web-1", 1),
            "--scale web-1=1: ReplicaSet default/web-1 is managed by Deployment web, which sets its size; scale that",
        ),
        (
            scale(WorkloadKind::DaemonSet, "agent", 1),
            "--scale agent=1: DaemonSet default/agent has one pod on each node that accepts it; add or remove nodes",
        ),
    ];
    for (change, expected) in cases {
        let problems = apply(&mut read(&text), &[change], DrainOptions::default()).err();
        assert_eq!(problems.unwrap_or_default(), [expected]);
    }
    let several =
        apply(&mut read(&text), &[scale(WorkloadKind::Deployment, "web", 1)], DrainOptions::default());
    assert!(several.is_err_and(|p| p[0].contains("several namespaces have it: default/web, shop/web")));
}

#[test]
fn a_taint_is_removed_from_the_nodes_that_are_named() {
    let taints =
        "taints: [{key: gpu, value: a100, effect: NoSchedule}, {key: slow, effect: PreferNoSchedule}],";
    let tainted = |name: &str| node(name, &format!("labels: {{pool: {name}}}"), taints);
    let text = documents(&[
        &tainted("n1"),
        &tainted("n2"),
        &pod("a", "n9", "", 1, "").replace("nodeName: n9, ", ""),
    ]);
    let taint = |key: &str, value: Option<&str>, effect, nodes: Option<&str>| {
        let nodes = nodes.map(set);
        let (key, value) = (key.into(), value.map(Into::into));
        Change::Untaint(TaintSet { text: "T".to_owned(), key, value, effect, nodes })
    };
    let no_schedule = Some(berth_model::node::TaintEffect::NoSchedule);
    let cases = [
        (taint("gpu", None, None, None), "2 nodes lose the taint", 2),
        (taint("gpu", Some("a100"), no_schedule, Some("pool=n2")), "1 node loses the taint", 1),
        (taint("slow", None, None, Some("n1")), "1 node loses the taint", 0),
    ];
    for (change, summary, open) in cases {
        let mut manifests = read(&text);
        let made = apply(&mut manifests, std::slice::from_ref(&change), DrainOptions::default()).unwrap();
        let free = |entry: &&Entry<Node>| !entry.value.taints.iter().any(|taint| &*taint.key == "gpu");
        assert_eq!(manifests.nodes.iter().filter(free).count(), open, "{change:?}");
        assert_eq!(made.effects[0].nodes.len(), if summary.starts_with('2') { 2 } else { 1 });
        assert_eq!(run(&text, std::slice::from_ref(&change), DrainOptions::default())[0].summary, summary);
    }
    let refused = [
        (
            taint("gpu", Some("h100"), None, None),
            "--untaint T: no node has this taint; there is gpu=a100:NoSchedule, slow:PreferNoSchedule",
        ),
        (taint("gpu", None, None, Some("n9")), "--untaint n9: no node has this name; there is n1, n2"),
    ];
    for (change, problem) in refused {
        let problems = apply(&mut read(&text), &[change], DrainOptions::default()).unwrap_err();
        assert_eq!(problems, [problem]);
    }
}
