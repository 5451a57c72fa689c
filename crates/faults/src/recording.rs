//! What a simulated process leaves behind: the recording that `berth scheduler --record` would have written.

use berth_flow::{Action, Input, Now};
use berth_journal::{Entry, Fingerprint, Header, RecordedTieBreak, Timing, Writer};

use crate::instance;

/// How long entries stay in memory before they are written, in milliseconds, as in a real process.
const FLUSH_MILLIS: u64 = 1_000;

/// The file of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The process, from 1 on.
    pub part: u64,
    /// What is in its file.
    pub bytes: Vec<u8>,
}

/// The recording of a running process.
pub struct Recording {
    part: u64,
    writer: Writer<Vec<u8>>,
    done: Fingerprint,
    flush_at: u64,
}

impl Recording {
    /// Begins the recording of a process.
    pub fn begin(part: u64) -> Self {
        let settings = instance::settings(Vec::new());
        let header = Header {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: instance::CONFIGURATION.to_owned(),
            part,
            tie_break: RecordedTieBreak::Configured,
            timing: Some(Timing { flush_millis: settings.flush_millis }),
        };
        let writer = Writer::new(Vec::new()).expect("memory takes all");
        let mut recording = Self { part, writer, done: Fingerprint::new(), flush_at: 0 };
        recording.push(&Entry::Header(header));
        recording.flush();
        recording
    }

    /// The loop receives an input.
    pub fn take(&mut self, now: Now, input: &Input) {
        if now.millis >= self.flush_at {
            self.flush();
            self.flush_at = now.millis + FLUSH_MILLIS;
        }
        self.push(&Entry::Take(now, Box::new(input.clone())));
    }

    /// The loop tried a pod, or a timer of it was due.
    pub fn attempt(&mut self, now: Now) {
        self.push(&Entry::Attempt(now));
    }

    /// The actions of the loop after the inputs so far.
    pub fn act(&mut self, actions: &[Action]) {
        actions.iter().for_each(|action| self.done.add(action));
        if let Some(did) = self.done.news() {
            self.push(&did);
        }
    }

    /// The file of a process that was asked to end.
    pub fn end(mut self) -> Recorded {
        self.flush();
        Recorded { part: self.part, bytes: self.writer.into_inner() }
    }

    /// The file of a process that was killed during a write: only half of the last block is there.
    pub fn kill(self) -> Recorded {
        let safe = usize::try_from(self.writer.written()).unwrap_or(usize::MAX);
        let Recorded { part, mut bytes } = self.end();
        bytes.truncate(usize::midpoint(safe, bytes.len()));
        Recorded { part, bytes }
    }

    fn push(&mut self, entry: &Entry) {
        self.writer.push(entry).expect("memory takes all");
    }

    fn flush(&mut self) {
        self.writer.flush().expect("memory takes all");
    }
}
