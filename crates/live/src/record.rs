//! Records everything that the flow is told, and a fingerprint of what it does, on a thread of its own.
//!
//! A file that has grown to its limit is followed by another one. Each can be replayed alone, so the flow starts anew with
//! all that it knows when a file begins, in a moment in which nothing is on its way.

mod files;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use berth_flow::{Action, Input, Now};
use berth_journal::{Entry, Fingerprint, Header, Writer};
use files::Files;

/// So many entries may wait to be written; the flow waits where there are more.
const QUEUE: usize = 1 << 16;
/// What was recorded is in the file after so long at the latest.
const FLUSH: Duration = Duration::from_secs(1);
/// Entries are left to gather for so long: to wake a thread for each of them would cost far more than to write it.
const GATHER: Duration = Duration::from_millis(20);

/// What is to be recorded where.
#[derive(Clone, Debug)]
pub struct RecordTo {
    /// The first file; the next ones have a number appended, those of the next process too.
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
    header: Header,
}

impl Recording {
    /// Starts to record.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub(crate) fn start(to: RecordTo) -> io::Result<Self> {
        let files = Files::new(to.file, to.limit_bytes);
        let header = Header {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: to.configuration,
            part: files.next_part()?,
            timing: None,
        };
        let (orders, inbox) = sync_channel(QUEUE);
        let (full, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut scribe =
            Scribe { writer: open(&files, &header)?, part: header.part, files, full: Arc::clone(&full) };
        let thread = std::thread::Builder::new().name("recorder".to_owned());
        let breaks = Arc::clone(&broken);
        let thread = thread.spawn(move || {
            if let Err(error) = scribe.write_all(&inbox) {
                let file = scribe.files.path(scribe.part);
                tracing::error!(file = %file.display(), "the recording ends here: {error}");
                breaks.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
            full,
            broken,
            done: Fingerprint::new(),
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
        if let Some(did) = self.done.news() {
            self.order(Order::Write(did));
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
        self.done = Fingerprint::new();
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
    /// The number of the file that is written.
    part: u64,
    files: Files,
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
            if self.writer.written() >= self.files.limit_bytes() {
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
        self.part = header.part;
        self.writer = open(&self.files, &header)?;
        Ok(())
    }
}

fn open(files: &Files, header: &Header) -> io::Result<Writer<BufWriter<File>>> {
    let mut writer = Writer::new(BufWriter::new(files.make(header.part)?))?;
    writer.push(&Entry::Header(header.clone()))?;
    writer.flush()?;
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records something, and gives the files of the folder with their sizes.
    fn record(to: &RecordTo, files: u64) -> Vec<(String, u64)> {
        let mut recording = Recording::start(to.clone()).unwrap();
        for _ in 1..files {
            recording.next_file();
        }
        drop(recording);
        let folder = std::fs::read_dir(to.file.parent().unwrap()).unwrap().map(Result::unwrap);
        let mut found: Vec<_> = folder
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
            .collect();
        found.sort();
        found
    }

    fn names(files: &[(String, u64)]) -> Vec<&str> {
        files.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn a_process_that_starts_leaves_what_an_earlier_one_recorded() {
        let folder = std::env::temp_dir().join(format!("berth-record-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut to =
            RecordTo { file: folder.join("a.rec"), limit_bytes: 1 << 20, configuration: String::new() };
        std::fs::write(&to.file, "").unwrap(); // an empty file holds nothing, and is taken
        let before = record(&to, 1);
        assert_eq!(names(&before), ["a.rec"]);
        let text = std::fs::read(&to.file).unwrap();
        assert_eq!(names(&record(&to, 1)), ["a.rec", "a.rec.2"]);
        assert_eq!(std::fs::read(&to.file).unwrap(), text);
        assert_eq!(names(&record(&to, 2)), ["a.rec", "a.rec.2", "a.rec.3", "a.rec.4"]);
        // Where they are full, four are kept: three and the new one.
        to.limit_bytes = 1;
        assert_eq!(names(&record(&to, 1)), ["a.rec.2", "a.rec.3", "a.rec.4", "a.rec.5"]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
