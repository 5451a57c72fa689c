//! The real API server's side of the conversations by which the simulated one is judged.

use anyhow::Result;
use berth_faults::conversation::{Api, Delivered, Outcome, Shown};
use http::Method;
use serde_json::{Value, json};

use crate::client::Client;

/// kube-apiserver, in one namespace that nobody else uses.
pub struct Real {
    client: Client,
    namespace: String,
    /// How often the lease was asked for: what changes nothing would be no change.
    asked: u32,
}

const JSON: &str = "application/json";
const STRATEGIC_MERGE: &str = "application/strategic-merge-patch+json";

impl Real {
    /// The server as a client sees it.
    ///
    /// # Errors
    /// It does not make the namespace.
    pub fn new(client: Client, namespace: &str) -> Result<Self> {
        client.create("/api/v1/namespaces", &json!({"metadata": {"name": namespace}}))?;
        Ok(Self { client, namespace: namespace.to_owned(), asked: 0 })
    }

    /// Takes away what conversations left behind.
    ///
    /// # Errors
    /// The server refuses.
    pub fn clear(&self) -> Result<()> {
        self.client.delete(&self.path(""))
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/pods{rest}", self.namespace)
    }

    fn leases(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    fn ask(&self, method: Method, path: &str, format: &str, body: &Value) -> Outcome {
        let code = self.client.code(method, path, format, body);
        code.map_or(Outcome::Refused(0), Outcome::of_code)
    }

    fn read(&self, pod: &str) -> Option<Value> {
        self.client.get(&self.path(&format!("/{pod}"))).ok().flatten()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn version(object: &Value) -> u64 {
    text(&object["metadata"]["resourceVersion"]).parse().unwrap_or_default()
}

impl Api for Real {
    fn create(&mut self, pod: &str, gated: bool) -> Outcome {
        let gates = if gated { json!([{"name": "example.com/wait"}]) } else { Value::Null };
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "labels": {"app": "first"}},
            "spec": {
                "schedulerName": "nobody", "schedulingGates": gates, "containers": [{"name": "c", "image": "i"}],
            },
        });
        self.ask(Method::POST, &self.path(""), JSON, &pod)
    }

    fn show(&mut self, pod: &str) -> Option<Shown> {
        let pod = self.read(pod)?;
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let scheduled = conditions.iter().filter(|condition| condition["type"] == "PodScheduled");
        Some(Shown {
            uid: text(&pod["metadata"]["uid"]),
            version: version(&pod),
            app: text(&pod["metadata"]["labels"]["app"]),
            node: text(&pod["spec"]["nodeName"]),
            nominated: text(&pod["status"]["nominatedNodeName"]),
            terminating: pod["metadata"]["deletionTimestamp"].is_string(),
            scheduled: scheduled.map(|c| (text(&c["status"]), text(&c["reason"]))).collect(),
        })
    }

    fn replace(&mut self, pod: &str, shown: &Shown, app: &str) -> Outcome {
        let Some(mut whole) = self.read(pod).or_else(|| self.read("a")) else { return Outcome::Gone };
        let metadata = &mut whole["metadata"];
        (metadata["name"], metadata["labels"]["app"]) = (json!(pod), json!(app));
        metadata["resourceVersion"] = json!(shown.version.to_string());
        self.ask(Method::PUT, &self.path(&format!("/{pod}")), JSON, &whole)
    }

    fn bind(&mut self, pod: &str, uid: &str, node: &str) -> Outcome {
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": node},
            "metadata": {"namespace": self.namespace, "name": pod, "uid": uid},
        });
        self.ask(Method::POST, &self.path(&format!("/{pod}/binding")), JSON, &binding)
    }

    fn patch(&mut self, pod: &str, uid: &str, reason: Option<&str>, nominated: Option<&str>) -> Outcome {
        let mut patch = json!({"metadata": {"uid": uid}, "status": {}});
        if let Some(reason) = reason {
            patch["status"]["conditions"] =
                json!([{"type": "PodScheduled", "status": "False", "reason": reason, "message": ""}]);
        }
        if let Some(node) = nominated {
            patch["status"]["nominatedNodeName"] = if node.is_empty() { Value::Null } else { json!(node) };
        }
        self.ask(Method::PATCH, &self.path(&format!("/{pod}/status")), STRATEGIC_MERGE, &patch)
    }

    fn delete(&mut self, pod: &str, uid: &str) -> Outcome {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}});
        self.ask(Method::DELETE, &self.path(&format!("/{pod}")), JSON, &options)
    }

    fn list(&mut self) -> (u64, Vec<String>) {
        let list = self.client.get(&self.path("")).ok().flatten().unwrap_or_default();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        (version(&list), items.iter().map(|pod| text(&pod["metadata"]["name"])).collect())
    }

    fn lease(&mut self) -> (u64, String) {
        let path = format!("{}/lease", self.leases());
        let lease = self.client.get(&path).ok().flatten().unwrap_or_default();
        (version(&lease), text(&lease["spec"]["holderIdentity"]))
    }

    fn acquire(&mut self, holder: &str, seen: u64) -> Outcome {
        self.asked += 1;
        let mut lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lease"},
            "spec": {"holderIdentity": holder, "leaseTransitions": self.asked},
        });
        if seen == 0 {
            return self.ask(Method::POST, &self.leases(), JSON, &lease);
        }
        lease["metadata"]["resourceVersion"] = json!(seen.to_string());
        self.ask(Method::PUT, &format!("{}/lease", self.leases()), JSON, &lease)
    }

    fn watch(&mut self, after: u64, count: usize) -> Result<Vec<Delivered>, Outcome> {
        let path = self.path(&format!("?watch=true&resourceVersion={after}&timeoutSeconds=2"));
        let lines = self.client.text(&path).map_err(|error| {
            let code = error.chain().find_map(|cause| match cause.downcast_ref::<kube::Error>()? {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            });
            Outcome::of_code(code.unwrap_or_default())
        })?;
        let mut changes = Vec::new();
        for line in lines.lines().filter(|line| !line.is_empty()) {
            let event: Value = serde_json::from_str(line).map_err(|_| Outcome::Refused(0))?;
            let object = &event["object"];
            let change = match event["type"].as_str() {
                Some("ADDED") => "ADDED",
                Some("MODIFIED") => "MODIFIED",
                Some("DELETED") => "DELETED",
                _ => {
                    let code = object["code"].as_u64().and_then(|code| u16::try_from(code).ok());
                    return Err(Outcome::of_code(code.unwrap_or_default()));
                }
            };
            let pod = text(&object["metadata"]["name"]);
            changes.push(Delivered { change, pod, version: version(object) });
        }
        changes.truncate(count);
        Ok(changes)
    }
}
