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

use crate::cluster::{Change, Cluster};
use crate::plugin::{Group, Plugin, Prepared, Score};
use crate::verdict::Rejection;
use crate::view::PodView;

/// The plugin's name in configurations.
pub const NAME: &str = "DynamicResources";

const REASON: &str = "the pod has resource claims (spec.resourceClaims), which Berth does not serve yet";

/// The plugin; it has no arguments that matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct DynamicResources;

/// Every node scores zero: there are no devices to choose from, and the plugin takes part in scoring all the same.
#[derive(Debug)]
struct NoDevices;

impl Plugin for DynamicResources {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keep_filter(&self, pod: PodView<'_>) -> Prepared<'static> {
        if pod.class.spec.resource_claims.is_empty() {
            return Prepared::Nothing;
        }
        Prepared::Reject(Rejection::unresolvable(REASON))
    }

    fn keep_score(&self, _pod: PodView<'_>) -> Option<Box<dyn Score>> {
        Some(Box::new(NoDevices))
    }
}

impl Score for NoDevices {
    fn score(&self, _cluster: &Cluster, _feasible: &[Group], out: &mut [i64]) {
        out.fill(0);
    }

    fn is_zero(&self) -> bool {
        true
    }

    fn follow(&mut self, _cluster: &Cluster, change: Change) -> bool {
        change.spares_others()
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
