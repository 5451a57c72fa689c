//! The API server as `berth up` uses it: JSON in, JSON out.

use std::path::Path;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

/// The content type of a JSON merge patch.
pub const MERGE_PATCH: &str = "application/merge-patch+json";
/// The content type of a strategic merge patch.
pub const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
/// The content type of a server-side apply.
pub const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// How many requests are in flight when many objects are created.
const WIDTH: usize = 64;

/// A client of an API server; clones share their connections.
#[derive(Clone)]
pub struct Api(kube::Client);

/// A request that changes something.
#[derive(Clone, Debug)]
pub struct Change {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Value,
}

impl Change {
    /// Creates an object in the list at `path`.
    pub fn create(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, path: path.into(), content_type: "application/json", body }
    }

    /// Changes fields of the object at `path`; `null` removes a field.
    pub fn merge(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::PATCH, path: path.into(), content_type: MERGE_PATCH, body }
    }

    /// Replaces the object at `path`.
    pub fn replace(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::PUT, path: path.into(), content_type: "application/json", body }
    }

    /// Deletes the object at `path`.
    pub fn delete(path: impl Into<String>, grace_s: Option<u64>) -> Self {
        let mut body = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        if let Some(grace) = grace_s {
            body["gracePeriodSeconds"] = json!(grace);
        }
        Self { method: Method::DELETE, path: path.into(), content_type: "application/json", body }
    }
}

impl Api {
    /// A client as the kubeconfig says. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the kubeconfig cannot be used.
    pub async fn connect(kubeconfig: &Path) -> Result<Self> {
        Self::of(kubeconfig, true).await
    }

    /// As [`Api::connect`], for a caller that must know that the server refuses a request for now (429), as an eviction
    /// that a budget forbids: by default the client repeats such a request for minutes.
    ///
    /// # Errors
    /// As [`Api::connect`].
    pub async fn connect_without_retries(kubeconfig: &Path) -> Result<Self> {
        Self::of(kubeconfig, false).await
    }

    async fn of(kubeconfig: &Path, retries: bool) -> Result<Self> {
        let wrong = || format!("{} cannot be used as a kubeconfig", kubeconfig.display());
        let read = Kubeconfig::read_from(kubeconfig).with_context(wrong)?;
        let options = KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(read, &options).await.with_context(wrong)?;
        config.default_retry = retries;
        let client = kube::Client::try_from(config).with_context(wrong)?;
        Ok(Self(client))
    }

    /// The object or list at `path`; `None` if there is none.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub async fn get(&self, path: &str) -> Result<Option<Value>> {
        let request = Request::get(path).body(Vec::new())?;
        match self.0.request(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            answer => Ok(Some(answer.with_context(|| format!("GET {path}"))?)),
        }
    }

    /// The answer at `path` as text.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub async fn text(&self, path: &str) -> Result<String> {
        let request = Request::get(path).body(Vec::new())?;
        self.0.request_text(request).await.with_context(|| format!("GET {path}"))
    }

    /// Sends a change.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub async fn send(&self, change: &Change) -> kube::Result<Value> {
        let request = Request::builder()
            .method(change.method.clone())
            .uri(&change.path)
            .header("Content-Type", change.content_type)
            .body(serde_json::to_vec(&change.body).map_err(kube::Error::SerdeError)?)
            .map_err(kube::Error::HttpError)?;
        self.0.request(request).await
    }

    /// Creates an object unless there is one with its name.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub async fn ensure(&self, path: &str, object: Value) -> Result<()> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        match self.send(&Change::create(path, object)).await {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            answer => answer.map(|_| ()).with_context(|| format!("cannot create {name} in {path}")),
        }
    }

    /// Creates objects, each in the list at its path, some at the same time. Objects that are there already are left
    /// as they are.
    ///
    /// # Errors
    /// If the server refuses one of them or does not answer.
    pub async fn ensure_all(&self, objects: Vec<(String, Value)>) -> Result<()> {
        let requests = futures::stream::iter(objects)
            .map(|(path, object)| async move { self.ensure(&path, object).await });
        requests.buffer_unordered(WIDTH).try_for_each(|()| async { Ok(()) }).await
    }

    /// The client of the library.
    pub fn client(&self) -> &kube::Client {
        &self.0
    }
}
