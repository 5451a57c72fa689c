//! A plugin that decides as it should, and never says that an event may help.

use berth_engine::effect::Effect;
use berth_engine::event::Event;
use berth_engine::ids::NodeRow;
use berth_engine::name::PluginName;
use berth_engine::plugin::{Plugin, PreFilter, PreScore, QueueingHint};
use berth_engine::verdict::Rejection;
use berth_engine::view::PodView;

use crate::world::SharedPlugin;

/// Another plugin without its queueing hints.
#[derive(Debug)]
pub(crate) struct Deaf(pub(crate) SharedPlugin);

impl Plugin for Deaf {
    fn name(&self) -> PluginName {
        self.0.name()
    }

    fn pre_enqueue(&self, pod: PodView<'_>) -> Option<Rejection> {
        self.0.pre_enqueue(pod)
    }

    fn pre_filter<'a>(&'a self, pod: PodView<'a>) -> PreFilter<'a> {
        self.0.pre_filter(pod)
    }

    fn pre_score<'a>(&'a self, pod: PodView<'a>) -> PreScore<'a> {
        self.0.pre_score(pod)
    }

    fn reserve(&self, pod: PodView<'_>, node: NodeRow) -> Vec<Effect> {
        self.0.reserve(pod, node)
    }

    fn queueing_hint(&self, _pod: PodView<'_>, _event: &Event<'_>) -> QueueingHint {
        QueueingHint::Skip
    }
}
