//! The API server as a test sees it: JSON in, JSON out, one call after the other.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use http::{Method, Request, Uri};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use berth_up::authority::Identity;

/// A client with one user's rights. Calls block; clones share the connection.
#[derive(Clone)]
pub struct Client {
    runtime: Arc<Runtime>,
    kube: kube::Client,
}

/// How many requests are in flight at most when many objects are made.
const WIDTH: usize = 32;

/// How long `eventually` waits. Long, because machines that test are loaded; what passes takes a fraction of it.
pub const PATIENCE: Duration = Duration::from_secs(40);

impl Client {
    /// A client of the server at `url`, which is not asked to prove itself.
    ///
    /// # Errors
    /// The address is none, or there are no threads left.
    pub fn new(url: &str, token: &str) -> Result<Self> {
        Self::with(url, json!({"token": token}))
    }

    /// A client that shows a certificate.
    ///
    /// # Errors
    /// As `new`, and where the files cannot be used.
    pub fn certified(url: &str, identity: &Identity) -> Result<Self> {
        let Identity { certificate, key } = identity;
        Self::with(url, json!({"client-certificate": certificate, "client-key": key}))
    }

    /// A client that says nothing of itself.
    ///
    /// # Errors
    /// As `new`.
    pub fn anonymous(url: &str) -> Result<Self> {
        Self::with(url, json!({}))
    }

    /// A client as a kubeconfig says.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn of_kubeconfig(file: &Path) -> Result<Self> {
        let runtime = runtime()?;
        let config = Kubeconfig::read_from(file)?;
        let options = KubeConfigOptions::default();
        let config = runtime.block_on(kube::Config::from_custom_kubeconfig(config, &options))?;
        Self::of(runtime, config)
    }

    fn with(url: &str, credentials: Value) -> Result<Self> {
        let mut config = kube::Config::new(url.parse::<Uri>().context("the server's address")?);
        config.accept_invalid_certs = true;
        config.auth_info = serde_json::from_value(credentials)?;
        Self::of(runtime()?, config)
    }

    fn of(runtime: Runtime, config: kube::Config) -> Result<Self> {
        let kube = {
            let _inside = runtime.enter();
            kube::Client::try_from(config)?
        };
        Ok(Self { runtime: Arc::new(runtime), kube })
    }

    /// The object or list at `path`; nothing where there is none.
    ///
    /// # Errors
    /// The server refuses or is not there.
    pub fn get(&self, path: &str) -> Result<Option<Value>> {
        match self.runtime.block_on(send(&self.kube, Method::GET, path, None)) {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            answer => Ok(Some(answer.with_context(|| format!("GET {path}"))?)),
        }
    }

    /// The items of the list at `path`.
    ///
    /// # Errors
    /// As `get`.
    pub fn list(&self, path: &str) -> Result<Vec<Value>> {
        let list = self.get(path)?.with_context(|| format!("there is no {path}"))?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// The server's answer to `path` as text.
    ///
    /// # Errors
    /// As `get`.
    pub fn text(&self, path: &str) -> Result<String> {
        let request = Request::get(path).body(Vec::new())?;
        self.runtime.block_on(self.kube.request_text(request)).with_context(|| format!("GET {path}"))
    }

    /// The status of the server's answer to `path`.
    ///
    /// # Errors
    /// The server is not there.
    pub fn status(&self, path: &str) -> Result<u16> {
        let request = Request::get(path).body(kube::client::Body::empty())?;
        let answer = self.runtime.block_on(self.kube.send(request)).with_context(|| format!("GET {path}"))?;
        Ok(answer.status().as_u16())
    }

    /// Makes an object.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn create(&self, path: &str, object: &Value) -> Result<Value> {
        self.runtime
            .block_on(send(&self.kube, Method::POST, path, Some(object)))
            .with_context(|| format!("POST {path} {}", object["metadata"]["name"]))
    }

    /// Makes many objects, some at the same time.
    ///
    /// # Errors
    /// The server refuses one of them.
    pub fn create_all(&self, path: &str, objects: &[Value]) -> Result<()> {
        let requests = stream::iter(objects).map(|object| async move {
            send(&self.kube, Method::POST, path, Some(object))
                .await
                .with_context(|| format!("POST {path} {}", object["metadata"]["name"]))
        });
        self.runtime.block_on(requests.buffer_unordered(WIDTH).try_for_each(|_| async { Ok(()) }))
    }

    /// Changes an object: fields of `change` replace the object's, `null` removes (a JSON merge patch).
    ///
    /// # Errors
    /// The server refuses.
    pub fn patch(&self, path: &str, change: &Value) -> Result<Value> {
        self.runtime
            .block_on(send(&self.kube, Method::PATCH, path, Some(change)))
            .with_context(|| format!("PATCH {path}"))
    }

    /// Applies an object, as `kubectl apply --server-side --force-conflicts` does.
    ///
    /// # Errors
    /// The server refuses.
    pub fn apply(&self, path: &str, object: &Value) -> Result<Value> {
        let uri = format!("{path}?fieldManager=berth-e2e&force=true");
        self.runtime
            .block_on(send_as(&self.kube, Method::PATCH, &uri, "application/apply-patch+yaml", Some(object)))
            .with_context(|| format!("apply {path}"))
    }

    /// Deletes the object at `path` as `kubectl delete` does: with its grace period, and in the background all that it
    /// owns.
    ///
    /// # Errors
    /// The server refuses.
    pub fn delete_with_owned(&self, path: &str) -> Result<()> {
        let how = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        let answer = self.runtime.block_on(send(&self.kube, Method::DELETE, path, Some(&how)));
        answer.map(|_| ()).with_context(|| format!("DELETE {path}"))
    }

    /// The client beneath, for tasks that go on.
    pub(crate) fn kube(&self) -> kube::Client {
        self.kube.clone()
    }

    /// Lets a task go on until the last clone of this client is dropped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// The code of the server's answer to any request, whatever it is.
    ///
    /// # Errors
    /// There is no answer.
    pub fn code(&self, method: Method, path: &str, format: &str, body: &Value) -> Result<u16> {
        match self.runtime.block_on(send_as(&self.kube, method, path, format, Some(body))) {
            Ok(_) => Ok(200),
            Err(kube::Error::Api(status)) => Ok(status.code),
            Err(error) => Err(error).with_context(|| format!("no answer to a request at {path}")),
        }
    }

    /// Deletes the object or all of the list at `path` at once, without grace. It may be gone already.
    ///
    /// # Errors
    /// The server refuses.
    pub fn delete(&self, path: &str) -> Result<()> {
        let now = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
        match self.runtime.block_on(send(&self.kube, Method::DELETE, path, Some(&now))) {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            answer => answer.map(|_| ()).with_context(|| format!("DELETE {path}")),
        }
    }
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// Asks again and again until there is an answer.
///
/// # Errors
/// There is none within [`PATIENCE`], or asking fails.
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    within(PATIENCE, what, ask)
}

/// Asks again and again until there is an answer.
///
/// # Errors
/// There is none within `limit`, or asking fails.
pub fn within<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            bail!("waited {} s in vain: {what}", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

async fn send(kube: &kube::Client, method: Method, path: &str, body: Option<&Value>) -> kube::Result<Value> {
    let format = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    send_as(kube, method, path, format, body).await
}

async fn send_as(
    kube: &kube::Client,
    method: Method,
    path: &str,
    format: &str,
    body: Option<&Value>,
) -> kube::Result<Value> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Content-Type", format)
        .body(body.map(|value| value.to_string().into_bytes()).unwrap_or_default())
        .map_err(kube::Error::HttpError)?;
    kube.request(request).await
}
