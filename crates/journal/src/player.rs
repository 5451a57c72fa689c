//! Plays a recording step by step: each step gives one entry to a flow.

use std::io::Read;

use berth_flow::{Input, Now, Report, SchedulingLoop, Settings};

use crate::entry::Entry;
use crate::fingerprint::Fingerprint;
use crate::reader::{ReadError, Reader};
use crate::replay::Difference;

/// A flow that repeats the inputs of a recording.
pub struct Player {
    flow: SchedulingLoop,
    done: Fingerprint,
    difference: Option<Difference>,
    compared: u64,
    attempts: usize,
    now: Now,
    /// The next entry, if it was looked at already.
    next: Option<Entry>,
}

/// What one entry of a recording led to.
#[derive(Clone, Debug)]
pub struct Step {
    /// The time of the entry; that of the entry before it if it has none.
    pub now: Now,
    /// How many attempts were made, this one included.
    pub attempts: usize,
    /// What the flow reported.
    pub reports: Vec<Report>,
}

impl Player {
    /// A player at the start of a recording.
    pub fn new(settings: Settings) -> Self {
        Self {
            flow: SchedulingLoop::new(settings),
            done: Fingerprint::new(),
            difference: None,
            compared: 0,
            attempts: 0,
            now: Now::default(),
            next: None,
        }
    }

    /// The flow as it is after the last step.
    pub fn flow(&self) -> &SchedulingLoop {
        &self.flow
    }

    /// The flow, if no more steps are wanted.
    pub fn into_flow(self) -> SchedulingLoop {
        self.flow
    }

    /// How many attempts were made.
    pub fn attempts(&self) -> usize {
        self.attempts
    }

    /// The first difference from the recorded actions, if there is one.
    pub fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }

    /// The number of actions that were compared.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// Whether the next entry is an attempt.
    ///
    /// # Errors
    /// If the recording is damaged.
    pub fn is_before_attempt<R: Read>(&mut self, reader: &mut Reader<R>) -> Result<bool, ReadError> {
        if self.next.is_none() {
            self.next = reader.next_entry()?;
        }
        Ok(matches!(self.next, Some(Entry::Attempt(_))))
    }

    /// Plays the next entry; `None` at the end. `before` is called first, with the time of the entry, the flow before it
    /// and its input, if it has one.
    ///
    /// # Errors
    /// If the recording is damaged.
    pub fn step<R: Read>(
        &mut self,
        reader: &mut Reader<R>,
        before: &mut dyn FnMut(Now, &SchedulingLoop, Option<&Input>),
    ) -> Result<Option<Step>, ReadError> {
        let entry = match self.next.take() {
            Some(entry) => Some(entry),
            None => reader.next_entry()?,
        };
        let Some(entry) = entry else { return Ok(None) };
        match entry {
            Entry::Header(_) => {}
            Entry::Take(at, input) => {
                self.now = at;
                before(at, &self.flow, Some(&input));
                self.flow.take(at, *input);
            }
            Entry::Attempt(at) => {
                self.now = at;
                before(at, &self.flow, None);
                self.flow.attempt(at);
                self.attempts += 1;
            }
            Entry::Did(count, hash) => self.compare(count, hash),
        }
        for action in self.flow.drain_actions() {
            self.done.add(&action);
        }
        let reports = self.flow.drain_reports().collect();
        Ok(Some(Step { now: self.now, attempts: self.attempts, reports }))
    }

    fn compare(&mut self, count: u64, hash: u64) {
        self.compared = count;
        if self.difference.is_none() && self.done.value() != (count, hash) {
            let (replayed, _) = self.done.value();
            self.difference =
                Some(Difference { unix_micros: self.now.unix_micros, recorded: count, replayed });
        }
    }
}
