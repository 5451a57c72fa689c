//! What `berth node` does to the simulated nodes of a control plane, all through its API server.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::api::{Api, Change};
use crate::instance::Instance;
use crate::nodes::{FAILED, SIMULATED, Shape, complete, new};
use crate::running::now_millis;

/// The list of nodes.
const NODES: &str = "/api/v1/nodes";
/// The pause between two tries to evict the pods that a budget protects, as `kubectl drain` has it.
const PAUSE: Duration = Duration::from_secs(1);

/// The nodes of a control plane that runs.
pub struct Nodes {
    runtime: Runtime,
    api: Api,
}

/// A node in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// `Ready`, `NotReady`, or `Unknown` if it sends no heartbeats; then what else is to be known.
    pub state: String,
    /// The zone.
    pub zone: String,
    /// How many pods it has that have not ended.
    pub pods: usize,
    /// What it offers to pods.
    pub cpu: String,
    /// What it offers to pods.
    pub memory: String,
}

impl Nodes {
    /// The nodes of a control plane.
    ///
    /// # Errors
    /// If it does not run.
    pub fn of(instance: &Instance) -> Result<Self> {
        ensure!(
            instance.runs().is_some(),
            "{:?} does not run; start it with `berth up --name {}`",
            instance.name,
            instance.name
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let api = runtime.block_on(Api::connect_without_retries(&instance.kubeconfig()))?;
        Ok(Self { runtime, api })
    }

    /// Adds `count` nodes with the next free names `node-N`; returns their names.
    ///
    /// # Errors
    /// If the API server refuses.
    pub fn add(&self, count: usize, shape: &Shape) -> Result<Vec<String>> {
        let nodes = self.items(NODES)?;
        let taken = |name: &str| nodes.iter().any(|node| node["metadata"]["name"] == name);
        let version = nodes.iter().find_map(|node| node["status"]["nodeInfo"]["kubeletVersion"].as_str());
        let free = (0..).map(|index| (index, format!("node-{index}"))).filter(|(_, name)| !taken(name));
        let chosen: Vec<(usize, String)> = free.take(count).collect();
        let objects = chosen.iter().map(|(index, name)| {
            let node = new(name, *index, shape);
            (NODES.to_owned(), complete(node, *index, version.unwrap_or_default(), now_millis()))
        });
        self.runtime.block_on(self.api.ensure_all(objects.collect()))?;
        Ok(chosen.into_iter().map(|(_, name)| name).collect())
    }

    /// Cuts nodes off, or brings them back: a node that has failed sends no heartbeats and does nothing about its pods.
    ///
    /// # Errors
    /// If there is no such node, or it is not a simulated one.
    pub fn set_failed(&self, names: &[String], failed: bool) -> Result<()> {
        for name in names {
            self.simulated(name)?;
            let value = if failed { json!("true") } else { Value::Null };
            self.change(name, json!({"metadata": {"annotations": {FAILED: value}}}))?;
        }
        Ok(())
    }

    /// Marks nodes as unschedulable and evicts their pods, except those of DaemonSets. Waits until the pods are gone,
    /// also for budgets that forbid an eviction now. Returns how many pods were evicted.
    ///
    /// # Errors
    /// If there is no such node, or pods are left after `limit`: the error names the first.
    pub fn drain(&self, names: &[String], limit: Duration) -> Result<usize> {
        let mut evicted = 0;
        for name in names {
            self.change(name, json!({"spec": {"unschedulable": true}}))?;
            evicted += self.runtime.block_on(self.evict_all(name, Instant::now() + limit))?;
        }
        Ok(evicted)
    }

    /// All nodes by name.
    ///
    /// # Errors
    /// If the API server does not answer.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let pods = self.items("/api/v1/pods")?;
        let nodes = self.items(NODES)?;
        Ok(nodes.iter().map(|node| listed(node, &pods)).collect())
    }

    async fn evict_all(&self, name: &str, end: Instant) -> Result<usize> {
        let mut asked = std::collections::BTreeSet::new();
        loop {
            let list = self.api.get(&format!("/api/v1/pods?fieldSelector=spec.nodeName={name}")).await?;
            let pods = list.map(items).unwrap_or_default();
            let pods: Vec<&Value> = pods.iter().filter(|pod| is_evicted(pod)).collect();
            let Some(first) = pods.first() else { return Ok(asked.len()) };
            if Instant::now() > end {
                let pod = full_name(first);
                bail!(
                    "{name} is cordoned, but {} pods are left, {pod} among them: a budget may protect them",
                    pods.len()
                );
            }
            for pod in pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()) {
                let meta = &pod["metadata"];
                let path = format!(
                    "/api/v1/namespaces/{}/pods/{}/eviction",
                    text(&meta["namespace"]),
                    text(&meta["name"])
                );
                let body = json!({
                    "apiVersion": "policy/v1", "kind": "Eviction",
                    "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
                    "deleteOptions": {"preconditions": {"uid": meta["uid"]}},
                });
                match self.api.send(&Change::create(path, body)).await {
                    Ok(_) => {
                        asked.insert(text(&meta["uid"]).to_owned());
                    }
                    // 429: a budget forbids it now. 404, 409: it is gone.
                    Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 429) => {}
                    Err(error) => {
                        return Err(error).with_context(|| format!("cannot evict {}", full_name(pod)));
                    }
                }
            }
            sleep(if asked.is_empty() { PAUSE } else { PAUSE / 10 }).await;
        }
    }

    fn simulated(&self, name: &str) -> Result<()> {
        let node = self.runtime.block_on(self.api.get(&format!("{NODES}/{name}")))?;
        let node = node.with_context(|| format!("there is no node {name}; berth node list shows all"))?;
        let is_simulated = !node["metadata"]["annotations"][SIMULATED].is_null();
        ensure!(is_simulated, "{name} is not a simulated node: it has no annotation {SIMULATED}");
        Ok(())
    }

    fn change(&self, name: &str, body: Value) -> Result<()> {
        match self.runtime.block_on(self.api.send(&Change::merge(format!("{NODES}/{name}"), body))) {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                bail!("there is no node {name}; berth node list shows all")
            }
            answer => answer.map(|_| ()).with_context(|| format!("cannot change node {name}")),
        }
    }

    fn items(&self, path: &str) -> Result<Vec<Value>> {
        let list = self.runtime.block_on(self.api.get(path))?;
        Ok(list.map(items).unwrap_or_default())
    }
}

fn listed(node: &Value, pods: &[Value]) -> Listed {
    let meta = &node["metadata"];
    let conditions = node["status"]["conditions"].as_array();
    let ready = conditions.and_then(|all| all.iter().find(|condition| condition["type"] == "Ready"));
    let mut state = match ready.map(|condition| text(&condition["status"])) {
        Some("True") => "Ready".to_owned(),
        Some("Unknown") => "Unknown".to_owned(),
        _ => "NotReady".to_owned(),
    };
    if !meta["annotations"][FAILED].is_null() {
        state.push_str(",failed");
    }
    if node["spec"]["unschedulable"] == true {
        state.push_str(",cordoned");
    }
    let counts = |pod: &&Value| {
        pod["spec"]["nodeName"] == meta["name"]
            && !matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed")
    };
    let offer = &node["status"]["allocatable"];
    Listed {
        name: text(&meta["name"]).to_owned(),
        state,
        zone: text(&meta["labels"]["topology.kubernetes.io/zone"]).to_owned(),
        pods: pods.iter().filter(counts).count(),
        cpu: text(&offer["cpu"]).to_owned(),
        memory: text(&offer["memory"]).to_owned(),
    }
}

/// Whether `kubectl drain --ignore-daemonsets` would evict the pod. Pods that have ended are deleted too.
fn is_evicted(pod: &Value) -> bool {
    let meta = &pod["metadata"];
    let of_daemon_set = meta["ownerReferences"].as_array().is_some_and(|owners| {
        owners.iter().any(|owner| owner["kind"] == "DaemonSet" && owner["controller"] == true)
    });
    !of_daemon_set && meta["annotations"]["kubernetes.io/config.mirror"].is_null()
}

fn items(list: Value) -> Vec<Value> {
    match list {
        Value::Object(mut fields) => match fields.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn full_name(object: &Value) -> String {
    format!("{}/{}", text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_node_says_what_is_wrong_with_it() {
        let node = |annotations: Value, unschedulable: bool, ready: &str| {
            json!({
                "metadata": {"name": "n", "annotations": annotations, "labels": {"topology.kubernetes.io/zone": "z"}},
                "spec": {"unschedulable": unschedulable},
                "status": {"allocatable": {"cpu": "8", "memory": "1Gi"}, "conditions": [{"type": "Ready", "status": ready}]},
            })
        };
        let pods = ["Running", "Succeeded"]
            .map(|phase| json!({"spec": {"nodeName": "n"}, "status": {"phase": phase}}));
        for (node, state) in [
            (node(json!({}), false, "True"), "Ready"),
            (node(json!({FAILED: "true"}), false, "True"), "Ready,failed"),
            (node(json!({FAILED: "true"}), false, "Unknown"), "Unknown,failed"),
            (node(json!({}), true, "False"), "NotReady,cordoned"),
        ] {
            let listed = listed(&node, &pods);
            assert_eq!((listed.state.as_str(), listed.pods, listed.zone.as_str()), (state, 1, "z"));
        }
    }
}
