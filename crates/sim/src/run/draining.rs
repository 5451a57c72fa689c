//! Drains in a run: evictions that respect disruption budgets, and the scheduling of what was evicted.
//!
//! Nodes are drained one after the other. From a node all pods are evicted that budgets allow; when those have a place
//! again, the budgets may allow more. A drain that evicts nothing more is blocked, and the next node follows, as with
//! `kubectl drain --timeout`.

use std::collections::BTreeMap;

use berth_engine::ids::{NodeRow, PodRow};
use berth_model::Str;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Run;
use crate::change::budget::{Budget, refusal};
use crate::change::drain::{Drained, NodeDrain};
use crate::change::{PodOnNode, comes_again, list};

/// How many pods a sentence names.
const NAMED: usize = 5;

/// Drains the nodes. `progress` is called as by [`Run::finish`].
///
/// # Errors
/// With `verify`, the first decision that differs from the scan's.
pub(super) fn drain(
    run: &mut Run<'_>,
    drains: &[NodeDrain],
    budgets: &[Budget],
    mut progress: impl FnMut(usize),
) -> Result<Vec<Drained>, String> {
    let mut budgets = relevant(run, drains, budgets);
    let mut seen_evictions = usize::MAX;
    let mut all = Vec::new();
    for drain in drains {
        let mut drained =
            Drained { effect: drain.effect, blocked: drain.refused.clone(), ..Drained::default() };
        let Some(node) = run.scheduler.cluster().nodes().find(&drain.node) else {
            all.push(drained);
            continue;
        };
        let wanted: FxHashSet<(Str, Str)> = drain.pods.iter().cloned().collect();
        loop {
            // Preemption evicts as well.
            if seen_evictions != run.outcome.evicted.len() {
                budgets.iter_mut().for_each(|budget| budget.recount(run.scheduler.cluster()));
                seen_evictions = run.outcome.evicted.len();
            }
            let (again, blocked) = sweep(run, node, &drain.node, &wanted, &mut budgets, &mut drained);
            if again.is_none() {
                drained.blocked.extend(blocked);
                break;
            }
            while let Some((pod, place)) = run.queue.pop() {
                run.attempt(pod, place)?;
                progress(run.queue.len());
            }
            if seen_evictions != run.outcome.evicted.len() {
                continue;
            }
            for row in again.into_iter().flatten() {
                let pod = &run.scheduler.cluster().pods().entry(row).pod;
                if pod.node.is_some() {
                    budgets
                        .iter_mut()
                        .filter(|budget| budget.selects(pod))
                        .for_each(|budget| budget.note(true));
                }
            }
        }
        all.push(drained);
    }
    Ok(all)
}

/// The budgets that protect a pod which is to be evicted.
fn relevant(run: &Run<'_>, drains: &[NodeDrain], budgets: &[Budget]) -> Vec<Budget> {
    let cluster = run.scheduler.cluster();
    let nodes = drains.iter().filter_map(|drain| cluster.nodes().find(&drain.node));
    let rows: Vec<PodRow> = nodes.flat_map(|node| cluster.nodes().pods(node).to_vec()).collect();
    let protects = |budget: &&Budget| rows.iter().any(|&row| budget.selects(&cluster.pods().entry(row).pod));
    budgets.iter().filter(protects).cloned().collect()
}

/// Evicts the pods of a node that may be evicted now. Returns the rows under which they wait again, or `None` if none
/// was evicted, and why the others stay.
fn sweep(
    run: &mut Run<'_>,
    node: NodeRow,
    node_name: &Str,
    wanted: &FxHashSet<(Str, Str)>,
    budgets: &mut [Budget],
    drained: &mut Drained,
) -> (Option<Vec<PodRow>>, Vec<String>) {
    let mut evicted = None::<Vec<PodRow>>;
    let mut blocked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in in_order(run, node) {
        let pod = &run.scheduler.cluster().pods().entry(row).pod;
        let key = (pod.spec.namespace.clone(), pod.name.clone());
        if !wanted.contains(&key) {
            continue;
        }
        // A pod that is going away is deleted whatever the budgets say.
        let mut protecting: Vec<&mut Budget> = match pod.terminating {
            true => Vec::new(),
            false => budgets.iter_mut().filter(|budget| budget.selects(pod)).collect(),
        };
        let refused = refusal(&protecting.iter().map(|budget| &**budget).collect::<Vec<_>>());
        if let Some(why) = refused {
            blocked.entry(why).or_default().push(pod.key());
            continue;
        }
        let from = PodOnNode { namespace: key.0, name: key.1, node: node_name.clone() };
        let (is_managed, again) = (pod.spec.controller.is_some(), comes_again(pod));
        let again = run.remove(row, again);
        let rows = evicted.get_or_insert_default();
        match again {
            Some(again) => {
                protecting.iter_mut().for_each(|budget| budget.note(false));
                rows.push(again);
                drained.moved.push(from);
            }
            None => {
                protecting.iter_mut().for_each(|budget| budget.note_lost());
                drained.lost.extend((!is_managed).then_some(from));
            }
        }
    }
    let sentence = |(why, pods): (String, Vec<String>)| format!("{node_name}: {why}: {}", list(&pods, NAMED));
    (evicted, blocked.into_iter().map(sentence).collect())
}

/// The pods of a node by namespace and name.
fn in_order(run: &Run<'_>, node: NodeRow) -> Vec<PodRow> {
    let cluster = run.scheduler.cluster();
    let mut rows = cluster.nodes().pods(node).to_vec();
    let keys: FxHashMap<PodRow, String> =
        rows.iter().map(|&row| (row, cluster.pods().entry(row).pod.key())).collect();
    rows.sort_by(|a, b| keys[a].cmp(&keys[b]));
    rows
}
