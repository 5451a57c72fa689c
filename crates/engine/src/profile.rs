//! A profile: which plugins decide for a pod, in which order and with which weights. Resolved once; no parsing here.

use std::sync::Arc;

use berth_model::Str;

use crate::plugin::Plugin;

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
    /// Reserve what goes with a placement.
    pub reserve: Vec<Arc<dyn Plugin>>,
    /// Whether pods that fit nowhere may evict others (DefaultPreemption at PostFilter).
    pub preempts: bool,
}
