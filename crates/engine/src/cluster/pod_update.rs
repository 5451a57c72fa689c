//! What a watch says of a pod that is known already.

use berth_model::pod::Pod;

use super::{Change, Cluster, PodChange};
use crate::ids::PodRow;

impl Cluster {
    /// Takes a pod's new state in place: its row stays its own. Where nothing is new nothing happens.
    ///
    /// A pod that is on a node stays there where the update names none: the binding is still on its way
    /// ([`Cluster::unassign`] takes a pod off its node). One that is bound is nominated nowhere.
    pub fn update_pod(&mut self, row: PodRow, mut pod: Pod) {
        let before = &self.pods.entry(row).pod;
        if pod.node.is_none() {
            pod.node.clone_from(&before.node);
        }
        if *before == pod {
            return;
        }
        self.note_pod(row);
        let before = &self.pods.entry(row).pod;
        if before.spec == pod.spec {
            pod.spec = before.spec.clone(); // one allocation for all that are equal
        }
        let class = self.classify(&pod.spec);
        let entry = self.pods.entry(row);
        let before = &entry.pod;
        // Claims are known by their names, and those that are made for a pod by its name and uid.
        let same_volumes =
            (&before.name, &before.uid, &before.spec.volumes) == (&pod.name, &pod.uid, &pod.spec.volumes);
        if entry.class == class && before.node == pod.node && same_volumes {
            self.refresh(row, pod);
            return;
        }
        if let Some(nominated) = before.nominated_node.clone() {
            self.void_nomination(row, &nominated);
        }
        self.leave(row);
        self.pods.replace(row, pod, class);
        self.count_pod(row);
        self.retire_classes();
    }

    /// Takes what is new of a pod that stays where it is and what it is.
    fn refresh(&mut self, row: PodRow, pod: Pod) {
        let before = &self.pods.entry(row).pod;
        let restarted = before.started != pod.started;
        let terminating = i8::from(pod.terminating) - i8::from(before.terminating);
        if pod.node.is_none() && before.nominated_node != pod.nominated_node {
            self.nominate_to(row, pod.nominated_node.clone());
        }
        let (class, node) = (self.pods.entry(row).class, self.pods.entry(row).row);
        if let Some(node) = node
            && restarted
        {
            let old = &self.pods.entry(row).pod;
            let class = self.pods.class(class);
            let was_unseen = self.loads.count(node, old, class, -1);
            if self.loads.count(node, &pod, class, 1) != was_unseen {
                self.changes.push(Change::Load(Some(node))); // a measurement knows of it now, or not any more
            }
        }
        self.pods.refresh(row, pod);
        if let Some(node) = node.filter(|_| restarted) {
            self.nodes.pod_stats[node.index()].add(&self.pods.entry(row).pod, self.pods.class_of(row));
            self.revise_pod_stats(node);
        }
        if let Some(row) = node.filter(|_| terminating != 0) {
            self.changes.push(Change::Pod(PodChange { row, class, pods: 0, terminating }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixture::{World, container, labels};
    use crate::ids::{NodeRow, ResourceId};

    fn world() -> (World, NodeRow, PodRow) {
        let mut world = World::default();
        let node = world.node("n1", |_| {});
        world.node("n2", |_| {});
        let pod = world.pod("web", |_, spec| spec.containers = vec![container(&[("cpu", "1")])]);
        (world, node, pod)
    }

    fn update(world: &mut World, row: PodRow, change: impl FnOnce(&mut Pod)) -> u64 {
        let before = world.cluster.changes().next();
        let mut pod = world.cluster.pods().entry(row).pod.clone();
        change(&mut pod);
        world.cluster.update_pod(row, pod);
        world.cluster.changes().next() - before
    }

    fn cpu(world: &World, node: NodeRow) -> i64 {
        world.cluster.nodes().requested(node, ResourceId::CPU)
    }

    #[test]
    fn an_update_without_news_or_with_an_equal_spec_changes_nothing() {
        let (mut world, node, pod) = world();
        world.cluster.assign(pod, node);
        assert_eq!(update(&mut world, pod, |_| {}), 0);
        assert_eq!(update(&mut world, pod, |pod| pod.spec = Arc::new((*pod.spec).clone())), 0);
        assert_eq!(update(&mut world, pod, |pod| pod.node = None), 0, "it stays where it is");
        assert_eq!(world.cluster.pods().entry(pod).row, Some(node));
        assert_eq!(update(&mut world, pod, |pod| pod.started = Some(7)), 0);
        assert_eq!(world.cluster.pods().entry(pod).pod.started, Some(7));
    }

    #[test]
    fn a_pod_changes_its_requests_and_labels_in_place() {
        let (mut world, node, pod) = world();
        world.cluster.assign(pod, node);
        update(&mut world, pod, |pod| {
            let mut spec = (*pod.spec).clone();
            spec.labels = labels(&[("app", "web")]);
            spec.containers = vec![container(&[("cpu", "2")])];
            pod.spec = Arc::new(spec);
        });
        assert_eq!(cpu(&world, node), 2000);
        assert_eq!(world.cluster.nodes().pods(node), [pod]);
        let class = world.cluster.pods().entry(pod).class;
        assert_eq!((world.cluster.pods().members(class), world.cluster.pods().len()), (1, 1));
        assert!(world.cluster.pods().class_of(pod).has_labels);
    }

    #[test]
    fn a_waiting_pod_is_bound_by_someone_else_also_to_a_node_that_is_not_there_yet() {
        let (mut world, node, pod) = world();
        update(&mut world, pod, |pod| pod.nominated_node = Some("n2".into()));
        assert!(world.cluster.has_nominations());
        update(&mut world, pod, |pod| pod.node = Some("n1".into()));
        assert_eq!((cpu(&world, node), world.cluster.has_nominations()), (1000, false));
        update(&mut world, pod, |pod| pod.node = Some("n3".into()));
        assert_eq!((cpu(&world, node), world.cluster.pods().entry(pod).row), (0, None));
        let n3 = world.node("n3", |_| {});
        assert_eq!(cpu(&world, n3), 1000);
    }

    #[test]
    fn a_pod_that_starts_to_terminate_is_counted_as_such() {
        let (mut world, node, pod) = world();
        world.cluster.assign(pod, node);
        assert_eq!(update(&mut world, pod, |pod| pod.terminating = true), 1);
        let class = world.cluster.pods().entry(pod).class;
        let placements = world.cluster.pods().placements(class).entries();
        assert_eq!((placements[0].pods, placements[0].terminating), (1, 1));
        world.cluster.remove_pod(pod);
        assert_eq!(cpu(&world, node), 0);
    }
}
