//! The server of the page: plain HTTP, meant for the machine that it runs on.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::site::{Response, Site};

/// How many connections are served at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// How long a client may take to send the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time for one connection, so that a client that reads slowly does not keep its place.
const CONNECTION_TIME: Duration = Duration::from_secs(600);

/// Headers of every response: nothing is cached, framed, sniffed or read by other sites.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be used.
    #[error("cannot serve on {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// No thread can be started.
    #[error("cannot start the server: {0}")]
    Runtime(std::io::Error),
}

/// A server with its address.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes an address; port 0 takes a free port.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().map_err(ServeError::Runtime)?;
        let at = |source| ServeError::Address { address, source };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(at)?;
        let address = listener.local_addr().map_err(at)?;
        Ok(Self { runtime, listener, address })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends.
    pub fn run(self, site: Site) {
        let site = Arc::new(site);
        self.runtime.block_on(accept(&self.listener, &site));
    }
}

async fn accept(listener: &TcpListener, site: &Arc<Site>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let site = Arc::clone(site);
                tokio::spawn(async move {
                    // A connection that fails or takes too long is the client's matter.
                    let _ = tokio::time::timeout(CONNECTION_TIME, serve(stream, site)).await;
                    drop(permit);
                });
            }
            // Most likely there are too many open files, which does not change at once.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(stream: TcpStream, site: Arc<Site>) {
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(answer(request, site).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // As above.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, site: Arc<Site>) -> http::Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return said(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed\n");
    }
    if !names_an_address(request.headers()) {
        return said(StatusCode::MISDIRECTED_REQUEST, "the Host header must be an IP address or localhost\n");
    }
    let uri = request.uri().clone();
    let computed =
        tokio::task::spawn_blocking(move || site.answer(uri.path(), uri.query().unwrap_or_default())).await;
    match computed {
        Ok(response) => response.into(),
        Err(_) => said(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be computed\n"),
    }
}

/// Whether the host of the request is an IP address or localhost. A site that lets its own name point to this machine
/// (DNS rebinding) cannot read the answers, because its browser sends that name.
fn names_an_address(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let is_port = |port: &str| port.chars().all(|c| c.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && !name.ends_with(':') => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok()
}

impl From<Response> for http::Response<Full<Bytes>> {
    fn from(response: Response) -> Self {
        let mut answer = Self::new(Full::new(response.body));
        *answer.status_mut() = response.status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(policy) = response.policy.and_then(|policy| HeaderValue::try_from(policy).ok()) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        answer
    }
}

fn said(status: StatusCode, text: &'static str) -> http::Response<Full<Bytes>> {
    let body = Bytes::from_static(text.as_bytes());
    Response { status, content_type: "text/plain; charset=utf-8", policy: None, body }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_localhost() {
        let cases = [
            ("127.0.0.1:8080", true),
            ("localhost:1", true),
            ("localhost", true),
            ("[::1]:8080", true),
            ("192.0.2.7", true),
            ("attacker.example:8080", false),
            ("127.0.0.1.attacker.example", false),
            ("", false),
        ];
        for (host, expected) in cases {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            assert_eq!(names_an_address(&headers), expected, "{host}");
        }
        assert!(!names_an_address(&HeaderMap::new()));
    }
}
