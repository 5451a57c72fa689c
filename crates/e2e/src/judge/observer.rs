//! What a real control plane holds: all kinds are watched, and each scenario asks for its own objects.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use berth_up::nodes::FAILED;
use futures::TryStreamExt;
use http::Request;
use kube::core::WatchEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::manifest::{KINDS, OWN, path};
use crate::client::Client;

/// The pause after a watch that has failed.
const PAUSE: Duration = Duration::from_millis(200);
/// The time that a cluster has to come to rest.
const PATIENCE: Duration = Duration::from_secs(150);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Watches all kinds until it is dropped, with the client's threads.
#[derive(Clone, Default)]
pub(super) struct Observer(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// By kind, namespace and name.
    objects: BTreeMap<(&'static str, String, String), Value>,
    /// By scenario.
    changed: BTreeMap<String, Instant>,
    /// The pods of a scenario that were created, deleted and gone, in order.
    history: BTreeMap<String, Vec<PodEvent>>,
}

/// What happened to a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PodEvent {
    /// `make`, `delete` or `gone`.
    pub what: String,
    /// The kind of its controller.
    pub controller: String,
    /// Its name.
    pub name: String,
}

impl Observer {
    /// Begins to watch.
    ///
    /// # Errors
    /// If a kind has no path.
    pub(super) fn start(api: &Client) -> Result<Self> {
        let observer = Self::default();
        for (version, kind, _) in KINDS {
            let (path, client, seen) = (path(kind, None)?, api.kube(), observer.clone());
            api.spawn(async move {
                loop {
                    // The error says only that the server is busy or not there: the next try finds out.
                    let _ = seen.follow(&client, version, kind, &path).await;
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Ok(observer)
    }

    async fn follow(
        &self,
        client: &kube::Client,
        version: &'static str,
        kind: &'static str,
        path: &str,
    ) -> kube::Result<()> {
        let request = |query: &str| Request::get(format!("{path}{query}")).body(Vec::new());
        let list: Value = client.request(request("").map_err(kube::Error::HttpError)?).await?;
        for object in list["items"].as_array().into_iter().flatten() {
            self.lock().see(version, kind, object.clone(), false);
        }
        let at = list["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let query = format!("?watch=true&timeoutSeconds=3000&resourceVersion={at}");
        let request = request(&query).map_err(kube::Error::HttpError)?;
        let mut events = std::pin::pin!(client.request_events::<Value>(request).await?);
        while let Some(event) = events.try_next().await? {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    self.lock().see(version, kind, object, false);
                }
                WatchEvent::Deleted(object) => self.lock().see(version, kind, object, true),
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(_) => break,
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All objects of a scenario.
    pub(super) fn objects(&self, scenario: &str) -> Vec<Value> {
        let seen = self.lock();
        seen.objects.values().filter(|object| owner_of(object) == Some(scenario)).cloned().collect()
    }

    /// What happened to the pods of a scenario.
    pub(super) fn history(&self, scenario: &str) -> Vec<PodEvent> {
        self.lock().history.get(scenario).cloned().unwrap_or_default()
    }

    /// Waits until nothing has changed for `quiet`, and all controllers have seen the last generation.
    ///
    /// # Errors
    /// If the scenario does not come to rest.
    pub(super) fn await_rest(&self, scenario: &str, quiet: Duration) -> Result<()> {
        let begin = Instant::now();
        loop {
            let changed = self.lock().changed.get(scenario).copied().unwrap_or(begin).max(begin);
            let late = || {
                let objects = self.objects(scenario);
                let ends = objects.iter().find(|object| is_ending(object, &objects));
                ends.or_else(|| objects.iter().find(|object| is_late(object))).cloned()
            };
            if changed.elapsed() >= quiet && late().is_none() {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                let late =
                    late().map(|object| format!(": {} {}", object["kind"], object["metadata"]["name"]));
                bail!("no rest within {} s{}", PATIENCE.as_secs(), late.unwrap_or_default());
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Seen {
    fn see(&mut self, version: &'static str, kind: &'static str, mut object: Value, gone: bool) {
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        if let Some(meta) = object["metadata"].as_object_mut() {
            meta.remove("managedFields");
        }
        let Some(scenario) = owner_of(&object).map(str::to_owned) else { return };
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let key = (kind, text("namespace"), text("name"));
        let before = self.objects.get(&key);
        if !gone
            && before.is_some_and(|before| before["metadata"]["resourceVersion"] == text("resourceVersion"))
        {
            return;
        }
        self.changed.insert(scenario.clone(), Instant::now());
        if kind == "Pod" {
            let is_deleted = |object: &Value| !object["metadata"]["deletionTimestamp"].is_null();
            let what = match before {
                _ if gone => Some("gone"),
                None => Some("make"),
                Some(before) if is_deleted(&object) && !is_deleted(before) => Some("delete"),
                Some(_) => None,
            };
            let controller = object["metadata"]["ownerReferences"][0]["kind"].as_str().unwrap_or_default();
            let event = |what: &str| PodEvent {
                what: String::from(what),
                controller: controller.to_owned(),
                name: text("name"),
            };
            self.history.entry(scenario).or_default().extend(what.map(event));
        }
        match gone {
            true => drop(self.objects.remove(&key)),
            false => drop(self.objects.insert(key, object)),
        }
    }
}

/// The scenario that an object belongs to.
fn owner_of(object: &Value) -> Option<&str> {
    let meta = &object["metadata"];
    let of_claim = || object["spec"]["claimRef"]["namespace"].as_str();
    meta["labels"][OWN].as_str().or_else(|| meta["namespace"].as_str()).or_else(of_claim)
}

/// Whether a pod is terminating on a node that works, so that it will be gone soon.
fn is_ending(object: &Value, all: &[Value]) -> bool {
    let has_failed = |node: &&Value| {
        node["kind"] == "Node"
            && node["metadata"]["name"] == object["spec"]["nodeName"]
            && !node["metadata"]["annotations"][FAILED].is_null()
    };
    object["kind"] == "Pod"
        && !object["metadata"]["deletionTimestamp"].is_null()
        && !all.iter().any(|node| has_failed(&node))
}

/// Whether a controller has not yet seen the last generation of its object, or counts pods that are not there.
fn is_late(object: &Value) -> bool {
    let observed = &object["status"]["observedGeneration"];
    let observes = matches!(
        object["kind"].as_str(),
        Some("Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "ReplicationController")
    );
    observes && *observed != object["metadata"]["generation"]
}
