//! The live scheduler: the IO around the flow on a real cluster.
//!
//! ```text
//!   API server ──watches──► Watch ─events──►┐                 ┌──tasks──► Actor ──► API server, extenders
//!              ──lease────► Lease ─leads───►├─► EventLoop ────┼──events──► EventWriter ──► API server
//!                           Actor ─replies─►│   (the flow)    └──reports─► Reporter: metrics, log
//!   /metrics, /explain ───► serve ─queries─►┘
//! ```
//! One thread, the event loop, owns the flow and all state. Everything else is IO on tokio, and sends messages to the
//! event loop. So there are no locks, and a run depends on nothing but the order of the messages.

mod act;
mod answer;
mod backoff;
mod client;
mod clock;
mod event_loop;
mod events;
mod explain;
mod extender;
#[cfg(test)]
mod fake;
#[cfg(fuzzing)]
pub mod fuzzing;
mod host;
mod lease;
mod lease_guard;
mod list;
mod log;
mod measured;
mod message;
mod metrics;
mod record;
mod remote;
mod reporter;
mod resource;
mod run;
mod serve;
mod snapshot;
mod ui;
mod watch;

pub use client::{Api, ConnectError, Server};
pub use extender::ExtenderError;
pub use log::LogFormat;
pub use record::RecordTo;
pub use remote::{RemoteError, RemotePage};
pub use run::{End, Options, PageSource, StartError, run, settings};
pub use serve::{CacheTtls, CertificateError, Clients, Lookup, Proxies, ServeError, Serving, TlsLimits};
pub use snapshot::{SnapshotError, snapshot};
pub use ui::{Copied, Copies, NoCopy};
