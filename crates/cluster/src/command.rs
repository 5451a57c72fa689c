//! What the user does while time passes: nodes fail and recover, objects are applied, deleted and scaled, pods arrive.

use berth_model::Str;
use berth_model::object::{Object, ObjectKey};
use berth_model::selector::LabelSelector;
use berth_model::workload::{PodCount, Workload};

use crate::Millis;
use crate::record::{Cause, Note};
use crate::simulation::{Made, Simulation};
use crate::timers::Timer;

/// Something that the user does at a time.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// When, in milliseconds since the beginning.
    pub at: Millis,
    /// It is done again and again after this time.
    pub every: Option<Millis>,
    /// What is done.
    pub command: Command,
    /// What the user wrote, for the report; empty if the report does not list it.
    pub text: String,
}

/// Which nodes are meant.
#[derive(Clone, Debug)]
pub enum NodeQuery {
    /// The node of this name.
    Name(Str),
    /// All nodes with these labels.
    Labels(LabelSelector),
}

/// What a user does.
#[derive(Clone, Debug)]
pub enum Command {
    /// The machines fail.
    Fail(NodeQuery),
    /// The machines work again.
    Recover(NodeQuery),
    /// The nodes take no new pods.
    Cordon(NodeQuery),
    /// The nodes take pods again.
    Uncordon(NodeQuery),
    /// The nodes are cordoned, and their pods are evicted.
    Drain {
        /// The nodes.
        nodes: NodeQuery,
        /// Also pods without a controller.
        force: bool,
    },
    /// The nodes' objects are deleted, and the machines with them.
    Remove(NodeQuery),
    /// Objects are applied, as `kubectl apply` does.
    Apply(Vec<Object>),
    /// An object is deleted.
    Delete(ObjectKey),
    /// A workload gets another number of pods.
    Scale {
        /// The workload.
        key: ObjectKey,
        /// `spec.replicas`, or `spec.parallelism` of a Job.
        count: i32,
    },
    /// A pod is created. The report counts it in a group.
    Arrive(Box<berth_model::pod_manifest::PodManifest>, Str),
}

/// How long a drain waits before it tries to evict pods again that a budget protects.
const DRAIN_INTERVAL: Millis = 5_000;

impl Simulation {
    /// Does what the user does at this time.
    pub(crate) fn command(&mut self, place: usize) {
        let Some(scheduled) = self.commands[place].take() else { return };
        if let Some(every) = scheduled.every {
            self.timers.set(self.now + every.max(1), Timer::Command(place));
            self.commands[place] = Some(scheduled.clone());
        }
        let Scheduled { command, text, .. } = scheduled;
        let done = match command {
            Command::Fail(nodes) => self.for_nodes(&nodes, Self::fail_node),
            Command::Recover(nodes) => self.for_nodes(&nodes, Self::recover_node),
            Command::Cordon(nodes) => self.for_nodes(&nodes, |this, id| this.cordon(id, true)),
            Command::Uncordon(nodes) => self.for_nodes(&nodes, |this, id| this.cordon(id, false)),
            Command::Drain { nodes, force } => self.for_nodes(&nodes, |this, id| this.begin_drain(id, force)),
            Command::Remove(nodes) => self.for_nodes(&nodes, Self::remove_node),
            Command::Apply(objects) => {
                let count = objects.len();
                objects.into_iter().for_each(|object| self.apply(object));
                format!("{count} objects")
            }
            Command::Delete(key) => self.delete_object(&key),
            Command::Scale { key, count } => self.scale(&key, count),
            Command::Arrive(manifest, group) => {
                self.admit_and_create(*manifest, Made { group: Some(group), ..Made::default() });
                return;
            }
        };
        if !text.is_empty() {
            self.recorder.notes.push(Note { at: self.now, text: format!("{text}: {done}") });
        }
    }

    fn for_nodes(&mut self, query: &NodeQuery, act: impl Fn(&mut Self, u32)) -> String {
        let ids: Vec<u32> = match query {
            NodeQuery::Name(name) => self.nodes.find(name).into_iter().collect(),
            NodeQuery::Labels(selector) => {
                let matches =
                    |name: &Str| self.node_labels(name).is_some_and(|labels| selector.matches(&labels));
                self.nodes.iter().filter(|(_, node)| matches(&node.name)).map(|(id, _)| id).collect()
            }
        };
        ids.iter().for_each(|id| act(self, *id));
        match ids.len() {
            1 => "1 node".to_owned(),
            count => format!("{count} nodes"),
        }
    }

    fn node_labels(&self, name: &Str) -> Option<berth_model::labels::Labels> {
        let kind = berth_model::object::Kind::Node;
        match self.object(&ObjectKey { kind, namespace: Str::default(), name: name.clone() }) {
            Some(Object::Node(node)) => Some(node.labels),
            _ => None,
        }
    }

    fn begin_drain(&mut self, id: u32, force: bool) {
        self.cordon(id, true);
        if let Some(state) = self.nodes.get_mut(id) {
            state.draining = Some(force);
        }
        self.drain(id);
    }

    /// Evicts the pods of a node that budgets allow to evict, and tries again later if there are others.
    pub(crate) fn drain(&mut self, id: u32) {
        let Some(state) = self.nodes.get(id).filter(|state| state.exists) else { return };
        let Some(force) = state.draining else { return };
        let mut is_done = true;
        for pod in state.pods.clone() {
            self.sync_budgets();
            let Some(record) = self.pods.get(pod).filter(|record| !record.terminating) else { continue };
            let is_daemon = record.owner.is_some_and(|owner| self.is_daemon_set(owner));
            if is_daemon || (record.owner.is_none() && !force) {
                continue;
            }
            let (reference, costs_nothing) = (record.reference(), self.costs_nothing(record));
            match self.store.take_disruption(&reference, costs_nothing) {
                Ok(()) => self.delete_pod(pod, Some(Cause::Drain)),
                Err(_) => is_done = false,
            }
        }
        if is_done {
            if let Some(state) = self.nodes.get_mut(id) {
                state.draining = None;
            }
        } else {
            self.timers.set(self.now + DRAIN_INTERVAL, Timer::Drain(id));
        }
    }

    fn scale(&mut self, key: &ObjectKey, count: i32) -> String {
        let Some(Object::Workload(mut workload)) = self.object(key) else {
            return "does not exist".to_owned();
        };
        let before = match &mut workload.count {
            PodCount::Replicas { count: now, .. } => std::mem::replace(now, count),
            PodCount::Job { parallelism, .. } => std::mem::replace(parallelism, count),
            PodCount::PerNode => return "its nodes decide how many pods it has".to_owned(),
        };
        self.write_workload(workload);
        format!("{before} to {count}")
    }

    /// Stores a workload that has changed.
    pub(crate) fn write_workload(&mut self, workload: Box<Workload>) {
        let object = Object::Workload(workload);
        let id = self.workloads.find(&object.key());
        self.store.put(object);
        if let Some(id) = id {
            self.workloads.wake(id);
            self.set_desired(id);
        }
    }
}
