//! The live scheduler: what surrounds the flow on a real cluster.
//!
//! ```text
//!   API server ──watches──► Watch ──lines──►┐                            ┌──tasks──► Actor ──► API server, extenders
//!              ──lease────► Lease ──leads──►├─► Turn: the flow's thread ─┼──events──► Writer ──► API server
//!                           Actor ─replies─►┘                            └──reports─► metrics, log
//!   /metrics, /explain ───► serve ─questions─►┘
//! ```
//! One thread owns the flow and all that it knows; everything else is IO on a few threads of tokio, and speaks with it in
//! messages. So nothing is locked, and the order of messages is the only thing that a run depends on.

mod act;
mod answer;
mod backoff;
mod client;
mod clock;
mod events;
mod extender;
#[cfg(test)]
mod fake;
mod host;
mod lease;
mod log;
mod measured;
mod message;
mod metrics;
mod record;
mod reign;
mod resource;
mod run;
mod serve;
mod snapshot;
mod teller;
mod turn;
mod watch;

pub use client::{Api, ConnectError, Server};
pub use extender::ExtenderError;
pub use log::LogFormat;
pub use record::RecordTo;
pub use run::{End, Options, StartError, run, settings};
pub use serve::{CertificateError, Clients, GoodFor, Lookup, Proxies, ServeError, Serving, TlsLimits};
pub use snapshot::{SnapshotError, snapshot};
