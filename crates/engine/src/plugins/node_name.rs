//! Keeps a pod that names its node in `spec.nodeName` off all others.
//!
//! - **Filter**: the node's name must be the one that the pod names.
//! - **Depends on** the node's name.
//! - **Unblocked by** a new node.
//! - **Upstream**: plugins/nodename. No known difference.
//! - **Cost**: nothing for pods that name no node.

use berth_model::Str;

use crate::plugin::{Filter, Plugin, Prepared};
use crate::verdict::Rejection;
use crate::view::{NodeView, PodView};

/// The plugin's name in configurations.
pub const NAME: &str = "NodeName";

const REASON: &str = "node(s) didn't match the requested node name";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeName;

#[derive(Debug)]
struct Named(Str);

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keep_filter(&self, pod: PodView<'_>) -> Prepared<'static> {
        match &pod.entry().pod.node {
            Some(name) => Prepared::Ready(Box::new(Named(name.clone()))),
            None => Prepared::Nothing,
        }
    }
}

impl Filter for Named {
    fn check(&self, node: NodeView<'_>) -> Option<Rejection> {
        (node.name() != &*self.0).then(|| Rejection::unresolvable(REASON))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter};
    use expect_test::expect;

    #[test]
    fn a_pod_that_names_its_node_is_kept_off_others() {
        let mut world = World::default();
        world.node("n1", |_| {});
        world.node("n2", |_| {});
        let pod = world.pod("p", |pod, _| pod.node = Some("n2".into()));
        expect![[r#"
            n1: UnschedulableAndUnresolvable: node(s) didn't match the requested node name
            n2: fits
        "#]]
        .assert_eq(&filter(&NodeName, &world, pod));
    }
}
