//! What changes of the cluster came to, as part of a result: first of all what happens to the pods that had to move.

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::Str;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{Action, Changes, Effect, PodOnNode};
use crate::report::WorkloadRef;
use crate::run::Outcome;

/// A change and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeReport {
    /// The change as it was given, as in `--without zone=a`.
    pub change: String,
    /// What came of it, in a sentence.
    pub summary: String,
    /// The nodes that it concerns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// Pods that had to move.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<MovedPod>,
    /// Pods that are gone: no controller makes them again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostPod>,
    /// Why a drain is not complete, a sentence for each reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

/// A pod that had to move. It has a node, or it is pending with a message, or it was deleted by its workload's rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovedPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name. Its controller would give it another one, except in a StatefulSet.
    pub name: String,
    /// The node that it was on.
    pub from: String,
    /// The node that it is on now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Why it is pending, in upstream's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The workload that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadRef>,
}

/// A pod that no controller makes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node that it was on.
    pub node: String,
}

/// Describes what came of the changes after a run.
pub fn reports(changes: &Changes, cluster: &Cluster, outcome: &Outcome) -> Vec<ChangeReport> {
    if changes.effects.is_empty() {
        return Vec::new();
    }
    let mut effects = changes.effects.clone();
    let mut blocked: Vec<Vec<String>> = vec![Vec::new(); effects.len()];
    for drained in &outcome.drained {
        let effect = &mut effects[drained.effect];
        effect.moved.extend(drained.moved.iter().cloned());
        effect.lost.extend(drained.lost.iter().cloned());
        blocked[drained.effect].extend(drained.blocked.iter().cloned());
    }
    let places = Places::new(cluster, outcome, effects.iter().any(|effect| !effect.moved.is_empty()));
    effects.into_iter().zip(blocked).map(|(effect, blocked)| report(effect, blocked, &places)).collect()
}

fn report(effect: Effect, blocked: Vec<String>, places: &Places<'_>) -> ChangeReport {
    let moved: Vec<MovedPod> = effect.moved.iter().map(|pod| places.of(pod)).collect();
    let lost = |pod: &PodOnNode| LostPod {
        namespace: pod.namespace.to_string(),
        name: pod.name.to_string(),
        node: pod.node.to_string(),
    };
    ChangeReport {
        summary: summary(&effect, &moved, !blocked.is_empty()),
        nodes: effect.nodes.iter().map(ToString::to_string).collect(),
        lost: effect.lost.iter().map(lost).collect(),
        change: effect.change,
        moved,
        blocked,
    }
}

/// Where pods are after a run.
struct Places<'a> {
    cluster: &'a Cluster,
    rows: FxHashMap<(&'a Str, &'a Str), PodRow>,
    messages: FxHashMap<PodRow, &'a str>,
}

impl<'a> Places<'a> {
    fn new(cluster: &'a Cluster, outcome: &'a Outcome, is_needed: bool) -> Self {
        let pods = cluster.pods();
        let key = |row: PodRow| {
            let pod = &pods.entry(row).pod;
            ((&pod.spec.namespace, &pod.name), row)
        };
        let rows = if is_needed { pods.rows().map(key).collect() } else { FxHashMap::default() };
        let messages = outcome.pending.iter().map(|pending| (pending.pod, pending.message.as_str()));
        Self { cluster, rows, messages: messages.collect() }
    }

    /// A pod that was moved.
    fn of(&self, pod: &PodOnNode) -> MovedPod {
        let row = self.rows.get(&(&pod.namespace, &pod.name)).copied();
        let now = row.map(|row| &self.cluster.pods().entry(row).pod);
        let message = row.and_then(|row| self.messages.get(&row)).map(|message| (*message).to_owned());
        MovedPod {
            namespace: pod.namespace.to_string(),
            name: pod.name.to_string(),
            from: pod.node.to_string(),
            node: now.and_then(|pod| pod.node.as_ref()).map(ToString::to_string),
            message,
            workload: now.and_then(WorkloadRef::of),
        }
    }
}

fn summary(effect: &Effect, moved: &[MovedPod], is_blocked: bool) -> String {
    let nodes = count(effect.nodes.len(), "node");
    match &effect.action {
        Action::Removed => {
            format!("{nodes} gone; {}{}", fates(effect, moved), bound(effect, "gone with the nodes"))
        }
        Action::Drained => {
            let state = if is_blocked { "cordoned, but the drain is blocked" } else { "drained" };
            format!("{nodes} {state}; {}{}", fates(effect, moved), bound(effect, "left there"))
        }
        Action::Cordoned => format!("{nodes} cordoned"),
        Action::Untainted => match effect.nodes.len() {
            1 => "1 node loses the taint".to_owned(),
            many => format!("{many} nodes lose the taint"),
        },
        Action::Added => format!("{nodes} added: {}", short_list(&effect.nodes)),
        Action::Scaled { workload, from, to, autoscaler } => {
            let remark = autoscaler.map_or_else(String::new, |(least, most)| {
                format!("; its autoscaler keeps it between {least} and {most} and is left out here")
            });
            format!("{workload}: {from} to {}{remark}", count(usize::try_from(*to).unwrap_or(0), "pod"))
        }
    }
}

/// What happens to the pods.
fn fates(effect: &Effect, moved: &[MovedPod]) -> String {
    let placed = moved.iter().filter(|pod| pod.node.is_some()).count();
    let pending = moved.iter().filter(|pod| pod.node.is_none() && pod.message.is_some()).count();
    let deleted = moved.len() - placed - pending;
    let mut parts = vec![match (placed, moved.len()) {
        (_, 0) => "no pod has to move".to_owned(),
        (placed, all) if placed == all => format!("{placed} of {all} pods fit elsewhere"),
        (placed, all) => format!("{placed} of {all} pods fit elsewhere, {pending} pending"),
    }];
    if deleted > 0 {
        parts.push(format!("{deleted} deleted by rollouts"));
    }
    if !effect.lost.is_empty() {
        parts.push(format!("{} without a controller lost", count(effect.lost.len(), "pod")));
    }
    parts.join(", ")
}

fn bound(effect: &Effect, what: &str) -> String {
    match effect.bound_pods {
        0 => String::new(),
        pods => format!("; {} {what}", count(pods, "daemon or static pod")),
    }
}

fn short_list(names: &[Str]) -> String {
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    super::list(&names, 3)
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
