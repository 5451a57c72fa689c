//! Keeps a pod out of the queue until its scheduling gates are lifted.
//!
//! - **PreEnqueue**: a pod with a name in `spec.schedulingGates` waits.
//! - **Unblocked by** an update of the pod that removes the last gate.
//! - **Upstream**: plugins/schedulinggates (KEP-3521). No known difference.
//! - **Cost**: nothing for pods without gates.

use std::sync::Arc;

use crate::ids::name::PluginName;
use crate::plugin::event::ClusterEvent;
use crate::plugin::registry::{ExtensionPoint, PluginEntry};
use crate::plugin::view::PodView;
use crate::plugin::{Plugin, QueueingHint};
use crate::verdict::{Code, Rejection};

/// The plugin's name in configurations.
pub const NAME: &str = "SchedulingGates";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::new(NAME, &[ExtensionPoint::PreEnqueue], || Arc::new(SchedulingGates)).in_default_profile(0);

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchedulingGates;

impl Plugin for SchedulingGates {
    fn name(&self) -> PluginName {
        PluginName::new(NAME)
    }

    fn pre_enqueue(&self, pod: PodView<'_>) -> Option<Rejection> {
        let gates: Vec<&str> = pod.class.spec.scheduling_gates.iter().map(|g| &**g).collect();
        if gates.is_empty() {
            return None;
        }
        let text = format!("waiting for scheduling gates: [{}]", gates.join(" "));
        Some(Rejection::new(Code::UnschedulableAndUnresolvable, text.into()))
    }

    fn queueing_hint(&self, _pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        QueueingHint::queue_if(matches!(event, ClusterEvent::Itself))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::World;

    #[test]
    fn a_gated_pod_waits_and_names_its_gates() {
        let mut world = World::default();
        let free = world.pod("free", |_, _| {});
        let gated = world.pod("gated", |_, spec| {
            spec.scheduling_gates = vec!["example.com/a".into(), "example.com/b".into()];
        });
        let ask = |row| SchedulingGates.pre_enqueue(PodView::new(&world.cluster, row)).map(|r| r.message());
        assert_eq!(ask(free), None);
        assert_eq!(
            ask(gated).as_deref(),
            Some("waiting for scheduling gates: [example.com/a example.com/b]")
        );
    }
}
