//! Plays a scenario on a real control plane.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_up::nodes::{FAILED, complete};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::manifest::path;
use super::observer::{Observer, PodEvent};
use super::scenario::{Action, NodeAction, Scenario};
use crate::client::{Client, eventually};
use crate::up::machine::Machine;

/// How long a drain tries to evict pods that a budget protects.
const DRAIN: &str = "6s";

/// A control plane on which scenarios are played side by side.
pub(super) struct Stage<'a> {
    /// The machine that it runs on.
    pub machine: &'a Machine,
    /// Its name.
    pub name: &'a str,
    /// The administrator's client.
    pub api: Client,
    /// What it holds.
    pub observer: Observer,
    /// The version of Kubernetes.
    pub version: String,
    /// The storage classes of the control plane.
    pub classes: Vec<Value>,
}

/// What came of a scenario on the control plane.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Played {
    /// The nodes and storage classes at the beginning.
    pub nodes: Vec<Value>,
    /// All objects before the last step.
    pub before_last: Vec<Value>,
    /// All objects at the end.
    pub end: Vec<Value>,
    /// What happened to the pods.
    pub history: Vec<PodEvent>,
}

impl Stage<'_> {
    /// Plays all steps, and waits for rest after each.
    ///
    /// # Errors
    /// If the API server refuses something, or there is no rest.
    pub(super) fn play(&self, scenario: &Scenario) -> Result<Played> {
        let id = &scenario.id;
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": id}});
        self.api.create("/api/v1/namespaces", &namespace)?;
        for (index, node) in scenario.nodes.iter().enumerate() {
            self.add_node(node, index)?;
        }
        eventually("the namespace has its account", || {
            self.api.get(&format!("/api/v1/namespaces/{id}/serviceaccounts/default"))
        })?;
        eventually("the nodes are seen", || {
            Ok((self.observer.objects(id).len() >= scenario.nodes.len()).then_some(()))
        })?;
        let nodes = self.objects(id);
        self.apply(&scenario.before)?;
        self.rest(scenario)?;
        let mut before_last = Vec::new();
        for (at, step) in scenario.steps.iter().enumerate() {
            if at + 1 == scenario.steps.len() {
                before_last = self.objects(id);
            }
            self.act(id, step).with_context(|| format!("step {}", at + 1))?;
            let waits = matches!(scenario.steps.get(at + 1), Some(Action::Wait(_)));
            if !waits && !matches!(step, Action::Wait(_)) || at + 1 == scenario.steps.len() {
                self.rest(scenario).with_context(|| format!("step {}", at + 1))?;
            }
        }
        let (end, history) = (self.objects(id), self.observer.history(id));
        Ok(Played { nodes, before_last, end, history })
    }

    fn objects(&self, id: &str) -> Vec<Value> {
        let mut objects = self.observer.objects(id);
        objects.extend(self.classes.iter().cloned());
        objects
    }

    fn rest(&self, scenario: &Scenario) -> Result<()> {
        self.observer.await_rest(&scenario.id, Duration::from_secs_f64(scenario.quiet))
    }

    fn add_node(&self, node: &Value, index: usize) -> Result<()> {
        let millis = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
        let node = complete(node.clone(), index, &self.version, u64::try_from(millis)?);
        self.api.create("/api/v1/nodes", &node).map(|_| ())
    }

    fn apply(&self, objects: &[Value]) -> Result<()> {
        for object in objects {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let list = path(&text(&object["kind"]), object["metadata"]["namespace"].as_str())?;
            self.api.apply(&format!("{list}/{}", text(&object["metadata"]["name"])), object)?;
        }
        Ok(())
    }

    fn act(&self, id: &str, action: &Action) -> Result<()> {
        match action {
            Action::Apply(objects) => self.apply(objects),
            Action::Scale { kind, name, count } => {
                let field = if kind == "Job" { "parallelism" } else { "replicas" };
                let path = format!("{}/{name}", path(kind, Some(id))?);
                self.api.patch(&path, &json!({"spec": {field: count}})).map(|_| ())
            }
            Action::Delete { kind, name } => {
                self.api.delete_with_owned(&format!("{}/{name}", path(kind, Some(id))?))
            }
            Action::Node(action, node) => self.act_on_node(*action, node),
            Action::Add(node) => self.add_node(node, 0),
            Action::Wait(seconds) => {
                std::thread::sleep(Duration::from_secs(*seconds));
                Ok(())
            }
        }
    }

    fn act_on_node(&self, action: NodeAction, node: &str) -> Result<()> {
        let path = format!("/api/v1/nodes/{node}");
        let change = match action {
            NodeAction::Fail => json!({"metadata": {"annotations": {FAILED: "true"}}}),
            NodeAction::Recover => json!({"metadata": {"annotations": {FAILED: null}}}),
            NodeAction::Cordon => json!({"spec": {"unschedulable": true}}),
            NodeAction::Uncordon => json!({"spec": {"unschedulable": null}}),
            NodeAction::Remove => return self.api.delete(&path),
            NodeAction::Drain => {
                let said =
                    self.machine.berth(&["node", "drain", node, "--name", self.name, "--timeout", DRAIN])?;
                let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
                ensure!(said.status.success() || stderr.contains("a budget may protect them"), "{stderr}");
                return Ok(());
            }
        };
        self.api.patch(&path, &change).map(|_| ())
    }
}
