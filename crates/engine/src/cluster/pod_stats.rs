//! What the pods of a node are at the most and at the least: enough to tell how little harm evictions there can do.

use berth_model::UnixSeconds;
use berth_model::pod::Pod;

use crate::ids::ResourceId;
use crate::pod_class::PodClass;

/// When a pod started; one that has not is later than all that have.
pub type Start = (bool, Option<UnixSeconds>);

/// The resources whose largest request is known: CPU (in milli-CPU) and memory (in bytes).
pub const TRACKED_RESOURCES: [ResourceId; 2] = [ResourceId::CPU, ResourceId::MEMORY];

/// The extremes over the pods of a node, and over a few that left it lately: so no bound is too narrow, and a node with
/// ten thousand pods is not counted again each time that one leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodePodStats {
    /// The lowest priority; `None` where there is no pod.
    pub lowest_priority: Option<i32>,
    /// The largest request of each of [`TRACKED_RESOURCES`].
    pub largest: [i64; TRACKED_RESOURCES.len()],
    /// The latest start.
    pub latest: Start,
    /// How many pods left or started since all were counted.
    departed: usize,
}

impl NodePodStats {
    /// Of these pods alone.
    pub fn of<'a>(pod_stats: impl Iterator<Item = (&'a Pod, &'a PodClass)>) -> Self {
        pod_stats.fold(Self::default(), |mut all, (pod, class)| {
            all.add(pod, class);
            all
        })
    }

    /// Notes that one of the pods left or changed. Answers whether all must be counted again.
    pub(crate) fn is_outdated(&mut self, pods: usize) -> bool {
        self.departed += 1;
        self.departed > pods / 8
    }

    /// Takes one more pod into account.
    pub fn add(&mut self, pod: &Pod, class: &PodClass) {
        let priority = class.spec.priority;
        self.lowest_priority = Some(self.lowest_priority.map_or(priority, |lowest| lowest.min(priority)));
        for (largest, resource) in self.largest.iter_mut().zip(TRACKED_RESOURCES) {
            *largest = class.request(resource).max(*largest);
        }
        self.latest = self.latest.max((pod.started.is_none(), pod.started));
    }
}
