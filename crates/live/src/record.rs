//! Records everything that the flow is told, and a fingerprint of what it does, on a thread of its own.
//!
//! A file that has grown to its limit is followed by another one. Each can be replayed alone, so the flow starts anew with
//! all that it knows when a file begins, in a moment in which nothing is on its way.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use berth_flow::{Action, Input, Now};
use berth_journal::{Entry, Fingerprint, Header, Writer, part_of};

/// So many entries may wait to be written; the flow waits where there are more.
const QUEUE: usize = 1 << 16;
/// What was recorded is in the file after so long at the latest.
const FLUSH: Duration = Duration::from_secs(1);
/// Entries are left to gather for so long: to wake a thread for each of them would cost far more than to write it.
const GATHER: Duration = Duration::from_millis(20);
/// So many files are kept.
const PARTS: u64 = 4;

/// What is to be recorded where.
#[derive(Clone, Debug)]
pub struct RecordTo {
    /// The first file; the next ones have a number appended.
    pub file: PathBuf,
    /// How large a file grows, in bytes, before the next one begins.
    pub limit_bytes: u64,
    /// The configuration, for who replays it.
    pub configuration: String,
}

enum Order {
    Write(Entry),
    NextFile(Header),
}

/// The flow's side of a recording.
pub(crate) struct Recording {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
    full: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    done: Fingerprint,
    told: u64,
    header: Header,
}

impl Recording {
    /// Starts to record.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub(crate) fn start(to: RecordTo) -> io::Result<Self> {
        let header = Header {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: to.configuration,
            part: 1,
            timing: None,
        };
        let (orders, inbox) = sync_channel(QUEUE);
        let (full, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut scribe = Scribe {
            writer: open(&to.file, &header)?,
            file: to.file,
            limit_bytes: to.limit_bytes,
            full: Arc::clone(&full),
        };
        let thread = std::thread::Builder::new().name("recorder".to_owned());
        let breaks = Arc::clone(&broken);
        let thread = thread.spawn(move || {
            if let Err(error) = scribe.write_all(&inbox) {
                tracing::error!(file = %scribe.file.display(), "the recording ends here: {error}");
                breaks.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
            full,
            broken,
            done: Fingerprint::new(),
            told: 0,
            header,
        })
    }

    /// The flow is told something.
    pub(crate) fn take(&mut self, now: Now, input: &Input) {
        self.order(Order::Write(Entry::Take(now, Box::new(input.clone()))));
    }

    /// The flow tried a pod.
    pub(crate) fn attempt(&mut self, now: Now) {
        self.order(Order::Write(Entry::Attempt(now)));
    }

    /// The flow wants something done.
    pub(crate) fn act(&mut self, action: &Action) {
        self.done.add(action);
    }

    /// What was done so far belongs to what was told so far.
    pub(crate) fn settle(&mut self) {
        let (count, hash) = self.done.value();
        if count != self.told {
            self.told = count;
            self.order(Order::Write(Entry::Did(count, hash)));
        }
    }

    /// Whether the file has grown to its limit.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed) && !self.broken.load(Ordering::Relaxed)
    }

    /// Begins the next file.
    pub(crate) fn next_file(&mut self) {
        self.full.store(false, Ordering::Relaxed);
        self.header.part += 1;
        (self.done, self.told) = (Fingerprint::new(), 0);
        self.order(Order::NextFile(self.header.clone()));
    }

    fn order(&mut self, order: Order) {
        // A scribe that is gone has said why.
        if self.orders.as_ref().is_some_and(|orders| orders.send(order).is_err()) {
            self.orders = None;
        }
    }
}

impl Drop for Recording {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it has logged what went wrong
        }
    }
}

/// Who writes.
struct Scribe {
    writer: Writer<BufWriter<File>>,
    file: PathBuf,
    limit_bytes: u64,
    full: Arc<AtomicBool>,
}

impl Scribe {
    fn write_all(&mut self, inbox: &Receiver<Order>) -> io::Result<()> {
        let mut flushed = Instant::now();
        loop {
            match inbox.recv_timeout(FLUSH) {
                Ok(order) => self.carry_out(order)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.writer.flush(),
            }
            std::thread::sleep(GATHER);
            for order in inbox.try_iter().take(QUEUE) {
                self.carry_out(order)?;
            }
            if flushed.elapsed() >= FLUSH {
                self.writer.flush()?;
                flushed = Instant::now();
            }
            if self.writer.written() >= self.limit_bytes {
                self.full.store(true, Ordering::Relaxed);
            }
        }
    }

    fn carry_out(&mut self, order: Order) -> io::Result<()> {
        let header = match order {
            Order::Write(entry) => return self.writer.push(&entry),
            Order::NextFile(header) => header,
        };
        self.writer.flush()?;
        self.writer = open(&part_of(&self.file, header.part), &header)?;
        let Some(old) = header.part.checked_sub(PARTS).filter(|part| *part > 0) else { return Ok(()) };
        match std::fs::remove_file(part_of(&self.file, old)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn open(file: &Path, header: &Header) -> io::Result<Writer<BufWriter<File>>> {
    let mut writer = Writer::new(BufWriter::new(File::create(file)?))?;
    writer.push(&Entry::Header(header.clone()))?;
    writer.flush()?;
    Ok(writer)
}
