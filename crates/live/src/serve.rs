//! Serving over HTTPS: health for everybody, metrics and more for those who may see them.

mod access;
mod certificate;
mod configz;
mod route;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::client::{Api, ConnectError, Server};
use crate::message::Inbox;
use crate::metrics::Metrics;
use access::Access;
use certificate::Certificate;
use route::Routes;

pub use certificate::CertificateError;

/// A client has so long to shake hands, and to send its request's head.
const PATIENCE: Duration = Duration::from_secs(10);

/// How health and metrics are served.
#[derive(Clone, Debug)]
pub struct Serving {
    /// Where.
    pub address: SocketAddr,
    /// Certificate and key, PEM; none, if one is to be made.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Who knows the holders of tokens; none, if the cluster does that is scheduled.
    pub authentication: Option<Server>,
    /// Who knows what they may do; none, if the cluster does that is scheduled.
    pub authorization: Option<Server>,
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
    let mut certificate = Certificate::new(serving.certificate.clone(), host)?;
    let authentication = other(serving.authentication.as_ref(), api).await?;
    let authorization = other(serving.authorization.as_ref(), api).await?;
    let routes = Arc::new(Routes { source, access: Access::new(authentication, authorization) });
    let address = serving.address;
    let listener =
        TcpListener::bind(address).await.map_err(|source| ServeError::Address { address, source })?;
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

async fn other(server: Option<&Server>, api: &Api) -> Result<Api, ConnectError> {
    match server {
        Some(server) => server.connect().await,
        None => Ok(api.clone()),
    }
}

/// Answers what comes on one connection. Clients that break off are their own affair.
async fn converse(stream: TcpStream, acceptor: TlsAcceptor, routes: Arc<Routes>) {
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let service = service_fn(|request| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, std::convert::Infallible>(routes.answer(request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!("a connection broke: {error}");
    }
}
