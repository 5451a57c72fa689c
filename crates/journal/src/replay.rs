//! Repeats the inputs of a recording, and compares the actions.

use std::io::Read;

use berth_flow::{Report, SchedulingLoop, Settings};
use berth_model::Str;

use crate::entry::Entry;
use crate::player::{Player, Step};
use crate::reader::{ReadError, Reader};

/// The result of a replay.
pub struct Replay {
    /// The flow at the end of the replay.
    pub flow: SchedulingLoop,
    /// The attempts and their results, in order.
    pub decided: Vec<ReplayedAttempt>,
    /// The first difference from the recorded actions, if there is one.
    pub difference: Option<Difference>,
    /// The number of actions that were compared.
    pub compared: u64,
    /// Whether the recording ends within a block.
    pub torn: bool,
}

/// How far to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The whole recording.
    End,
    /// Before the attempt of this number, from 0 on.
    Attempt(usize),
}

/// An attempt to place a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedAttempt {
    /// The number of the attempt in the recording, from 0 on.
    pub number: usize,
    /// The time in microseconds since the Unix epoch.
    pub unix_micros: i64,
    /// `namespace/name`.
    pub pod: String,
    /// The number of the attempt for this pod, from 1 on.
    pub attempt: u32,
    /// The node and its score; `None` if the pod was not placed.
    pub node: Option<(Str, i64)>,
    /// Why it was not placed; empty if it was.
    pub message: String,
}

/// The first point at which a replay differs from the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The time in microseconds since the Unix epoch.
    pub unix_micros: i64,
    /// The number of actions in the recording up to there.
    pub recorded: u64,
    /// The number of actions in the replay up to there.
    pub replayed: u64,
}

/// Replays a recording.
///
/// # Errors
/// If the recording is damaged.
pub fn replay<R: Read>(reader: &mut Reader<R>, settings: Settings, stop: Until) -> Result<Replay, ReadError> {
    let mut player = Player::new(settings);
    let mut decided = Vec::new();
    while !stop.is_at(&mut player, reader)? {
        let Some(step) = player.step(reader, &mut |_, _, _| ())? else { break };
        decided.extend(ReplayedAttempt::of_step(step));
    }
    let (difference, compared) = (player.difference().cloned(), player.compared());
    Ok(Replay { flow: player.into_flow(), decided, difference, compared, torn: reader.is_torn() })
}

impl Until {
    /// After the last attempt up to this time, in microseconds since the Unix epoch. If the clock was set back, the
    /// attempts before that are included. Damage to the recording is reported by the replay.
    pub fn after<R: Read>(reader: &mut Reader<R>, unix_micros: i64) -> Self {
        let (mut attempts, mut wanted) = (0, 0);
        while let Ok(Some(entry)) = reader.next_entry() {
            if let Entry::Attempt(at) = entry {
                attempts += 1;
                wanted = if at.unix_micros <= unix_micros { attempts } else { wanted };
            }
        }
        Self::Attempt(wanted)
    }

    fn is_at<R: Read>(self, player: &mut Player, reader: &mut Reader<R>) -> Result<bool, ReadError> {
        match self {
            Self::Attempt(number) if player.attempts() == number => player.is_before_attempt(reader),
            _ => Ok(false),
        }
    }
}

impl ReplayedAttempt {
    /// The attempts that came to a result in a step.
    pub fn of_step(step: Step) -> impl Iterator<Item = Self> {
        let number = step.attempts.saturating_sub(1);
        step.reports.into_iter().filter_map(move |report| Self::of(number, step.now.unix_micros, report))
    }

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
