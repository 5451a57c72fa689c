//! Drains: what `kubectl drain` would evict from a node, and what it refuses to evict.
//!
//! Daemon pods and static pods stay. A pod without a controller needs `--force`, a pod with an `emptyDir` volume needs
//! `--delete-emptydir-data`; without them nothing is evicted from its node. Evictions respect disruption budgets.
//!
//! Upstream: kubectl `pkg/drain/filters.go`, `pkg/cmd/drain/drain.go` (`RunDrain`).

use berth_model::Str;
use berth_model::manifests::Manifests;
use rustc_hash::FxHashMap;

use super::{Action, DrainOptions, Effect, NodeSet, PodOnNode, is_bound, list, nodes};

/// How many pods a sentence names.
const NAMED: usize = 5;

/// A node that is drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDrain {
    /// The place of the change among all.
    pub effect: usize,
    /// The node.
    pub node: Str,
    /// The names of the pods to evict, by namespace and name, in the order of the input.
    pub pods: Vec<(Str, Str)>,
    /// Why nothing is evicted, a sentence for each reason.
    pub refused: Vec<String>,
}

/// What came of the drain of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// The place of the change among all.
    pub effect: usize,
    /// Pods that were evicted and are made again.
    pub moved: Vec<PodOnNode>,
    /// Pods that were deleted and do not come again.
    pub lost: Vec<PodOnNode>,
    /// Why pods are still there, a sentence for each reason.
    pub blocked: Vec<String>,
}

/// Cordons the nodes, and plans what is evicted from each during the run.
pub(super) fn plan(
    manifests: &mut Manifests,
    set: &NodeSet,
    options: DrainOptions,
    effect: usize,
    drains: &mut Vec<NodeDrain>,
) -> Result<Effect, String> {
    let names = nodes::find(manifests, set, "--drain")?;
    nodes::mark_unschedulable(manifests, &names);
    let mut plans: Vec<Plan> = names.iter().map(|_| Plan::default()).collect();
    let places: FxHashMap<&Str, usize> = names.iter().enumerate().map(|(at, name)| (name, at)).collect();
    for manifest in manifests.pods.iter().map(|entry| &entry.value) {
        let pod = &manifest.pod;
        let Some(&at) = pod.node.as_ref().and_then(|node| places.get(node)) else { continue };
        if is_bound(pod) {
            plans[at].bound += 1;
            continue;
        }
        let key = pod.key();
        if manifest.has_empty_dir && !options.delete_empty_dir {
            plans[at].local.push(key.clone());
        }
        if pod.spec.controller.is_none() && !options.force {
            plans[at].unmanaged.push(key);
        }
        plans[at].pods.push((pod.spec.namespace.clone(), pod.name.clone()));
    }
    let bound_pods = plans.iter().map(|plan| plan.bound).sum();
    drains.extend(names.iter().zip(plans).map(|(node, plan)| plan.finish(effect, node)));
    let effect = Effect::new(format!("--drain {}", set.text), Action::Drained, names);
    Ok(Effect { bound_pods, ..effect })
}

/// What is found on a node.
#[derive(Default)]
struct Plan {
    pods: Vec<(Str, Str)>,
    bound: usize,
    local: Vec<String>,
    unmanaged: Vec<String>,
}

impl Plan {
    fn finish(self, effect: usize, node: &Str) -> NodeDrain {
        let sentence = |pods: &[String], what: &str, flag: &str| {
            (!pods.is_empty()).then(|| format!("{node}: pods {what} need {flag}: {}", list(pods, NAMED)))
        };
        let local = sentence(&self.local, "with an emptyDir volume", "--delete-emptydir-data");
        let unmanaged = sentence(&self.unmanaged, "without a controller", "--force");
        let refused: Vec<String> = local.into_iter().chain(unmanaged).collect();
        let pods = if refused.is_empty() { self.pods } else { Vec::new() };
        NodeDrain { effect, node: node.clone(), pods, refused }
    }
}
