//! Keeps pods that need a feature of the kubelet off nodes that do not declare it.
//!
//! - **Filter**: the node's `status.declaredFeatures` holds every feature that the pod's spec needs. Of the features of
//!   1.37 three are needed at scheduling: a restart rule that restarts all containers, a user namespace together with
//!   the host's network, and options of bind mounts. All others matter to updates of running pods only.
//! - **Depends on** what the node declares.
//! - **Unblocked by** a new node, or one that declares other features, that has all that are needed.
//! - **Upstream**: plugins/nodedeclaredfeatures (KEP-5328), component-helpers `nodedeclaredfeatures`. No known
//!   difference.
//! - **Cost**: nothing for pods that need none; else a search in the node's list.

use std::sync::Arc;

use berth_model::pod::PodSpec;

use crate::cluster::{Change, Cluster};
use crate::ids::name::PluginName;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::{NodeView, PodView};
use crate::plugin::{CacheScope, CachedFilter, Filter, Plugin, PreFilter, QueueingHint, Validity, accepts};
use crate::verdict::Rejection;

/// The plugin's name in configurations.
pub const NAME: &str = "NodeDeclaredFeatures";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreFilter, ExtensionPoint::Filter], || {
        Arc::new(NodeDeclaredFeatures)
    })
    .in_default_profile(0);

const REASON: &str = "node(s) didn't match Pod's required features";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeDeclaredFeatures;

#[derive(Debug)]
struct FeatureFilter(Vec<&'static str>);

impl Plugin for NodeDeclaredFeatures {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        let needed = needed(&pod.class.spec);
        if needed.is_empty() { PreFilter::SKIP_CLASS } else { PreFilter::cached(FeatureFilter(needed)) }
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(match *event {
            ClusterEvent::Itself => true,
            ClusterEvent::Node { row, old } => {
                let now = &pod.cluster.nodes().object(row).declared_features;
                old.is_none_or(|old| old.declared_features != *now) && accepts(self, pod, row)
            }
            _ => false,
        })
    }
}

/// The features that the spec needs, by the names under which nodes declare them.
fn needed(spec: &PodSpec) -> Vec<&'static str> {
    let mut containers = spec.init_containers.iter().chain(&spec.containers);
    let rules = [
        ("RestartAllContainersOnContainerExits", containers.clone().any(|c| c.restarts_all)),
        ("UserNamespacesHostNetworkSupport", spec.host_network && spec.user_namespace),
        ("VolumeBindMountOptions", containers.any(|c| c.bind_mount_options)),
    ];
    rules.into_iter().filter(|(_, needed)| *needed).map(|(name, _)| name).collect()
}

impl Filter for FeatureFilter {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        let declared = &node.cluster.nodes().object(node.row).declared_features;
        let all = self.0.iter().all(|feature| declared.iter().any(|d| &**d == *feature));
        (!all).then(|| Rejection::unresolvable(REASON))
    }
}

impl CachedFilter for FeatureFilter {
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
    use expect_test::expect;

    #[test]
    fn a_spec_tells_which_features_it_needs() {
        type Change = fn(&mut PodSpec);
        let cases: [(Change, &[&str]); 5] = [
            (|_| {}, &[]),
            (|s| s.host_network = true, &[]),
            (|s| (s.host_network, s.user_namespace) = (true, true), &["UserNamespacesHostNetworkSupport"]),
            (|s| s.containers[0].restarts_all = true, &["RestartAllContainersOnContainerExits"]),
            (|s| s.init_containers[0].bind_mount_options = true, &["VolumeBindMountOptions"]),
        ];
        for (change, expected) in cases {
            let mut spec = PodSpec {
                containers: vec![Default::default()],
                init_containers: vec![Default::default()],
                ..PodSpec::default()
            };
            change(&mut spec);
            assert_eq!(needed(&spec), expected);
        }
    }

    #[test]
    fn a_node_must_declare_what_the_pod_needs() {
        let mut world = World::default();
        world.node("n1", |node| {
            node.declared_features = vec!["Other".into(), "RestartAllContainersOnContainerExits".into()];
        });
        world.node("n2", |node| node.declared_features = vec!["Other".into()]);
        world.node("n3", |_| {});
        let plain = world.pod("plain", |_, _| {});
        let picky = world.pod("picky", |_, spec| spec.containers[0].restarts_all = true);
        expect!["every node fits\n"].assert_eq(&filter(&NodeDeclaredFeatures, &world, plain));
        expect![[r#"
            n1: fits
            n2: UnschedulableAndUnresolvable: node(s) didn't match Pod's required features
            n3: UnschedulableAndUnresolvable: node(s) didn't match Pod's required features
        "#]]
        .assert_eq(&filter(&NodeDeclaredFeatures, &world, picky));
    }
}
