//! What is explained is what was decided, and no rejection goes unexplained.

use std::fmt::Write;

use berth_engine::profile::Profile;
use berth_engine::scheduler::Scheduler;

use super::{Explanation, PluginRejection, explain};
use crate::fixture::{Dice, world};
use crate::run::Options;

const OPTIONS: Options = Options { preemption: true, all_schedulers: false, verify: false };

/// A small cluster in which much is forbidden.
fn crowded(seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = String::new();
    for node in 0..5 {
        let zone = dice.pick(&["", ", zone: a", ", zone: b", ", zone: c"]);
        let taints =
            dice.pick(&["", "", "taints: [{key: k, value: v, effect: NoSchedule}]", "unschedulable: true"]);
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: n{node}, labels: {{kubernetes.io/hostname: n{node}{zone}}}}}\n\
             spec: {{{taints}}}\nstatus: {{allocatable: {{cpu: 4, memory: 4Gi, pods: 3}}}}\n"
        );
    }
    for pod in 0..14 {
        let app = dice.pick(&["a", "b", "c"]);
        let node = if pod < 8 { format!("nodeName: n{}, ", dice.roll(5)) } else { String::new() };
        let tolerations = dice.pick(&["", "tolerations: [{key: k, operator: Exists}], "]);
        let selector = dice.pick(&["", "", "", "nodeSelector: {zone: a}, "]);
        let key = dice.pick(&["zone", "kubernetes.io/hostname"]);
        let other = dice.pick(&["a", "b", "c"]);
        let term = format!("{{labelSelector: {{matchLabels: {{app: {other}}}}}, topologyKey: {key}}}");
        let required = format!("{{requiredDuringSchedulingIgnoredDuringExecution: [{term}]}}");
        let constraint = match dice.roll(5) {
            0 => format!("affinity: {{podAffinity: {required}}}, "),
            1 => format!("affinity: {{podAntiAffinity: {required}}}, "),
            2 => format!(
                "topologySpreadConstraints: [{{maxSkew: 1, topologyKey: {key}, whenUnsatisfiable: DoNotSchedule, \
                 minDomains: {}, nodeTaintsPolicy: {}, labelSelector: {{matchLabels: {{app: {other}}}}}}}], ",
                1 + dice.roll(4),
                dice.pick(&["Honor", "Ignore"]),
            ),
            _ => String::new(),
        };
        let ports = dice.pick(&["", "", "ports: [{containerPort: 1, hostPort: 80}], "]);
        let cpu = dice.pick(&["100m", "1", "3", "5"]);
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{pod}, labels: {{app: {app}}}}}\nspec: {{{node}{tolerations}\
             {selector}{constraint}containers: [{{name: c, image: i, {ports}resources: {{requests: {{cpu: {cpu}}}}}}}]}}\n"
        );
    }
    text
}

/// Explains all waiting pods of a cluster, each as if it were the first, beside what the scan says.
fn for_each(seed: u64, mut check: impl FnMut(&str, &Scheduler, &Explanation)) {
    let text = crowded(seed);
    let world = world(&text);
    for &pod in &world.waiting {
        let profiles = vec![Profile::standard("default-scheduler")];
        let mut scheduler = Scheduler::new(world.cluster.clone(), profiles);
        let explanation = explain(&mut scheduler, pod, "greedy".into(), OPTIONS);
        let what = format!("seed {seed}, pod {}", explanation.pod.name);
        check(&what, &scheduler, &explanation);
    }
}

#[test]
fn an_explanation_agrees_with_the_scan() {
    for seed in 0..60 {
        for_each(seed, |what, scheduler, explanation| {
            let cluster = scheduler.cluster();
            let row = cluster
                .pods()
                .rows()
                .find(|&row| *cluster.pods().entry(row).pod.name == *explanation.pod.name);
            let scan = scheduler.diagnose(0, row.unwrap());
            let name = |row| cluster.nodes().name(row).to_string();
            assert_eq!(explanation.nodes.len(), cluster.nodes().len(), "{what}");
            for (row, total) in scan.feasible.iter().zip(&scan.totals) {
                let node = explanation.nodes.iter().find(|node| node.name == name(*row)).unwrap();
                assert_eq!((node.feasible, node.score), (true, Some(*total)), "{what}");
                assert_eq!(node.scores.values().sum::<i64>(), *total, "{what}");
            }
            for (row, verdict) in &scan.rejected {
                let node = explanation.nodes.iter().find(|node| node.name == name(*row)).unwrap();
                let expected = PluginRejection::new(verdict);
                let first = &node.rejections[0];
                assert_eq!(
                    (&first.plugin, first.code, &first.reasons),
                    (&expected.plugin, expected.code, &expected.reasons),
                    "{what}"
                );
            }
            if explanation.victims.is_empty() {
                assert_eq!(explanation.node, scan.choice().map(|(row, _)| name(row)), "{what}");
            }
        });
    }
}

#[test]
fn every_rejection_has_details() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        for_each(seed, |what, _, explanation| {
            for rejection in explanation.nodes.iter().flat_map(|node| &node.rejections) {
                assert!(!rejection.details.is_empty(), "{what}: {rejection:?}");
                seen.insert(rejection.plugin.clone());
            }
        });
    }
    let expected = [
        "InterPodAffinity",
        "NodeAffinity",
        "NodePorts",
        "NodeResourcesFit",
        "NodeUnschedulable",
        "PodTopologySpread",
        "TaintToleration",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn what_waits_has_a_sentence_and_what_is_placed_a_rival_or_none_besides() {
    for seed in 0..60 {
        for_each(seed, |what, _, explanation| {
            assert!(!explanation.answer.is_empty(), "{what}");
            let feasible = explanation.nodes.iter().filter(|node| node.feasible).count();
            assert_eq!(explanation.runner_up.is_some(), feasible > 1, "{what}");
            assert_eq!(explanation.message.is_some(), feasible == 0, "{what}");
        });
    }
}
