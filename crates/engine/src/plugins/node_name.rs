//! Keeps a pod that names its node in `spec.nodeName` off all others.
//!
//! - **Filter**: only the node that the pod names comes into question; where there is none of that name, no node does.
//! - **Depends on** the single pod, and on the node's name. A pod that waits names no node, so what is kept for the
//!   pods of a class is that nothing is rejected.
//! - **Unblocked by** a new node.
//! - **Upstream**: plugins/nodename. No known difference.
//! - **Cost**: nothing for pods that name no node.

use std::sync::Arc;

use berth_model::Str;

use crate::ids::name::PluginName;
use crate::plugin::detail::Detail;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{Filter, Plugin, PreFilter, QueueingHint, accepts};
use crate::verdict::Rejection;

/// The plugin's name in configurations.
pub const NAME: &str = "NodeName";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreFilter, ExtensionPoint::Filter], || Arc::new(NodeName))
        .in_default_profile(0);

const REASON: &str = "node(s) didn't match the requested node name";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeName;

#[derive(Debug)]
struct NameFilter(Str);

impl Plugin for NodeName {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        let Some(name) = &pod.entry().pod.node else { return PreFilter::SKIP_CLASS };
        let rows = pod.cluster.nodes().find(name).into_iter().collect();
        PreFilter::Subset(rows, Box::new(NameFilter(name.clone())))
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, .. } => accepts(self, pod, row),
            _ => false,
        })
    }
}

impl Filter for NameFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        (node.name() != &*self.0).then(|| Rejection::unresolvable(REASON))
    }

    fn explain(&self, _node: NodeView<'_>, details: &mut Vec<Detail>) {
        details.push(Detail::NodeName(self.0.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter, state};
    use expect_test::expect;

    #[test]
    fn a_pod_that_names_its_node_leaves_no_other_in_question() {
        let mut world = World::default();
        world.node("n1", |_| {});
        world.node("n2", |_| {});
        let pod = world.pod("p", |pod, _| pod.node = Some("n2".into()));
        let lost = world.pod("lost", |pod, _| pod.node = Some("n3".into()));
        let free = world.pod("free", |_, _| {});
        for (pod, expected) in [
            (pod, expect!["n1: not in question\nn2: fits\n"]),
            (lost, expect!["n1: not in question\nn2: not in question\n"]),
            (free, expect!["every node fits\n"]),
        ] {
            expected.assert_eq(&filter(&NodeName, &world, pod));
        }
    }

    #[test]
    fn a_node_is_judged_by_its_name_where_a_hypothesis_asks_about_another() {
        let mut world = World::default();
        let [n1, n2] = ["n1", "n2"].map(|name| world.node(name, |_| {}));
        let pod = world.pod("p", |pod, _| pod.node = Some("n2".into()));
        let state = state(&NodeName, &world, pod);
        let check = |row| state.check(NodeView::new(&world.cluster, row));
        assert_eq!(check(n1), Some(Rejection::unresolvable(REASON)));
        assert_eq!(check(n2), None);
    }

    #[test]
    fn the_other_nodes_are_told_who_narrowed_them_away() {
        let mut world = World::default();
        for name in ["n1", "n2", "n3"] {
            world.node(name, |_| {});
        }
        let pod = world.pod("p", |pod, spec| {
            pod.node = Some("n2".into());
            spec.containers = vec![crate::fixture::container(&[("cpu", "5")])];
        });
        let profile = crate::plugin::profile::Profile::standard("default-scheduler");
        let found = crate::scan::diagnose(&profile, &world.cluster, pod);
        expect![
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeName]."
        ]
        .assert_eq(&found.message(&world.cluster));
    }
}
