//! Keeps pods with device claims waiting: Berth does not serve them yet.
//!
//! - **Filter**: a pod with `spec.resourceClaims` is rejected before any node is looked at, with a sentence that says
//!   so. Other pods are not concerned.
//! - **Score**: zero for every node, as upstream gives pods without claims.
//! - **Depends on** the pod alone.
//! - **Unblocked by** an update of the pod that removes the claims.
//! - **Upstream**: plugins/dynamicresources. Known difference: upstream allocates devices for the claims (KEP-4381), and
//!   for extended resources that a DeviceClass provides (KEP-5004).
//! - **Cost**: nothing.

use std::sync::Arc;

use crate::event::Event;
use crate::name::PluginName;
use crate::plugin::{ClassFilter, Plugin, PreFilter, PreScore, QueueingHint, ZeroScore};
use crate::registry::{ExtensionPoint, PluginEntry};
use crate::verdict::Rejection;
use crate::view::PodView;

/// The plugin's name in configurations.
pub const NAME: &str = "DynamicResources";

/// The registry entry.
pub const ENTRY: PluginEntry = PluginEntry::new(
    NAME,
    &[
        ExtensionPoint::PreEnqueue,
        ExtensionPoint::PreFilter,
        ExtensionPoint::Filter,
        ExtensionPoint::PostFilter,
        ExtensionPoint::PodGroupPostFilter,
        ExtensionPoint::Score,
        ExtensionPoint::Reserve,
        ExtensionPoint::PreBind,
    ],
    || Arc::new(DynamicResources),
)
.in_default_profile(2)
.with_arguments();

const REASON: &str = "the pod has resource claims (spec.resourceClaims), which Berth does not serve yet";

/// The plugin; it has no arguments that matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct DynamicResources;

impl Plugin for DynamicResources {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        if pod.class.spec.resource_claims.is_empty() {
            return PreFilter::SKIP_CLASS;
        }
        PreFilter::ForClass(ClassFilter::Reject(Rejection::unresolvable(REASON)))
    }

    fn pre_score<'a>(&'a self, _pod: PodView<'a>) -> PreScore<'a> {
        // There are no devices to choose from, and upstream's plugin scores all pods.
        PreScore::cached(ZeroScore)
    }

    fn queueing_hint(&self, _pod: PodView<'_>, event: &Event<'_>) -> QueueingHint {
        QueueingHint::queue_if(matches!(event, Event::Itself))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{World, filter};
    use expect_test::expect;

    #[test]
    fn a_pod_with_a_claim_is_told_that_claims_are_not_served() {
        let mut world = World::default();
        world.node("n1", |_| {});
        let plain = world.pod("plain", |_, _| {});
        let claiming = world.pod("claiming", |_, spec| spec.resource_claims = 1);
        expect!["every node fits\n"].assert_eq(&filter(&DynamicResources, &world, plain));
        expect![[r#"
            pod: UnschedulableAndUnresolvable: the pod has resource claims (spec.resourceClaims), which Berth does not serve yet
        "#]]
        .assert_eq(&filter(&DynamicResources, &world, claiming));
    }
}
