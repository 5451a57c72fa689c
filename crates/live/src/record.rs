//! Records all inputs of the flow, and fingerprints of its actions, on a separate thread.
//!
//! A file that has grown to its limit is followed by another one. Each file can be replayed alone: when a file begins,
//! a new flow gets everything that the old one knew, at a moment without requests in flight.

mod files;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use berth_engine::tie_break::TieBreak;
use berth_flow::{Action, Input, Now};
use berth_journal::{Entry, Fingerprint, Header, Writer};
use files::Files;

/// The number of entries that may wait to be written. The event loop waits if there are more.
const QUEUE: usize = 1 << 16;
/// The longest time until an entry is in the file.
const FLUSH: Duration = Duration::from_secs(1);
/// The time in which entries gather: waking a thread for each one would cost far more than writing it.
const GATHER: Duration = Duration::from_millis(20);

/// Where to record, and the limits.
#[derive(Clone, Debug)]
pub struct RecordTo {
    /// The first file. The next files have a number appended, also those of later processes.
    pub file: PathBuf,
    /// The size in bytes at which the next file begins.
    pub limit_bytes: u64,
    /// The configuration, for the replay.
    pub configuration: String,
    /// How ties are broken in all profiles, whatever the configuration says.
    pub tie_break: Option<TieBreak>,
}

enum Job {
    Write(Entry),
    NextFile(Header),
}

/// The event loop's side of a recording.
pub(crate) struct Recording {
    jobs: Option<SyncSender<Job>>,
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
    /// If the file cannot be created.
    pub(crate) fn start(to: RecordTo) -> io::Result<Self> {
        let files = Files::new(to.file, to.limit_bytes);
        let header = Header {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: to.configuration,
            part: files.next_part()?,
            tie_break: to.tie_break.into(),
            timing: None,
        };
        let (jobs, inbox) = sync_channel(QUEUE);
        let (full, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut recorder = RecorderThread {
            writer: open(&files, &header)?,
            part: header.part,
            files,
            full: Arc::clone(&full),
        };
        let thread = std::thread::Builder::new().name("recorder".to_owned());
        let breaks = Arc::clone(&broken);
        let thread = thread.spawn(move || {
            if let Err(error) = recorder.write_all(&inbox) {
                let file = recorder.files.path(recorder.part);
                tracing::error!(file = %file.display(), "recording stopped: {error}");
                breaks.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), full, broken, done: Fingerprint::new(), header })
    }

    /// Records an input of the flow.
    pub(crate) fn take(&mut self, now: Now, input: &Input) {
        self.send(Job::Write(Entry::Take(now, Box::new(input.clone()))));
    }

    /// Records an attempt.
    pub(crate) fn attempt(&mut self, now: Now) {
        self.send(Job::Write(Entry::Attempt(now)));
    }

    /// Adds an action to the fingerprint.
    pub(crate) fn act(&mut self, action: &Action) {
        self.done.add(action);
    }

    /// Records the fingerprint of the actions so far, which follow from the inputs so far.
    pub(crate) fn settle(&mut self) {
        if let Some(did) = self.done.news() {
            self.send(Job::Write(did));
        }
    }

    /// Whether the file has reached its limit.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed) && !self.broken.load(Ordering::Relaxed)
    }

    /// Begins the next file.
    pub(crate) fn next_file(&mut self) {
        self.full.store(false, Ordering::Relaxed);
        self.header.part += 1;
        self.done = Fingerprint::new();
        self.send(Job::NextFile(self.header.clone()));
    }

    fn send(&mut self, job: Job) {
        // A thread that ended has logged why.
        if self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_err()) {
            self.jobs = None;
        }
    }
}

impl Drop for Recording {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it has logged what went wrong
        }
    }
}

/// The thread that writes.
struct RecorderThread {
    writer: Writer<BufWriter<File>>,
    /// The number of the current file.
    part: u64,
    files: Files,
    full: Arc<AtomicBool>,
}

impl RecorderThread {
    fn write_all(&mut self, inbox: &Receiver<Job>) -> io::Result<()> {
        let mut flushed = Instant::now();
        loop {
            match inbox.recv_timeout(FLUSH) {
                Ok(job) => self.carry_out(job)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.writer.flush(),
            }
            std::thread::sleep(GATHER);
            for job in inbox.try_iter().take(QUEUE) {
                self.carry_out(job)?;
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

    fn carry_out(&mut self, job: Job) -> io::Result<()> {
        let header = match job {
            Job::Write(entry) => return self.writer.push(&entry),
            Job::NextFile(header) => header,
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

    /// Records this many files, and lists the folder with the sizes of its files.
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
    fn a_process_keeps_the_recordings_of_earlier_ones() {
        let folder = std::env::temp_dir().join(format!("berth-record-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut to = RecordTo {
            file: folder.join("a.rec"),
            limit_bytes: 1 << 20,
            configuration: String::new(),
            tie_break: None,
        };
        std::fs::write(&to.file, "").unwrap(); // an empty file is overwritten
        let before = record(&to, 1);
        assert_eq!(names(&before), ["a.rec"]);
        let text = std::fs::read(&to.file).unwrap();
        assert_eq!(names(&record(&to, 1)), ["a.rec", "a.rec.2"]);
        assert_eq!(std::fs::read(&to.file).unwrap(), text);
        assert_eq!(names(&record(&to, 2)), ["a.rec", "a.rec.2", "a.rec.3", "a.rec.4"]);
        // Four full files are kept: three and the new one.
        to.limit_bytes = 1;
        assert_eq!(names(&record(&to, 1)), ["a.rec.2", "a.rec.3", "a.rec.4", "a.rec.5"]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
