//! A plugin with the decisions of another one and without its queueing hints.

use berth_engine::cluster::Cluster;
use berth_engine::effect::Effect;
use berth_engine::event::ClusterEvent;
use berth_engine::ids::NodeRow;
use berth_engine::name::PluginName;
use berth_engine::plugin::{Plugin, PreBind, PreFilter, PreScore, QueueingHint};
use berth_engine::verdict::Rejection;
use berth_engine::view::PodView;
use berth_model::Str;

use crate::world::SharedPlugin;

/// Another plugin without its queueing hints: no event requeues a pod that it rejected.
#[derive(Debug)]
pub(crate) struct NeverRequeues {
    pub(crate) plugin: SharedPlugin,
    /// Only changes of assigned pods requeue no pod.
    pub(crate) only_changes: bool,
}

impl Plugin for NeverRequeues {
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

    fn pre_bind(&self, cluster: &Cluster, effect: &Effect, node: &Str) -> PreBind {
        self.plugin.pre_bind(cluster, effect, node)
    }

    fn queueing_hint(&self, pod: PodView<'_>, event: &ClusterEvent<'_>) -> QueueingHint {
        if self.only_changes && !matches!(event, ClusterEvent::PodChanged { .. }) {
            return self.plugin.queueing_hint(pod, event);
        }
        QueueingHint::Skip
    }
}
