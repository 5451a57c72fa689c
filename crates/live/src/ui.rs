//! What the page of the scheduler (`--ui`) shows: copies of what the event loop knows.
//!
//! The event loop only copies the cluster; documents and questions are made of the copy on other threads. Copying takes
//! at most one part in [`SHARE`] of the event loop's time, however many pages are open: all of them see the same copy.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_flow::{Input, Now, Report, SchedulingLoop};
use berth_view::{Moment, Timeline, TimelineRecorder};

use crate::message::{Inbox, Message};

/// Copies take at most one part in this many of the event loop's time.
const SHARE: u32 = 200;
/// The shortest interval of the timeline in milliseconds.
const INTERVAL: u64 = 1_000;
/// A copy is not made again before it has this age.
const MIN_AGE: Duration = Duration::from_secs(2);
/// The longest time for a copy.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the event loop knew at one moment.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The cluster, and why pods are pending.
    pub moment: Moment,
    /// What happened since the process started.
    pub timeline: Timeline,
}

/// Where to send a copy; `None` if it is too early for another one.
pub(crate) type CopySender = SyncSender<Option<Box<Copied>>>;

/// The part of the event loop that observes it, and copies what it knows.
#[derive(Debug)]
pub(crate) struct Copier {
    recorder: TimelineRecorder,
    not_before: Instant,
}

impl Copier {
    pub(crate) fn new() -> Self {
        Self { recorder: TimelineRecorder::new(INTERVAL), not_before: Instant::now() }
    }

    /// Must be called before the flow takes an input or attempts a pod.
    pub(crate) fn before(&mut self, now: Now, flow: &SchedulingLoop, input: Option<&Input>) {
        self.recorder.before(now, flow, input);
    }

    /// Must be called with each report.
    pub(crate) fn reported(&mut self, now: Now, report: &Report) {
        self.recorder.reported(now, report);
    }

    /// Copies what the flow knows, unless copies have taken too much time.
    pub(crate) fn copy(&mut self, flow: &SchedulingLoop, sender: &CopySender) {
        let start = Instant::now();
        let copied = (start >= self.not_before).then(|| {
            let timeline = self.recorder.timeline(flow, Vec::new());
            Box::new(Copied { moment: Moment::of(flow), timeline })
        });
        if copied.is_some() {
            self.not_before = Instant::now() + start.elapsed() * SHARE;
        }
        let _ = sender.try_send(copied); // the page may have given up
    }
}

/// A copy and when it was made.
type Newest = (Instant, Arc<Copied>);

/// Gives copies of what the event loop knows.
#[derive(Clone, Debug)]
pub struct Copies {
    inbox: Inbox,
    newest: Arc<Mutex<Option<Newest>>>,
}

/// Why there is no copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCopy {
    /// The copies before it have taken too much of the scheduler's time.
    #[error("the scheduler is asked too often; try again in a moment")]
    Busy,
    /// The event loop does not answer.
    #[error("the scheduler does not answer")]
    Silent,
}

impl Copies {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { inbox, newest: Arc::default() }
    }

    /// What the event loop knows: the newest copy if it is young, or if it is too early for another one. It waits for the
    /// event loop, so it must not be called on a thread that serves connections.
    ///
    /// # Errors
    /// If there is none.
    pub fn newest(&self) -> Result<Arc<Copied>, NoCopy> {
        // Others wait here for the same copy.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, copied)) = &*newest
            && made.elapsed() < MIN_AGE
        {
            return Ok(Arc::clone(copied));
        }
        let (sender, receiver) = sync_channel(1);
        self.inbox.send(Message::Copy(sender)).map_err(|_| NoCopy::Silent)?;
        match receiver.recv_timeout(PATIENCE) {
            Err(_) => Err(NoCopy::Silent),
            Ok(None) => newest.as_ref().map(|(_, copied)| Arc::clone(copied)).ok_or(NoCopy::Busy),
            Ok(Some(copied)) => {
                let copied = Arc::new(*copied);
                *newest = Some((Instant::now(), Arc::clone(&copied)));
                Ok(copied)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use berth_engine::profile::Profile;
    use berth_flow::Settings;
    use tokio::sync::watch;

    use super::*;

    /// Copies of a loop that answers on a thread of its own, and how often it was asked.
    fn copies(not_before: Instant) -> (Copies, thread::JoinHandle<usize>) {
        let (sender, receiver) = channel();
        let (_, epoch) = watch::channel(0);
        let copies = Copies::new(Inbox::new(sender, epoch));
        let looped = thread::spawn(move || {
            let flow = SchedulingLoop::new(Settings::new(vec![Profile::standard("default-scheduler")]));
            let mut copier = Copier { not_before, ..Copier::new() };
            let mut asked = 0;
            for message in receiver {
                if let Message::Copy(sender) = message {
                    asked += 1;
                    copier.copy(&flow, &sender);
                }
            }
            asked
        });
        (copies, looped)
    }

    #[test]
    fn many_pages_get_one_copy() {
        let (copies, looped) = copies(Instant::now());
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let copies = copies.clone();
                thread::spawn(move || copies.newest().unwrap())
            })
            .collect();
        let first = copies.newest().unwrap();
        for reader in readers {
            assert!(Arc::ptr_eq(&reader.join().unwrap(), &first));
        }
        drop(copies);
        assert_eq!(looped.join().unwrap(), 1);
    }

    #[test]
    fn copies_take_a_part_of_the_time_and_an_old_copy_is_better_than_none() {
        let (busy, _) = copies(Instant::now() + Duration::from_secs(60));
        assert_eq!(busy.newest().unwrap_err(), NoCopy::Busy);
        let (_, known) = {
            let (other, _) = copies(Instant::now());
            (0, other.newest().unwrap())
        };
        *busy.newest.lock().unwrap() = Some((Instant::now() - MIN_AGE, Arc::clone(&known)));
        assert!(Arc::ptr_eq(&busy.newest().unwrap(), &known));
    }

    #[test]
    fn an_event_loop_that_has_ended_gives_no_copy() {
        let (sender, _) = channel();
        let (_, epoch) = watch::channel(0);
        assert_eq!(Copies::new(Inbox::new(sender, epoch)).newest().unwrap_err(), NoCopy::Silent);
    }
}
