//! Pods that come, change and go.

use berth_engine::event::ClusterEvent;
use berth_engine::ids::PodRow;
use berth_engine::scan;
use berth_engine::view::PodView;
use berth_model::object::ObjectKey;
use berth_model::pod::Pod;
use berth_model::pod_manifest::PodManifest;

use crate::action::PodRef;
use crate::flow::Flow;
use crate::now::Now;
use crate::track::{Phase, Stage, Track};

impl Flow {
    /// A pod came or changed.
    pub(crate) fn pod_applied(&mut self, now: Now, mut manifest: PodManifest) {
        if self.evicting.contains(&manifest.pod.uid) {
            // This scheduler has asked for the eviction. The watch may not tell yet.
            (manifest.pod.terminating, manifest.pod.preempted) = (true, true);
        }
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
            self.wake(now, "AssignedPodAdd", &ClusterEvent::PodArrived { pod: row });
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
            watched_nominated: pod.nominated_node.clone(),
            condition,
            writing: None,
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
        let told = track.watch_tells_nomination(pod.nominated_node.as_ref());
        match (&track.stage, &pod.node) {
            (_, Some(_)) => self.pod_bound(now, row, pod),
            (Stage::Queued | Stage::Extending(_), None) => self.unbound_pod_changed(now, row, pod, told),
            (Stage::Binding(binding), None) => {
                // It is on its node already, as far as decisions go.
                let assumed = Pod { node: Some(binding.node.clone()), nominated_node: None, ..pod };
                self.bound_pod_changed(now, row, assumed);
            }
        }
    }

    /// A pod that is not placed yet changed. `told`: the API server has another nominated node than before.
    fn unbound_pod_changed(&mut self, now: Now, row: PodRow, mut pod: Pod, told: bool) {
        let hoped = self.former(row);
        let cluster = self.scheduler.cluster_mut();
        let entry = cluster.pods().entry(row);
        if !told {
            // What was decided here is ahead of what the API server has.
            pod.nominated_node.clone_from(&entry.pod.nominated_node);
        }
        let old = (entry.pod.spec.clone(), entry.pod.claim_statuses.clone());
        let stays = entry.pod.nominated_node == pod.nominated_node;
        let hopes = pod.nominated_node.is_some();
        cluster.update_pod(row, pod);
        let new = &cluster.pods().entry(row).pod;
        let same = (&new.spec, &new.claim_statuses) == (&old.0, &old.1);
        let profile = self.track(row).profile;
        let gated = self.is_gated(profile, row);
        if let Some(queue) = self.queue.set_gated(row, gated, now.millis) {
            self.report_queued(queue, "UnscheduledPodUpdate");
        } else if !same {
            self.wake_changed(now, row);
        } else if told
            && hopes
            && let Some(queue) = self.queue.wake(row, now.millis)
        {
            self.report_queued(queue, "TargetPodUpdate"); // somebody else's nomination: is it good for anything?
        }
        if !stays {
            self.wake_for_left(now, hoped);
        }
    }

    /// The API server says that a pod is bound which was on its way.
    fn pod_bound(&mut self, now: Now, row: PodRow, pod: Pod) {
        let binding = self.tracks.get_mut(row).and_then(Track::binding_mut);
        // Before its volumes are ready this scheduler has sent no binding. Then another scheduler bound the pod, perhaps to
        // the same node, and what is reserved for it here must be released.
        let as_assumed = binding.as_ref().is_some_and(|binding| {
            pod.node.as_ref() == Some(&binding.node) && !matches!(binding.phase, Phase::Volumes { .. })
        });
        let untold = binding.is_some_and(|binding| binding.phase != Phase::Done);
        if as_assumed && untold {
            self.tell_bound(now, row); // the watch was faster than the reply
        }
        if !as_assumed {
            self.give_back(now, row); // another scheduler bound it
        }
        self.queue.remove(row);
        self.tracks.settle(row);
        if as_assumed {
            self.bound_pod_changed(now, row, pod);
        } else {
            self.scheduler.cluster_mut().update_pod(row, pod);
            self.wake(now, "AssignedPodAdd", &ClusterEvent::PodArrived { pod: row });
        }
    }

    pub(crate) fn bound_pod_changed(&mut self, now: Now, row: PodRow, pod: Pod) {
        let former = self.former(row);
        let cluster = self.scheduler.cluster_mut();
        let before = cluster.changes().next();
        cluster.update_pod(row, pod);
        if let Some(old) = former
            && self.scheduler.cluster().changes().next() != before
        {
            self.wake(now, "AssignedPodUpdate", &ClusterEvent::PodChanged { pod: row, old: &old });
        }
    }

    /// A pod leaves, whatever it was doing.
    pub(crate) fn pod_gone(&mut self, now: Now, row: PodRow) {
        let former = self.former(row);
        let undone = self.undo_binding(row);
        self.queue.remove(row);
        let pod = &self.scheduler.cluster().pods().entry(row).pod;
        let (namespace, name) = (pod.spec.namespace.clone(), pod.name.clone());
        self.evicting.remove(&pod.uid);
        self.tracks.remove(&namespace, &name);
        self.scheduler.cluster_mut().remove_pod(row);
        self.wake_for_left(now, former);
        self.wake_for_undone(now, &undone);
    }

    /// Takes back what was decided for a pod, and tells those who wait for it.
    pub(crate) fn give_back(&mut self, now: Now, row: PodRow) {
        let former = self.former(row);
        let undone = self.undo_binding(row);
        if self.scheduler.cluster().pods().entry(row).row.is_none() {
            self.wake_for_left(now, former);
        }
        self.wake_for_undone(now, &undone);
    }

    pub(crate) fn is_gated(&self, profile: usize, row: PodRow) -> bool {
        let view = PodView::new(self.scheduler.cluster(), row);
        scan::gate(&self.scheduler.profiles()[profile], view).is_some()
    }
}
