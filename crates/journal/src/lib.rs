//! Recordings: all that a flow was told, in order, and a fingerprint of all that it did.
//!
//! A flow is a function of its inputs, so a recording of those is a recording of every decision: [`replay`] takes the
//! inputs again and compares what comes of them, byte for byte, by [`Fingerprint`]s. What is recorded of an object is what
//! the scheduler sees of it ([`berth_wire::encode`]): environment values, commands and secrets cannot enter.
//!
//! A file is a magic number and blocks, each with its length, its checksum and a compressed run of entries. A block that is
//! not whole is the end; one whose checksum is wrong is reported, not believed. A file that has grown to its limit is
//! followed by another one, which starts with all objects, so that each can be replayed alone.
//!
//! [`compare`] takes a recording's users and nodes, and has another configuration decide.

mod block;
mod entry;
mod fingerprint;
mod part;
mod reader;
mod replay;
mod what_if;
mod writer;

#[cfg(test)]
mod tests;

pub use entry::{Entry, Header, Timing};
pub use fingerprint::Fingerprint;
pub use part::part_of;
pub use reader::{ReadError, Reader};
pub use replay::{Decided, Difference, Replay, Stop, replay};
pub use what_if::{Comparison, Landing, compare};
pub use writer::Writer;
