//! A profile: which plugins decide for a pod, in which order and with which weights. Resolved once; no parsing here.

use std::sync::Arc;

use berth_model::Str;

use crate::ids::name::PluginName;
use crate::plugin::event::ClusterEvent;
use crate::plugin::tie_break::TieBreak;
use crate::plugin::view::PodView;
use crate::plugin::{Plugin, QueueingHint};

/// The plugins of one scheduler name, by extension point.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Pods name their profile by this (`spec.schedulerName`).
    pub scheduler_name: Str,
    /// Keep pods out of the queue.
    pub pre_enqueue: Vec<Arc<dyn Plugin>>,
    /// Prepare filtering; may reject a pod outright or narrow the nodes.
    pub pre_filter: Vec<Arc<dyn Plugin>>,
    /// Judge nodes; the first rejection counts.
    pub filter: Vec<Arc<dyn Plugin>>,
    /// Score nodes, with weights.
    pub score: Vec<(Arc<dyn Plugin>, i64)>,
    /// Which of several nodes with the highest total is chosen.
    pub tie_break: TieBreak,
    /// Reserve what goes with a placement.
    pub reserve: Vec<Arc<dyn Plugin>>,
    /// Whether pods that fit nowhere may evict others (DefaultPreemption at PostFilter).
    pub preempts: bool,
    /// How long the volumes of a pod may take to be bound before its placement is given up, in milliseconds. For the
    /// shell: `bindTimeoutSeconds` of VolumeBinding's arguments.
    pub bind_timeout_millis: u64,
}

impl Profile {
    /// Whether an event may let a pod pass that these plugins rejected: it may if one of them says so. If no plugin
    /// rejected the pod, or one that the profile does not run, any event may.
    pub fn queueing_hint(
        &self,
        pod: PodView<'_>,
        rejecting: &[PluginName],
        event: &ClusterEvent<'_>,
    ) -> QueueingHint {
        let may_help = |name: &PluginName| {
            let plugin = self.plugin(name);
            plugin.is_none_or(|plugin| plugin.queueing_hint(pod, event) == QueueingHint::Queue)
        };
        QueueingHint::queue_if(rejecting.is_empty() || rejecting.iter().any(may_help))
    }

    fn plugin(&self, name: &str) -> Option<&dyn Plugin> {
        let lists = [&self.pre_enqueue, &self.pre_filter, &self.filter, &self.reserve];
        lists.into_iter().flatten().find(|plugin| plugin.name() == *name).map(|plugin| &**plugin)
    }

    /// A profile without plugins.
    pub fn empty(scheduler_name: impl Into<Str>) -> Self {
        Self {
            scheduler_name: scheduler_name.into(),
            pre_enqueue: Vec::new(),
            pre_filter: Vec::new(),
            filter: Vec::new(),
            score: Vec::new(),
            tie_break: TieBreak::default(),
            reserve: Vec::new(),
            preempts: false,
            bind_timeout_millis: 600_000,
        }
    }
}
