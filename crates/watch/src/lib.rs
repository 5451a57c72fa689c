//! The watch on one kind of object, as a state machine without IO, clock or chance. A shell sends the requests and
//! reads the answers: `live` on a real API server, `faults` on a simulated one.
//!
//! ```text
//!              ┌──────── 410 Gone, or a failure before the list is complete ────────┐
//!              ▼                                                                     │
//!          initial list ── initial events, or pages if the server cannot stream ──► following
//!              ▲                                                                     │   ▲
//!              │ restart()                   the connection ends: resume from there  └───┘
//! ```
//! [`WatchState::request`] says what to send next. What comes back is given to [`WatchState::on_line`],
//! [`WatchState::on_page`], [`WatchState::on_end`], [`WatchState::on_error`] or [`WatchState::on_refusal`], and each of
//! these says what to do next ([`Command`]). [`LineBuffer`] cuts a body into lines; [`decode`] reads the object of an
//! event. [`OwnWrites`] keeps the answers to writes until the watch is as new.
//!
//! Upstream: `client-go/tools/cache/reflector.go`, and "Efficient detection of changes" in the documentation of the
//! Kubernetes API.

mod decode;
mod line_buffer;
mod own_writes;
mod page;
mod protocol;
mod state;
#[cfg(test)]
mod tests;

pub use decode::{Decoded, decode, key};
pub use line_buffer::{LineBuffer, LineTooLong};
pub use own_writes::OwnWrites;
pub use page::Page;
pub use protocol::{EventType, Metadata, Status, WatchEvent, WatchLine};
pub use state::{Command, PAGE_LIMIT, PageCommand, Pause, Reconnect, Request, WatchState};
