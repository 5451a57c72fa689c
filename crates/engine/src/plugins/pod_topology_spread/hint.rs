//! What may let a pod pass that would have made a domain too full.

use berth_model::node::Node;

use super::Constraint;
use crate::ids::Sym;
use crate::plugin::event::ClusterEvent;
use crate::plugin::view::PodView;
use crate::plugins::taint_toleration::untolerated;
use crate::pod_class::PodClass;

/// Counts fall where pods leave and the smallest count rises where they come; a domain that comes or goes may be the
/// one with the smallest count, or make up the number of domains that are wanted at least.
pub(super) fn may_help(constraints: &[Constraint], pod: PodView<'_>, event: &ClusterEvent<'_>) -> bool {
    let cluster = pod.cluster;
    let involved = |class: &PodClass| {
        class.namespace == pod.class.namespace && constraints.iter().any(|c| c.selects(class, cluster))
    };
    match *event {
        ClusterEvent::Itself => true,
        ClusterEvent::PodArrived { pod: other } => involved(cluster.pods().class_of(other)),
        ClusterEvent::PodLeft { pod: gone } => gone.row.is_some() && involved(&gone.class),
        ClusterEvent::PodChanged { pod: other, old } => {
            let (now, class) = (&cluster.pods().entry(other).pod, cluster.pods().class_of(other));
            let ends = now.terminating != old.pod.terminating && involved(class);
            let selects = |c: &Constraint, class: &PodClass| {
                class.namespace == pod.class.namespace && c.selects(class, cluster)
            };
            ends || constraints.iter().any(|c| selects(c, class) != selects(c, &old.class))
        }
        ClusterEvent::Node { row, old: None } => has_labels(constraints, pod, cluster.nodes().object(row)),
        ClusterEvent::Node { row, old: Some(old) } => {
            moved(constraints, pod, old, cluster.nodes().object(row))
        }
        ClusterEvent::NodeGone { node } => has_labels(constraints, pod, node),
        ClusterEvent::Owner { namespace } => {
            pod.class.spread.is_empty() && *pod.class.spec.namespace == *namespace
        }
        _ => false,
    }
}

fn value(pod: PodView<'_>, node: &Node, key: Sym) -> Option<Sym> {
    let symbols = pod.cluster.symbols();
    symbols.find(node.labels.get(symbols.text(key))?)
}

fn has_labels(constraints: &[Constraint], pod: PodView<'_>, node: &Node) -> bool {
    constraints.iter().all(|c| value(pod, node, c.topology_key).is_some())
}

/// Whether a node that takes part, or took part, is in other domains now, or does so no more, or newly.
fn moved(constraints: &[Constraint], pod: PodView<'_>, old: &Node, now: &Node) -> bool {
    if !has_labels(constraints, pod, old) && !has_labels(constraints, pod, now) {
        return false;
    }
    let wanted = |node: &Node| {
        let symbols = pod.cluster.symbols();
        pod.class.required_nodes.matches(&node.name, |key| value(pod, node, key), symbols)
    };
    let tolerated = |node: &Node| !untolerated(&node.taints, &pod.class.spec.tolerations);
    constraints.iter().any(|c| {
        value(pod, old, c.topology_key) != value(pod, now, c.topology_key)
            || (c.honor_node_affinity && wanted(old) != wanted(now))
            || (c.honor_node_taints && tolerated(old) != tolerated(now))
    })
}
