//! Takes a recording's inputs again, and compares what comes of them.

use std::io::Read;

use berth_flow::{Report, SchedulingLoop, Settings};
use berth_model::Str;

use crate::entry::Entry;
use crate::fingerprint::Fingerprint;
use crate::reader::{ReadError, Reader};

/// What a replay came to.
pub struct Replay {
    /// The flow as it was at the end of the replay.
    pub flow: SchedulingLoop,
    /// Every attempt and what came of it, in order.
    pub decided: Vec<Decided>,
    /// Where the replay did something else than was recorded first; `None`: nowhere.
    pub difference: Option<Difference>,
    /// How many actions were compared.
    pub compared: u64,
    /// Whether the recording ends within a block.
    pub torn: bool,
}

/// Where a replay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// With the recording.
    AtItsEnd,
    /// Before the attempt of this number, from 0 on.
    Before(usize),
}

/// An attempt to place a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The number of the attempt among all, from 0 on.
    pub number: usize,
    /// When, in microseconds since the Unix epoch.
    pub unix_micros: i64,
    /// `namespace/name`.
    pub pod: String,
    /// Which attempt of the pod it was.
    pub attempt: u32,
    /// The node and its score; `None`: it was not placed.
    pub node: Option<(Str, i64)>,
    /// Why not, or empty.
    pub message: String,
}

/// A replay that did something else than was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// When, in microseconds since the Unix epoch.
    pub unix_micros: i64,
    /// How many actions there were by then in the recording.
    pub recorded: u64,
    /// And in the replay.
    pub replayed: u64,
}

/// Replays a recording.
///
/// # Errors
/// Where the recording is damaged.
pub fn replay<R: Read>(reader: &mut Reader<R>, settings: Settings, stop: Stop) -> Result<Replay, ReadError> {
    let mut flow = SchedulingLoop::new(settings);
    let mut done = Fingerprint::new();
    let (mut decided, mut difference, mut compared) = (Vec::new(), None, 0);
    let (mut now, mut attempts) = (0, 0);
    while let Some(entry) = reader.next_entry()? {
        if stop.is_past(attempts, &entry) {
            break;
        }
        match entry {
            Entry::Header(_) => {}
            Entry::Take(at, input) => {
                now = at.unix_micros;
                flow.take(at, *input);
            }
            Entry::Attempt(at) => {
                now = at.unix_micros;
                flow.attempt(at);
                attempts += 1;
            }
            Entry::Did(count, hash) => {
                compared = count;
                if difference.is_none() && done.value() != (count, hash) {
                    let (replayed, _) = done.value();
                    difference = Some(Difference { unix_micros: now, recorded: count, replayed });
                }
            }
        }
        for action in flow.drain_actions() {
            done.add(&action);
        }
        let number = usize::saturating_sub(attempts, 1);
        decided.extend(flow.drain_reports().filter_map(|report| Decided::of(number, now, report)));
    }
    Ok(Replay { flow, decided, difference, compared, torn: reader.is_torn() })
}

impl Stop {
    /// After the last attempt up to this time, in microseconds since the Unix epoch. Where the clock was set back, what came
    /// after that is included; where the recording is damaged, the replay will say so.
    pub fn after<R: Read>(reader: &mut Reader<R>, unix_micros: i64) -> Self {
        let (mut attempts, mut wanted) = (0, 0);
        while let Ok(Some(entry)) = reader.next_entry() {
            if let Entry::Attempt(at) = entry {
                attempts += 1;
                wanted = if at.unix_micros <= unix_micros { attempts } else { wanted };
            }
        }
        Self::Before(wanted)
    }

    fn is_past(self, attempts: usize, entry: &Entry) -> bool {
        match (self, entry) {
            (Self::Before(number), Entry::Attempt(_)) => attempts == number,
            _ => false,
        }
    }
}

impl Decided {
    fn of(number: usize, unix_micros: i64, report: Report) -> Option<Self> {
        let (attempted, node, message) = match report {
            Report::Assumed(attempted, landing) => {
                (attempted, Some((landing.node, landing.score)), String::new())
            }
            Report::Unschedulable(attempted, refusal) | Report::Failed(attempted, refusal) => {
                (attempted, None, refusal.message)
            }
            _ => return None,
        };
        Some(Self {
            number,
            unix_micros,
            pod: attempted.pod.to_string(),
            attempt: attempted.attempts,
            node,
            message,
        })
    }
}
