//! A plugin that decides as it should, and never says that an event may help.

use berth_engine::effect::Effect;
use berth_engine::event::ClusterEvent;
use berth_engine::ids::NodeRow;
use berth_engine::name::PluginName;
use berth_engine::plugin::{Plugin, PreFilter, PreScore, QueueingHint};
use berth_engine::verdict::Rejection;
use berth_engine::view::PodView;

use crate::world::SharedPlugin;

/// Another plugin without its queueing hints.
#[derive(Debug)]
pub(crate) struct Deaf {
    pub(crate) plugin: SharedPlugin,
    /// Only changes of placed pods have no effect.
    pub(crate) only_changes: bool,
}

impl Plugin for Deaf {
    fn name(&self) -> PluginName {
        self.plugin.name()
    }

    fn pre_enqueue(&self, pod: PodView<'_>) -> Option<Rejection> {
        self.plugin.pre_enqueue(pod)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        self.plugin.pre_filter(pod)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        self.plugin.pre_score(pod)
    }

    fn reserve(&self, pod: PodView<'_>, node: NodeRow) -> Vec<Effect> {
        self.plugin.reserve(pod, node)
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        if self.only_changes && !matches!(event, ClusterEvent::PodChanged { .. }) {
            return self.plugin.queueing_hint(pod, event);
        }
        QueueingHint::Skip
    }
}
