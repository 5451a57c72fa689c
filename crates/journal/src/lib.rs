//! Recordings: the inputs of a flow, in order, and fingerprints of its actions.
//!
//! A flow is a function of its inputs, so a recording of the inputs is a recording of every decision. [`replay`]
//! repeats the inputs and compares the actions by their [`Fingerprint`]s. Of an object, only the part that the
//! scheduler reads is recorded ([`berth_wire::encode`]), so a recording holds no environment values, commands or
//! secrets.
//!
//! A file is a magic number and blocks. Each block has its length, its checksum and compressed entries. An incomplete
//! block is the end of the file. A block with a wrong checksum is an error. A file that has grown to its limit is
//! followed by another one, which begins with all objects, so each file can be replayed alone.
//!
//! [`compare`] repeats the changes of users and nodes with another configuration.

mod block;
mod canonical;
mod entry;
mod fingerprint;
mod part;
mod player;
mod reader;
mod replay;
mod what_if;
mod writer;

#[cfg(test)]
mod tests;

pub use block::RECORDING;
pub use entry::{Entry, Header, RecordedTieBreak, Timing};
pub use fingerprint::Fingerprint;
pub use part::part_of;
pub use player::{Player, Step};
pub use reader::{ReadError, Reader};
pub use replay::{Difference, Replay, ReplayedAttempt, Until, replay};
pub use what_if::{Comparison, Placement, compare};
pub use writer::Writer;
