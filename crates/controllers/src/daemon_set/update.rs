//! The rolling update of a DaemonSet.
//!
//! Upstream: `daemon/update.go` (`rollingUpdate`, `updatedDesiredNodeCounts`).

use berth_model::UnixSeconds;

use super::{NodeState, Strategy, View, updated_and_old};
use crate::change::{NewPod, PodChange};
use crate::pod::PodState;

pub(super) fn reconcile(view: &View<'_>, now: UnixSeconds) -> Vec<PodChange> {
    let Strategy::RollingUpdate { surge, unavailable } = view.strategy else { return Vec::new() };
    let wanted = view.nodes.iter().filter(|node| node.should_run).count();
    let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
    match (surge.of(wanted), unavailable.of(wanted)) {
        (0, 0) => replace(view, 1, now),
        (0, unavailable) => replace(view, unavailable, now),
        (surge, _) => surge_over(view, surge, wanted, now),
    }
}

/// Nodes that count, with their pods.
fn nodes<'a>(view: &'a View<'a>) -> impl Iterator<Item = (&'a NodeState, &'a [PodState])> {
    let all = view.nodes.iter().zip(view.pods).map(|(node, pods)| (node, &pods[..]));
    all.filter(|(node, pods)| node.should_run || !pods.is_empty())
}

/// Deletes old pods: those that are not available, and as many others as may be unavailable. Others take their places.
fn replace(view: &View<'_>, most: i32, now: UnixSeconds) -> Vec<PodChange> {
    let available = |pod: &PodState| pod.is_available(view.min_ready_seconds, now);
    let (mut unavailable, mut replaced, mut candidates) = (0, Vec::new(), Vec::new());
    for (_, pods) in nodes(view) {
        match updated_and_old(pods) {
            Some((Some(new), None)) => unavailable += i32::from(!available(new)),
            Some((None, Some(old))) if !available(old) => {
                replaced.push(PodChange::Delete(old.id));
                unavailable += 1;
            }
            Some((None, Some(old))) => candidates.push(PodChange::Delete(old.id)),
            _ => unavailable += 1,
        }
    }
    let room = usize::try_from(most - unavailable).unwrap_or(0);
    replaced.extend(candidates.into_iter().take(room));
    replaced
}

/// Makes new pods beside old ones, and deletes old ones whose successors are available.
fn surge_over(view: &View<'_>, most: i32, wanted: i32, now: UnixSeconds) -> Vec<PodChange> {
    let available = |pod: &PodState| pod.is_available(view.min_ready_seconds, now);
    let (mut surging, mut available_pods) = (0, 0);
    let (mut changes, mut leaving, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
    for (node, pods) in nodes(view) {
        let Some((new, old)) = updated_and_old(pods) else {
            surging += 1;
            continue;
        };
        available_pods += i32::from(old.or(new).is_some_and(available));
        let make = PodChange::Create(NewPod::OnNode(node.id));
        match (new, old) {
            (None, Some(old)) if !available(old) && !node.should_run => {
                changes.push(PodChange::Delete(old.id))
            }
            (None, Some(old)) if !available(old) => changes.push(make),
            (None, Some(old)) if !node.should_run => leaving.push(PodChange::Delete(old.id)),
            (None, Some(_)) => candidates.push(make),
            (Some(new), Some(_)) if !available(new) => surging += 1,
            (Some(_), Some(old)) => changes.push(PodChange::Delete(old.id)),
            (_, None) => {}
        }
    }
    // If a node should not run a pod any more, its pod stays until others are available.
    let spare = usize::try_from(available_pods - wanted).unwrap_or(0);
    changes.extend(leaving.into_iter().take(spare));
    let room = usize::try_from(most - surging).unwrap_or(0);
    changes.extend(candidates.into_iter().take(room));
    changes
}
