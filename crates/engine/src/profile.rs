//! A profile: which plugins decide for a pod, in which order and with which weights. Resolved once; no parsing here.

use std::sync::Arc;

use berth_model::Str;

use crate::event::Event;
use crate::plugin::Plugin;
use crate::plugins::{
    dynamic_resources::DynamicResources, image_locality::ImageLocality, inter_pod_affinity::InterPodAffinity,
    node_affinity::NodeAffinity, node_declared_features::NodeDeclaredFeatures, node_name::NodeName,
    node_ports::NodePorts, node_resources_balanced_allocation::NodeResourcesBalancedAllocation,
    node_resources_fit::NodeResourcesFit, node_unschedulable::NodeUnschedulable,
    node_volume_limits::NodeVolumeLimits, pod_topology_spread::PodTopologySpread,
    scheduling_gates::SchedulingGates, taint_toleration::TaintToleration, volume_binding::VolumeBinding,
    volume_restrictions::VolumeRestrictions, volume_zone::VolumeZone,
};
use crate::view::PodView;

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
    /// How long the volumes of a pod may take to be bound before its placement is given up, in milliseconds. For the
    /// shell: `bindTimeoutSeconds` of VolumeBinding's arguments.
    pub bind_timeout_millis: u64,
}

impl Profile {
    /// Whether something that happened may let a pod pass that these plugins rejected: any of them says so. Where no
    /// plugin has rejected the pod, or one that is not the profile's, anything may.
    pub fn unblocks(&self, pod: PodView<'_>, rejecting: &[&str], event: &Event<'_>) -> bool {
        let unblocks = |name: &&str| self.plugin(name).is_none_or(|plugin| plugin.unblocks(pod, event));
        rejecting.is_empty() || rejecting.iter().any(unblocks)
    }

    fn plugin(&self, name: &str) -> Option<&dyn Plugin> {
        let lists = [&self.pre_enqueue, &self.pre_filter, &self.filter, &self.reserve];
        lists.into_iter().flatten().find(|plugin| plugin.name() == name).map(|plugin| &**plugin)
    }

    /// Upstream's default profile: what kube-scheduler runs without a configuration.
    ///
    /// Upstream: `apis/config/v1/default_plugins.go` with default feature gates.
    pub fn standard(scheduler_name: impl Into<Str>) -> Self {
        let filters: Vec<Arc<dyn Plugin>> = vec![
            Arc::new(NodeName),
            Arc::new(NodeUnschedulable),
            Arc::new(TaintToleration),
            Arc::new(NodeAffinity::default()),
            Arc::new(NodePorts),
            Arc::new(NodeResourcesFit::default()),
            Arc::new(VolumeRestrictions),
            Arc::new(NodeVolumeLimits),
            Arc::new(VolumeBinding::default()),
            Arc::new(VolumeZone),
            Arc::new(PodTopologySpread::default()),
            Arc::new(InterPodAffinity::default()),
            Arc::new(DynamicResources),
            Arc::new(NodeDeclaredFeatures),
        ];
        Self {
            scheduler_name: scheduler_name.into(),
            pre_enqueue: vec![Arc::new(SchedulingGates), Arc::new(DynamicResources)],
            pre_filter: filters.clone(),
            filter: filters,
            score: vec![
                (Arc::new(TaintToleration), 3),
                (Arc::new(NodeAffinity::default()), 2),
                (Arc::new(NodeResourcesFit::default()), 1),
                (Arc::new(VolumeBinding::default()), 1),
                (Arc::new(PodTopologySpread::default()), 2),
                (Arc::new(InterPodAffinity::default()), 2),
                (Arc::new(DynamicResources), 2),
                (Arc::new(NodeResourcesBalancedAllocation::default()), 1),
                (Arc::new(ImageLocality), 1),
            ],
            reserve: vec![Arc::new(VolumeBinding::default()), Arc::new(DynamicResources)],
            preempts: true,
            bind_timeout_millis: 600_000,
        }
    }
}
