//! The HTTPS server: health checks without authentication, metrics and more for authorized clients.

mod access;
mod authority;
mod certificate;
mod client_certificate;
mod configz;
mod page;
pub(crate) mod route;
pub(crate) mod subject;
mod tls;
mod ttl_cache;
mod user;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::client::{Api, ConnectError, Server};
use crate::message::Inbox;
use crate::metrics::Metrics;
use access::Access;
use certificate::{Certificate, TlsConfig};
use client_certificate::Handshake;
use page::PageUse;
use route::Routes;

pub use access::CacheTtls;
pub use authority::{Clients, Lookup, Proxies};
pub use certificate::CertificateError;
pub use tls::TlsLimits;

/// The longest time for the TLS handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// The number of connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;
/// The number of connections that are served at a time, those of clients that are not authenticated yet included. A
/// client that sends nothing loses its connection after [`PATIENCE`].
const CONNECTIONS: usize = 256;

/// The settings of the server.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The address.
    pub address: SocketAddr,
    /// Whether other processes may serve on the same port (SO_REUSEPORT).
    pub shares_port: bool,
    /// The files of certificate and key, in PEM; `None`: a self-signed certificate is generated.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The limits on TLS.
    pub tls: TlsLimits,
    /// The authorities for client certificates.
    pub clients: Clients,
    /// The API server that reviews tokens; `None`: the one whose pods are scheduled.
    pub authentication: Option<Server>,
    /// The API server that reviews access; `None`: the one whose pods are scheduled.
    pub authorization: Option<Server>,
    /// The paths without authorization; a `*` at the end matches all paths with this prefix.
    pub open_paths: Vec<String>,
    /// How long reviews are cached.
    pub cache_ttls: CacheTtls,
}

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
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A file with authorities cannot be used.
    #[error("{}: {why}", path.display())]
    Authority {
        /// Its path.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The authentication configuration of the cluster cannot be read.
    #[error("cannot look up the authentication configuration of the cluster: {0}")]
    Lookup(String),
    /// The API server for reviews cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// The sources of what is served.
pub(crate) struct Source {
    pub(crate) inbox: Inbox,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) configuration: Arc<berth_config::Configuration>,
    /// The page, if it is served.
    pub(crate) page: Option<Arc<berth_view::Site>>,
}

/// Starts the server, which runs as long as the process.
///
/// # Errors
/// If the address, a certificate or an API server cannot be used.
pub(crate) async fn start(
    serving: &Serving,
    api: &Api,
    host: &str,
    source: Source,
) -> Result<(), ServeError> {
    let authentication = other(serving.authentication.as_ref(), api).await?;
    let authorization = other(serving.authorization.as_ref(), api).await?;
    let authorities = authority::keep(serving.clients.clone(), authentication.clone()).await?;
    let clients = Arc::new(Handshake::new(authorities.clone()));
    let tls_config = TlsConfig { limits: serving.tls.clone(), clients };
    let certificate = Certificate::new(serving.certificate.clone(), host, tls_config)?;
    let open_paths = serving.open_paths.clone();
    let access = Access::new(authentication, authorization, authorities, open_paths, serving.cache_ttls);
    let routes = Arc::new(Routes { source, access, readers: page::readers() });
    let listener =
        listen(serving).map_err(|source| ServeError::Address { address: serving.address, source })?;
    tokio::spawn(accept(listener, certificate, routes, CONNECTIONS));
    Ok(())
}

/// Accepts connections, at most `limit` at a time; more wait in the kernel's queue.
async fn accept(listener: TcpListener, mut certificate: Certificate, routes: Arc<Routes>, limit: usize) {
    let permits = Arc::new(Semaphore::new(limit));
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let served = serve_connection(stream, certificate.acceptor(), Arc::clone(&routes));
                tokio::spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Most likely there are too many open files, which does not change at once.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn listen(serving: &Serving) -> std::io::Result<TcpListener> {
    let socket = if serving.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?; // connections of an earlier process may still be in TIME_WAIT
    if serving.shares_port {
        socket.set_reuseport(true)?;
    }
    socket.bind(serving.address)?;
    socket.listen(BACKLOG)
}

async fn other(server: Option<&Server>, api: &Api) -> Result<Api, ConnectError> {
    match server {
        Some(server) => server.connect().await,
        None => Ok(api.clone()),
    }
}

/// Serves one connection.
async fn serve_connection(stream: TcpStream, acceptor: TlsAcceptor, routes: Arc<Routes>) {
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default().iter();
    let shown: Arc<[CertificateDer<'static>]> = shown.map(|one| one.clone().into_owned()).collect();
    let use_of_page = PageUse::new(Arc::clone(&routes.readers));
    let service = service_fn(|request| {
        let (routes, shown, used) = (Arc::clone(&routes), Arc::clone(&shown), use_of_page.clone());
        async move { Ok::<_, std::convert::Infallible>(routes.answer(request, &shown, &used).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    tokio::select! {
        served = http.serve_connection(TokioIo::new(stream), service) => if let Err(error) = served {
            tracing::debug!("a connection failed: {error}");
        },
        () = use_of_page.is_overdue() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::fake::Script;

    fn routes() -> Arc<Routes> {
        let api = Script::new([]).api();
        let (_, authorities) = tokio::sync::watch::channel(Arc::default());
        let (_, epoch) = tokio::sync::watch::channel(0);
        let source = Source {
            inbox: Inbox::new(mpsc::channel().0, epoch),
            metrics: Arc::new(Metrics::new().unwrap()),
            configuration: Arc::default(),
            page: None,
        };
        let access = Access::new(api.clone(), api, authorities, Vec::new(), CacheTtls::default());
        Arc::new(Routes { source, access, readers: page::readers() })
    }

    /// Whether the server answers something that is no TLS, with a TLS alert, within a moment.
    async fn is_answered(stream: &mut TcpStream) -> bool {
        let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await;
        let read = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut [0; 16])).await;
        matches!(read, Ok(Ok(1..)))
    }

    #[test]
    fn connections_that_are_not_authenticated_are_bounded() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let clients = rustls::server::WebPkiClientVerifier::no_client_auth();
            let tls_config = TlsConfig { limits: TlsLimits::default(), clients };
            let certificate = Certificate::new(None, "host", tls_config).unwrap();
            tokio::spawn(accept(listener, certificate, routes(), 2));
            let silent = TcpStream::connect(address).await.unwrap();
            let _also_silent = TcpStream::connect(address).await.unwrap();
            let mut third = TcpStream::connect(address).await.unwrap();
            assert!(!is_answered(&mut third).await);
            drop(silent);
            assert!(is_answered(&mut third).await);
        });
    }
}
