//! DaemonSets: one pod on each node that takes it. The index of a daemon pod's record is the number of its node.

use berth_controllers::change::{NewPod, PodChange};
use berth_controllers::daemon_set::{NodeState, Strategy, View, fits, reconcile};
use berth_controllers::pod::PodState;
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_model::workload::{Rollout, Workload, WorkloadKind};
use berth_sim::template::{only, prefix, tolerate_conditions};
use rustc_hash::FxHashMap;

use crate::server::pod_key;
use crate::simulation::{Made, Simulation};

impl Simulation {
    /// Nodes have changed: all DaemonSets are looked at.
    pub(crate) fn wake_daemon_sets(&mut self) {
        self.nodes.version += 1;
        let kind = Kind::Workload(WorkloadKind::DaemonSet);
        let sets = self.workloads.iter().filter(|(_, state)| state.key.kind == kind);
        let ids: Vec<u32> = sets.map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.workloads.wake(id));
    }

    pub(super) fn sync_daemon_set(&mut self, id: u32, set: &Workload) {
        let state = self.workloads.get(id);
        let version = (self.nodes.version, state.revision);
        if state.settled == Some(version) {
            return;
        }
        let strategy = match set.rollout {
            Rollout::Rolling { surge, unavailable, .. } => Strategy::RollingUpdate { surge, unavailable },
            Rollout::OnDelete | Rollout::Recreate => Strategy::OnDelete,
        };
        let mut spec = set.template.spec(set.namespace.clone(), set.template.labels.clone(), None);
        tolerate_conditions(&mut spec);
        let bound_to = set.template.node().map(|name| &**name);
        let mut nodes = Vec::new();
        let mut places = FxHashMap::default();
        for (node, state) in self.nodes.iter() {
            let key = ObjectKey { kind: Kind::Node, namespace: Str::default(), name: state.name.clone() };
            let Some(Object::Node(object)) = self.store.get(&key).map(|object| &**object) else { continue };
            let (should_run, may_stay) = fits(object, &spec, bound_to);
            places.insert(node, nodes.len());
            nodes.push(NodeState { id: node, should_run, may_stay });
        }
        let mut pods: Vec<Vec<PodState>> = vec![Vec::new(); nodes.len()];
        for state in self.states(id) {
            let node = state.index.and_then(|node| u32::try_from(node).ok());
            if let Some(place) = node.and_then(|node| places.get(&node)) {
                pods[*place].push(state);
            }
        }
        let min_ready_seconds = set.timing.min_ready_seconds;
        self.available(id, min_ready_seconds);
        let view = View { strategy, min_ready_seconds, terminating: false, nodes: &nodes, pods: &pods };
        let changes = reconcile(&view, self.unix_seconds());
        if changes.is_empty() && pods.iter().flatten().all(|pod| pod.updated) {
            self.workloads.get_mut(id).settled = Some(version);
        }
        for change in changes {
            match change {
                PodChange::Delete(pod) => self.delete_pod(pod, None),
                PodChange::Create(NewPod::OnNode(node)) => self.make_daemon(id, set, node),
                PodChange::Create(_) => {}
            }
        }
    }

    fn make_daemon(&mut self, id: u32, set: &Workload, node: u32) {
        let Some(node_name) = self.nodes.get(node).map(|state| state.name.clone()) else { return };
        let template = &set.template;
        let own = |spec: &mut berth_model::pod::PodSpec| {
            tolerate_conditions(spec);
            spec.node_affinity.required = Some(only(&node_name));
        };
        let Some(spec) = self.admitted(id, set, template, template.labels.clone(), own) else { return };
        // The node's name says more than a number.
        let mut name = Str::from(format!("{}{node_name}", prefix(&set.name)));
        if self.store.get(&pod_key(&set.namespace, &name)).is_some() {
            name = self.numbered_name(id, &set.namespace, &format!("{name}-"));
        }
        let revision = self.workloads.get(id).revision;
        let made = Made { owner: Some(id), revision, index: i32::try_from(node).ok(), group: None };
        self.make_pod(name, spec, template, made);
    }
}
