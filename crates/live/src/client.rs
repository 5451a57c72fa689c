//! The connection to an API server.
//!
//! Requests are JSON over HTTP/1.1, with one connection for each request in flight. There is no limit on requests per
//! second: the number of requests in flight is limited, and API servers have priority and fairness. Nothing is retried
//! here, because only the caller knows which request may be sent twice.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use berth_watch::Status;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::{Body, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::metrics::Metrics;

/// The longest time for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The time after which a silent connection is probed.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Where `kubectl` looks for its kubeconfig.
const USUAL: &str = "~/.kube/config";
/// How errors begin if there is no connection.
pub(crate) const UNREACHABLE: &str = "cannot reach";
/// The largest answer that is read, watches excepted.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// How to find an API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// A kubeconfig file. Without one, the service account of the pod that this process runs in is used; outside of a
    /// pod, what `kubectl` would use.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, instead of its current one.
    pub context: Option<String>,
    /// The address of the API server, instead of that in the kubeconfig.
    pub master: Option<String>,
}

/// Why there is no connection to an API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("kubeconfig {path}: {}", words(source))]
    Kubeconfig {
        /// What to call it: its path, or where it was looked for.
        path: String,
        /// The reason.
        source: KubeconfigError,
    },
    /// There is neither a kubeconfig nor a service account.
    #[error("no kubeconfig ({USUAL}); give --kubeconfig or set KUBECONFIG")]
    Nowhere,
    /// The kubeconfig has no such context.
    #[error("no context is named {name:?} in the kubeconfig{}", known(.contexts))]
    Context {
        /// The name.
        name: String,
        /// The contexts that there are.
        contexts: Vec<String>,
    },
    /// The address is invalid.
    #[error("--master: {text} is not a valid URL: {source}")]
    Address {
        /// The given text.
        text: String,
        /// The reason.
        source: http::uri::InvalidUri,
    },
    /// Certificates or credentials cannot be used.
    #[error("the credentials for the API server cannot be used: {0}")]
    Credentials(#[from] kube::Error),
}

/// The body of an answer, in pieces.
pub(crate) type Pieces = UnsyncBoxBody<Bytes, hyper::Error>;

/// Sends requests. Every request has its own copy: kube's `Client` would pass all requests through one task, which
/// costs two wake-ups for each.
pub(crate) type Transport = BoxCloneSyncService<Request<Body>, Response<Pieces>, BoxError>;

/// The error without the path, which the caller names.
fn words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(source, _) => plain(&source.to_string()),
        KubeconfigError::CurrentContextNotSet => "no current context is set; give --context".to_owned(),
        other => chain(other),
    }
}

/// The words of the operating system as a part of a sentence, without its error number.
fn plain(text: &str) -> String {
    let mut letters = text.split(" (os error").next().unwrap_or(text).chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// The contexts that there are, as the end of a sentence.
fn known(contexts: &[String]) -> String {
    if contexts.is_empty() { String::new() } else { format!(" (there is: {})", contexts.join(", ")) }
}

/// A client of an API server.
#[derive(Clone)]
pub struct Api {
    transport: Transport,
    host: Arc<str>,
    metrics: Option<Arc<Metrics>>,
}

/// A complete answer of an API server.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// `Retry-After` in seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The request was not sent.
    #[error("{0}")]
    Unsent(String),
    /// The request was sent, and may have been carried out.
    #[error("{0}")]
    Lost(String),
}

impl Answer {
    /// Why the API server refuses: the message of its `Status`, or else the HTTP status. At most 1,024 bytes, since a
    /// body may hold anything.
    pub(crate) fn message(&self) -> String {
        Status::read(&self.body).message_or(|| self.status.to_string())
    }

    /// Whether the API server is overloaded, and has not carried out the request.
    pub(crate) fn is_busy(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            || (self.status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after.is_some())
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Server {
    async fn config(&self) -> Result<Config, ConnectError> {
        let in_cluster = match (&self.kubeconfig, &self.context) {
            (None, None) => Config::incluster().ok(),
            _ => None,
        };
        let mut config = match in_cluster {
            Some(config) => config,
            None => self.read_kubeconfig().await?,
        };
        if let Some(text) = &self.master {
            config.cluster_url =
                text.parse().map_err(|source| ConnectError::Address { text: text.clone(), source })?;
        }
        Ok(config)
    }

    /// The configuration of the chosen context, or of the current one.
    async fn read_kubeconfig(&self) -> Result<Config, ConnectError> {
        let broken = |source| self.broken(source);
        let kubeconfig = match &self.kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        };
        let kubeconfig = kubeconfig.map_err(broken)?;
        if let Some(name) = &self.context {
            let contexts: Vec<String> =
                kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
            if !contexts.contains(name) {
                return Err(ConnectError::Context { name: name.clone(), contexts });
            }
        }
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(broken)
    }

    /// Why the kubeconfig cannot be used.
    fn broken(&self, source: KubeconfigError) -> ConnectError {
        let given = std::env::var("KUBECONFIG").ok().filter(|paths| !paths.is_empty());
        let path = match (&self.kubeconfig, &source) {
            (Some(path), _) | (None, KubeconfigError::ReadConfig(_, path)) => path.display().to_string(),
            (None, _) => given.clone().unwrap_or_else(|| USUAL.to_owned()),
        };
        let absent = match &source {
            KubeconfigError::ReadConfig(error, _) => error.kind() == io::ErrorKind::NotFound,
            other => matches!(other, KubeconfigError::FindPath),
        };
        match absent && self.kubeconfig.is_none() && given.is_none() {
            true => ConnectError::Nowhere,
            false => ConnectError::Kubeconfig { path, source },
        }
    }

    /// What to call the cluster: `context NAME` if a kubeconfig says so, otherwise `the API server`.
    pub fn name(&self) -> String {
        let kubeconfig = match &self.kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        };
        let context = self.context.clone().or_else(|| kubeconfig.ok()?.current_context);
        context.map_or_else(|| "the API server".to_owned(), |context| format!("context {context}"))
    }

    /// Creates a client. No request is sent yet.
    ///
    /// # Errors
    /// If the API server or the credentials are not configured correctly.
    pub async fn connect(&self) -> Result<Api, ConnectError> {
        connect(self.config().await?)
    }

    /// As [`Server::connect`], with a server whose certificate cannot be verified.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn connect_unverified(&self) -> Result<Api, ConnectError> {
        let mut config = self.config().await?;
        config.accept_invalid_certs = true;
        connect(config)
    }
}

/// Creates a client.
fn connect(config: Config) -> Result<Api, ConnectError> {
    let host = config.cluster_url.authority().map(|a| Arc::from(a.as_str())).unwrap_or_default();
    let connector = config.rustls_https_connector_with_connector(tcp())?;
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);

    let service =
        service.map_response(move |response: Response<Incoming>| response.map(Incoming::boxed_unsync));
    Ok(Api { transport: BoxCloneSyncService::new(service), host, metrics: None })
}

/// TCP connections without delay, with keep-alive and a timeout.
pub(crate) fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_connect_timeout(Some(TIMEOUT));
    tcp
}

impl Api {
    /// A client with another transport.
    #[cfg(test)]
    pub(crate) fn over(transport: Transport) -> Self {
        Self { transport, host: "test".into(), metrics: None }
    }

    /// The host and port of the API server.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Counts the requests from now on.
    pub(crate) fn counted(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Answer, NoAnswer> {
        let asked = async {
            let response = self.open(method, path, content_type, body).await?;
            let retry_after = response.headers().get(header::RETRY_AFTER);
            let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
            let status = response.status();
            let body = http_body_util::Limited::new(response.into_body(), MAX_ANSWER_BYTES);
            let body = body.collect().await.map_err(|e| NoAnswer::Lost(e.to_string()))?.to_bytes();
            Ok(Answer { status, retry_after, body })
        };
        tokio::time::timeout(TIMEOUT, asked).await.map_err(|_| late())?
    }

    /// Sends a GET request and reads the whole answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.ask(Method::GET, path, JSON, Vec::new()).await
    }

    /// Sends a GET request and reads only the head of the answer, since the body of a watch has no end.
    pub(crate) async fn watch(&self, path: &str) -> Result<Response<Pieces>, NoAnswer> {
        let opened = self.open(Method::GET, path, JSON, Vec::new());
        tokio::time::timeout(TIMEOUT, opened).await.map_err(|_| late())?
    }

    /// Boxed, because the type of the layers' future is too deep for the compiler.
    fn send(&self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Pieces>, BoxError>> {
        Box::pin(self.transport.clone().oneshot(request))
    }

    async fn open(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Response<Pieces>, NoAnswer> {
        let mut request = Request::builder().method(method.clone()).uri(path).header(header::ACCEPT, JSON);
        request = request.header(header::USER_AGENT, USER_AGENT);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(Body::from(body)).map_err(|e| NoAnswer::Unsent(e.to_string()))?;
        let answer = self.send(request).await;
        if let Some(metrics) = &self.metrics {
            let code = answer.as_ref().ok().map(|response| response.status().as_u16());
            metrics.requested(code, &method, &self.host);
        }
        answer.map_err(|error| no_answer(&*error, &self.host))
    }
}

/// The content type of requests and answers.
pub(crate) const JSON: &str = "application/json";
/// The content type of a patch that merges lists by their keys.
pub(crate) const STRATEGIC_MERGE: &str = "application/strategic-merge-patch+json";
const USER_AGENT: &str = concat!("berth/", env!("CARGO_PKG_VERSION"));

fn late() -> NoAnswer {
    NoAnswer::Lost(format!("no answer within {} s", TIMEOUT.as_secs()))
}

/// The causes of an error show whether the request was sent.
fn no_answer(error: &(dyn std::error::Error + 'static), host: &str) -> NoAnswer {
    let mut next = Some(error);
    while let Some(reason) = next {
        if reason.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect()) {
            return NoAnswer::Unsent(format!("{UNREACHABLE} {host}: {}", plain(&root(error))));
        }
        next = reason.source();
    }
    NoAnswer::Lost(chain(error))
}

/// The innermost cause of an error.
fn root(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(reason) = inner.source() {
        inner = reason;
    }
    inner.to_string()
}

/// An error with all its causes; hyper's own text names only the outermost.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(reason) = next {
        let words = reason.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        next = reason.source();
    }
    text
}
