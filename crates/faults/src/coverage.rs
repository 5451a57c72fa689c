//! Situations: the measure of what histories cover.
//!
//! A situation is where a pod was according to the scheduler when the watch delivered a change of it, or a request and
//! its outcome. It is observed from outside the loop.

use std::collections::BTreeMap;

use berth_engine::ids::PodRow;
use berth_flow::{Answer, Failure, FailureKind, Input, Request, SchedulingLoop, Write};
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::pod::Pod;
use berth_model::pod_manifest::PodManifest;

use crate::reference_model::ReferenceModel;

/// Where a pod was, or what was requested, and what happened then.
pub type Situation = (&'static str, &'static str);

/// Adds counts to counts.
pub fn add_up<K: Ord>(sums: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (key, count) in more {
        *sums.entry(key).or_default() += count;
    }
}

/// The situation in which a loop receives an input; `None` if it does not count.
pub(crate) fn of_input(input: &Input, flow: &SchedulingLoop, model: &ReferenceModel) -> Option<Situation> {
    match input {
        Input::Applied(Object::Pod(manifest)) => {
            let old = match model.received(&input_key(manifest)) {
                Some(Object::Pod(old)) => Some(&**old),
                _ => None,
            };
            let row = flow.find_pod(&manifest.pod.spec.namespace, &manifest.pod.name);
            Some((place(row, flow, old), change(old, manifest, row, flow)))
        }
        Input::Deleted(key) => {
            let Some(Object::Pod(old)) = model.received(key) else { return None };
            let row = flow.find_pod(&key.namespace, &key.name);
            Some((place(row, flow, Some(old)), "deleted"))
        }
        Input::Leads(false) => {
            let places = flow.pending_pods().map(|pod| pod.place);
            Some(("lease lost", places.max_by_key(|place| rank(place)).unwrap_or("idle")))
        }
        _ => None,
    }
}

fn input_key(manifest: &PodManifest) -> ObjectKey {
    let pod = &manifest.pod;
    ObjectKey { kind: Kind::Pod, namespace: pod.spec.namespace.clone(), name: pod.name.clone() }
}

/// The stages of an attempt, the rarest last.
fn rank(place: &str) -> usize {
    ["gated", "unschedulable", "backoff", "active", "binding", "extending"]
        .iter()
        .position(|known| *known == place)
        .unwrap_or_default()
}

/// Where a pod is, according to a loop.
fn place(row: Option<PodRow>, flow: &SchedulingLoop, received: Option<&PodManifest>) -> &'static str {
    let Some(row) = row else { return "unknown" };
    let pod = &flow.scheduler().cluster().pods().entry(row).pod;
    if pod.terminating && received.is_some_and(|received| !received.pod.terminating) {
        return "being evicted";
    }
    match flow.place_of(&pod.spec.namespace, &pod.name) {
        Some(place) => place,
        None if pod.node.is_some() => "bound",
        None => "terminating",
    }
}

/// How a pod has changed.
fn change(
    old: Option<&PodManifest>,
    new: &PodManifest,
    row: Option<PodRow>,
    flow: &SchedulingLoop,
) -> &'static str {
    let Some(old) = old else { return "created" };
    let (was, is): (&Pod, &Pod) = (&old.pod, &new.pod);
    if was.uid != is.uid {
        "created again"
    } else if was.node != is.node {
        let assumed = row.and_then(|row| flow.scheduler().cluster().pods().entry(row).pod.node.as_ref());
        match (assumed == is.node.as_ref(), was.spec.labels == is.spec.labels) {
            (true, true) => "bound as assumed",
            (true, false) => "bound as assumed, relabelled",
            (false, _) => "bound by another",
        }
    } else if was.terminating != is.terminating {
        "terminating"
    } else if was.spec.scheduling_gates != is.spec.scheduling_gates {
        "ungated"
    } else if was.nominated_node != is.nominated_node {
        if is.nominated_node.is_some() { "nominated" } else { "nomination cleared" }
    } else if was.spec.labels != is.spec.labels {
        "relabelled"
    } else {
        "delivered again"
    }
}

/// A request and its outcome.
pub(crate) fn of_reply(request: &Request, reply: &Input) -> Situation {
    let request = match request {
        Request::Bind { .. } => "Bind",
        Request::SetStatus { nominated_node: Some(node), .. } if node.is_empty() => "clear nomination",
        Request::SetStatus { nominated_node: Some(_), .. } => "nominate",
        Request::SetStatus { .. } => "write condition",
        Request::Evict { .. } => "Evict",
        Request::Write(Write::BindVolume { .. }) => "BindVolume",
        Request::Write(Write::SelectNode { .. }) => "SelectNode",
        Request::Write(Write::ReserveDevices(_)) => "ReserveDevices",
        Request::Write(Write::MakeDeviceClaim(_)) => "MakeDeviceClaim",
        Request::Write(Write::GiveUpDevices { .. }) => "GiveUpDevices",
        Request::Extend { .. } => "Extend",
        Request::Emit(_) => "Emit",
    };
    (request, outcome(reply))
}

fn outcome(reply: &Input) -> &'static str {
    match reply {
        Input::Reply(_, Ok(Answer::Filtered { nodes, .. })) if nodes.is_empty() => "no node left",
        Input::Reply(_, Ok(_)) => "done",
        Input::Reply(_, Err(Failure { kind, .. })) => match kind {
            FailureKind::Conflict => "conflict",
            FailureKind::Gone => "gone",
            FailureKind::Refused => "refused",
            FailureKind::Unknown => "no answer",
        },
        _ => "not a reply",
    }
}
