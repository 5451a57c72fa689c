//! The page of a scheduler elsewhere: its documents are asked for with the credentials of a kubeconfig.
//!
//! A browser cannot send the credentials that a scheduler wants. A page on this machine sends them in its place.

use berth_view::Elsewhere;
use bytes::Bytes;
use http::StatusCode;
use tokio::runtime::Runtime;

use crate::client::{Api, ConnectError, Server};

/// A scheduler with `--ui`.
#[derive(Debug)]
pub struct RemotePage {
    runtime: Runtime,
    api: Api,
}

/// Why a scheduler cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The kubeconfig or the address cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The operating system refuses something.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// The scheduler does not show its page.
    #[error("{address}: {why}")]
    Refused {
        /// The host and port of the scheduler.
        address: String,
        /// The reason.
        why: String,
    },
}

impl RemotePage {
    /// The page of the scheduler at the address `server.master`, with the credentials of `server.kubeconfig`. If not
    /// `verified`, the certificate of the scheduler may be any.
    ///
    /// # Errors
    /// If the scheduler does not answer, has no page, or does not show it to this user.
    pub fn connect(server: &Server, verified: bool) -> Result<Self, RemoteError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let connecting =
            async { if verified { server.connect().await } else { server.connect_unverified().await } };
        let api = runtime.block_on(connecting)?;
        let page = Self { runtime, api };
        let refused = |why| RemoteError::Refused { address: page.api.host().to_owned(), why };
        match page.get("api/v1/info") {
            Ok((StatusCode::OK, _)) => Ok(page),
            Ok((StatusCode::NOT_FOUND, _)) => {
                Err(refused("it has no page: start the scheduler with --ui".to_owned()))
            }
            Ok((StatusCode::UNAUTHORIZED, _)) => {
                Err(refused("it does not know the user of the kubeconfig (401)".to_owned()))
            }
            Ok((StatusCode::FORBIDDEN, _)) => {
                Err(refused("the user of the kubeconfig has no right to get /ui/* (403)".to_owned()))
            }
            Ok((status, _)) => Err(refused(format!("it answers {status}"))),
            Err(why) => Err(refused(why)),
        }
    }
}

impl Elsewhere for RemotePage {
    fn get(&self, address: &str) -> Result<(StatusCode, Bytes), String> {
        let path = format!("/ui/{address}");
        let answer = self.runtime.block_on(self.api.get(&path)).map_err(|error| error.to_string())?;
        Ok((answer.status, answer.body))
    }
}
