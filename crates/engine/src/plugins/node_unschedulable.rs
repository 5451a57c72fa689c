//! Keeps pods off cordoned nodes, unless they tolerate it.
//!
//! - **Filter**: a node with `spec.unschedulable` takes only pods that tolerate the taint
//!   `node.kubernetes.io/unschedulable:NoSchedule`.
//! - **Depends on** the node's cordoning.
//! - **Unblocked by** a new node, or one that is uncordoned.
//! - **Upstream**: plugins/nodeunschedulable. No known difference.
//! - **Cost**: one look-up a node.

use std::sync::Arc;

use berth_model::node::{Taint, TaintEffect};

use crate::cluster::{Change, Cluster, UniformColumns};
use crate::ids::name::PluginName;
use crate::plugin::detail::Detail;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{
    CacheScope, CachedFilter, Filter, FilterHints, Plugin, PreFilter, QueueingHint, Uniform, Validity,
    accepts,
};
use crate::verdict::Rejection;

/// The plugin's name in configurations.
pub const NAME: &str = "NodeUnschedulable";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreFilter, ExtensionPoint::Filter], || {
        Arc::new(NodeUnschedulable)
    })
    .in_default_profile(0);

const REASON: &str = "node(s) were unschedulable";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeUnschedulable;

#[derive(Debug)]
struct CordonFilter;

impl Plugin for NodeUnschedulable {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        let taint = Taint {
            key: "node.kubernetes.io/unschedulable".into(),
            value: "".into(),
            effect: TaintEffect::NoSchedule,
        };
        if pod.class.spec.tolerations.iter().any(|t| t.tolerates(&taint)) {
            return PreFilter::SKIP_CLASS;
        }
        PreFilter::cached(CordonFilter)
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, old } => {
                old.is_none_or(|old| old.unschedulable) && accepts(self, pod, row)
            }
            _ => false,
        })
    }
}

impl Filter for CordonFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        node.cluster.nodes().unschedulable[node.row.index()].then(|| Rejection::unresolvable(REASON))
    }

    fn explain(&self, _node: NodeView<'_>, details: &mut Vec<Detail>) {
        details.push(Detail::Cordoned);
    }

    fn hints(&self) -> FilterHints<'_> {
        FilterHints { uniform: Some(self), ..FilterHints::default() }
    }
}

impl Uniform for CordonFilter {
    fn is_uniform(&self, _columns: &UniformColumns) -> bool {
        true
    }
}

impl CachedFilter for CordonFilter {
    fn scope(&self) -> CacheScope<'_> {
        CacheScope::NodeFacts
    }

    fn apply_change(&mut self, _cluster: &Cluster, change: Change) -> Validity {
        Validity::valid_if(!change.invalidates_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter};
    use berth_model::affinity::Toleration;
    use expect_test::expect;

    #[test]
    fn a_cordoned_node_takes_only_pods_that_tolerate_it() {
        let mut world = World::default();
        world.node("n1", |node| node.unschedulable = true);
        world.node("n2", |_| {});
        let plain = world.pod("plain", |_, _| {});
        let daemon = world.pod("daemon", |_, spec| {
            spec.tolerations.push(Toleration {
                key: "node.kubernetes.io/unschedulable".into(),
                exists: true,
                value: "".into(),
                effect: None,
                seconds: None,
            });
        });
        expect![[r#"
            n1: UnschedulableAndUnresolvable: node(s) were unschedulable
            n2: fits
        "#]]
        .assert_eq(&filter(&NodeUnschedulable, &world, plain));
        expect!["every node fits\n"].assert_eq(&filter(&NodeUnschedulable, &world, daemon));
    }
}
