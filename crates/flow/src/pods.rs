//! Pods that come, change and go.

use berth_engine::cycle;
use berth_engine::ids::PodRow;
use berth_engine::view::PodView;
use berth_model::pod::Pod;
use berth_wire::{ObjectKey, PodManifest};

use crate::action::PodRef;
use crate::flow::Flow;
use crate::now::Now;
use crate::track::{Phase, Stage, Track};
use crate::waking::Cause;

impl Flow {
    /// A pod came or changed.
    pub(crate) fn pod_applied(&mut self, now: Now, manifest: PodManifest) {
        let pod = &manifest.pod;
        let known = self.tracks.find(&pod.spec.namespace, &pod.name);
        match known {
            Some(row) if self.scheduler.cluster().pods().entry(row).pod.uid == pod.uid => {
                self.pod_changed(now, row, manifest);
            }
            Some(row) => {
                self.pod_gone(now, row); // it was made again under the same name
                self.pod_came(now, manifest);
            }
            None => self.pod_came(now, manifest),
        }
    }

    /// A pod is gone, or has ended.
    pub(crate) fn pod_deleted(&mut self, now: Now, key: &ObjectKey) {
        if let Some(row) = self.tracks.find(&key.namespace, &key.name) {
            self.pod_gone(now, row);
        }
    }

    fn pod_came(&mut self, now: Now, manifest: PodManifest) {
        let pod = manifest.pod;
        let (namespace, name) = (pod.spec.namespace.clone(), pod.name.clone());
        if pod.node.is_some() {
            let row = self.scheduler.cluster_mut().add_pod(pod);
            self.tracks.insert(namespace, name, row, None);
            self.wake(now, &Cause::PodArrived(row));
            return;
        }
        let wanted = &pod.spec.scheduler_name;
        let Some(profile) = self.settings.profiles.iter().position(|p| p.scheduler_name == *wanted) else {
            return; // another scheduler's, until it is bound
        };
        let condition = manifest.scheduled.filter(|c| &*c.status == "False").map(|c| (c.reason, c.message));
        let track = Track {
            pod: PodRef { namespace: namespace.clone(), name: name.clone(), uid: pod.uid.clone() },
            profile,
            generation: manifest.generation,
            seen_nominated: pod.nominated_node.clone(),
            condition,
            stage: Stage::Queued,
        };
        let priority = pod.spec.priority;
        let row = self.scheduler.cluster_mut().add_pod(pod);
        self.tracks.insert(namespace, name, row, Some(track));
        let gated = self.is_gated(profile, row);
        self.queue.add(row, priority, gated, now.millis);
        self.report_queued(if gated { "gated" } else { "active" }, "UnscheduledPodAdd");
    }

    fn pod_changed(&mut self, now: Now, row: PodRow, manifest: PodManifest) {
        let pod = manifest.pod;
        let Some(track) = self.tracks.get_mut(row) else {
            self.bound_pod_changed(now, row, pod);
            return;
        };
        track.generation = manifest.generation;
        let before = track.seen_nominated.clone();
        track.seen_nominated.clone_from(&pod.nominated_node);
        let told = before != pod.nominated_node;
        match (&track.stage, &pod.node) {
            (_, Some(_)) => self.pod_bound(now, row, pod),
            (Stage::Queued | Stage::Extending(_), None) => self.unbound_pod_changed(now, row, pod, told),
            (Stage::Binding(binding), None) => {
                // It is on its node already, as far as decisions go.
                let assumed = Pod { node: Some(binding.node.clone()), nominated_node: None, ..pod };
                self.scheduler.cluster_mut().update_pod(row, assumed);
            }
        }
    }

    /// A pod that is not placed yet changed. `told`: the API server has another nominated node than before.
    fn unbound_pod_changed(&mut self, now: Now, row: PodRow, mut pod: Pod, told: bool) {
        let cluster = self.scheduler.cluster_mut();
        let entry = cluster.pods().entry(row);
        if !told {
            // What was decided here is ahead of what the API server has.
            pod.nominated_node.clone_from(&entry.pod.nominated_node);
        }
        let old = entry.pod.spec.clone();
        cluster.update_pod(row, pod);
        let same = cluster.pods().entry(row).pod.spec == old;
        let profile = self.track(row).profile;
        let gated = self.is_gated(profile, row);
        if let Some(queue) = self.queue.set_gated(row, gated, now.millis) {
            self.report_queued(queue, "UnscheduledPodUpdate");
        } else if !same {
            self.regroup(row);
            self.wake_one(now, row);
        }
    }

    /// The API server says that a pod is bound which was on its way.
    fn pod_bound(&mut self, now: Now, row: PodRow, pod: Pod) {
        let node = pod.node.clone();
        let mut as_assumed = false;
        let mut confirmed = None;
        if let Some(track) = self.tracks.get(row) {
            if let Stage::Binding(binding) = &track.stage {
                as_assumed = node.as_ref() == Some(&binding.node);
                confirmed = Some(!matches!(binding.phase, Phase::Done));
            }
        }
        if as_assumed && confirmed == Some(true) {
            self.tell_bound(now, row); // the watch was faster than the reply
        } else if !as_assumed && confirmed.is_some() {
            self.undo_binding(row); // someone else bound it elsewhere
        }
        self.queue.remove(row);
        self.tracks.settle(row);
        self.scheduler.cluster_mut().update_pod(row, pod);
        if !as_assumed {
            self.wake(now, &Cause::PodArrived(row));
        }
    }

    fn bound_pod_changed(&mut self, now: Now, row: PodRow, pod: Pod) {
        let cluster = self.scheduler.cluster_mut();
        let old = cluster.pods().entry(row).pod.spec.clone();
        let before = cluster.changes().next();
        cluster.update_pod(row, pod);
        if cluster.changes().next() != before && cluster.pods().entry(row).pod.spec != old {
            self.wake(now, &Cause::PodChanged(row, old));
        }
    }

    /// A pod leaves, whatever it was doing.
    pub(crate) fn pod_gone(&mut self, now: Now, row: PodRow) {
        self.undo_binding(row);
        self.queue.remove(row);
        let cluster = self.scheduler.cluster();
        let pod = cluster.pods().entry(row).pod.clone();
        let held = cluster.pods().entry(row).row.is_some() || pod.nominated_node.is_some();
        self.tracks.remove(&pod.spec.namespace, &pod.name);
        let left = self.leaving(row);
        self.scheduler.cluster_mut().remove_pod(row);
        if held {
            self.wake(now, &left);
        }
    }

    pub(crate) fn is_gated(&self, profile: usize, row: PodRow) -> bool {
        let view = PodView::new(self.scheduler.cluster(), row);
        cycle::gate(&self.scheduler.profiles()[profile], view).is_some()
    }
}
