//! Serving over HTTPS: health for everybody, metrics and more for those who may see them.

mod access;
mod authority;
mod certificate;
mod client_certificate;
mod configz;
mod route;
mod subject;
mod tls;
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
use tokio_rustls::TlsAcceptor;

use crate::client::{Api, ConnectError, Server};
use crate::message::Inbox;
use crate::metrics::Metrics;
use access::Access;
use certificate::{Certificate, Manner};
use client_certificate::Handshake;
use route::Routes;

pub use access::GoodFor;
pub use authority::{Clients, Lookup, Proxies};
pub use certificate::CertificateError;
pub use tls::TlsLimits;

/// A client has so long to shake hands, and to send its request's head.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// How health and metrics are served.
#[derive(Clone, Debug)]
pub struct Serving {
    /// Where.
    pub address: SocketAddr,
    /// Whether others may serve there too, as a process that is about to end does.
    pub shares_port: bool,
    /// Certificate and key, PEM; none, if one is to be made.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// What of TLS is spoken.
    pub tls: TlsLimits,
    /// Who vouches for clients that show a certificate.
    pub clients: Clients,
    /// Who knows the holders of tokens; none, if the cluster does that is scheduled.
    pub authentication: Option<Server>,
    /// Who knows what they may do; none, if the cluster does that is scheduled.
    pub authorization: Option<Server>,
    /// Paths that everybody may see; where one ends with `*`, all that begin so.
    pub open_paths: Vec<String>,
    /// How long what those clusters say is remembered.
    pub good_for: GoodFor,
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be used.
    #[error("cannot serve on {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A file of authorities cannot be used.
    #[error("{}: {why}", path.display())]
    Authority {
        /// Its path.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The cluster does not tell who its clients are.
    #[error("cannot look up who vouches for clients: {0}")]
    Lookup(String),
    /// There is nobody to ask who may see what.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// What is served.
pub(crate) struct Source {
    pub(crate) inbox: Inbox,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) configuration: Arc<berth_config::Configuration>,
}

/// Begins to serve; goes on for as long as the process lives.
///
/// # Errors
/// The address or the certificate cannot be used.
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
    let manner = Manner { limits: serving.tls.clone(), clients };
    let mut certificate = Certificate::new(serving.certificate.clone(), host, manner)?;
    let open_paths = serving.open_paths.clone();
    let access = Access::new(authentication, authorization, authorities, open_paths, serving.good_for);
    let routes = Arc::new(Routes { source, access });
    let listener =
        listen(serving).map_err(|source| ServeError::Address { address: serving.address, source })?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(converse(stream, certificate.acceptor(), Arc::clone(&routes)));
                }
                Err(error) => {
                    // Too many open files, most likely: nothing that would be gone at once.
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(())
}

fn listen(serving: &Serving) -> std::io::Result<TcpListener> {
    let socket = if serving.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?; // connections of a process before this one may not be forgotten yet
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

/// Answers what comes on one connection. Clients that break off are their own affair.
async fn converse(stream: TcpStream, acceptor: TlsAcceptor, routes: Arc<Routes>) {
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default().iter();
    let shown: Arc<[CertificateDer<'static>]> = shown.map(|one| one.clone().into_owned()).collect();
    let service = service_fn(|request| {
        let (routes, shown) = (Arc::clone(&routes), Arc::clone(&shown));
        async move { Ok::<_, std::convert::Infallible>(routes.answer(request, &shown).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!("a connection broke: {error}");
    }
}
