//! One process of the testbed: its log, its cost, its end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running process; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    pid_file: PathBuf,
}

/// What a process has used until now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time in seconds.
    pub cpu_s: f64,
    /// The most memory that was resident, in megabytes (2^20 bytes).
    pub peak_mb: f64,
    /// The memory that is resident now, in megabytes.
    pub resident_mb: f64,
}

impl Process {
    /// Starts `program` in `folder`, where `NAME.log` gets all that it says and `NAME.pid` stands while it runs.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(name: &str, program: &Path, args: &[String], folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let pid_file = folder.join(format!("{name}.pid"));
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new(program)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        fs::write(&pid_file, child.id().to_string())?;
        Ok(Self { name: name.to_owned(), child, log, pid_file })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has said.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Fails with the end of its log where it has ended by itself.
    ///
    /// # Errors
    /// It has ended.
    pub fn alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(15)..].join("\n");
            bail!("{} has ended ({status}):\n{end}", self.name);
        }
        Ok(())
    }

    /// What it has used, by the kernel's account.
    ///
    /// # Errors
    /// It has ended.
    pub fn usage(&self) -> Result<Usage> {
        let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
        let stat = fs::read_to_string(proc.join("stat"))
            .with_context(|| format!("no account of {}: has it ended?", self.name))?;
        let status = fs::read_to_string(proc.join("status"))?;
        // The name in parentheses may hold spaces; user and system time are the 12th and 13th fields after it.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        let megabytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
        };
        Ok(Usage {
            cpu_s: (ticks(11) + ticks(12)) / TICKS_PER_S,
            peak_mb: megabytes("VmHWM:"),
            resident_mb: megabytes("VmRSS:"),
        })
    }

    /// Kills it at once, as a machine that fails would.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        let _ = fs::remove_file(&self.pid_file);
        Ok(())
    }

    /// Asks it to end (SIGTERM), as a kubelet does.
    ///
    /// # Errors
    /// There is no `kill` here.
    pub fn terminate(&mut self) -> Result<()> {
        self.signal("TERM")
    }

    /// Sends it a signal, by its short name.
    ///
    /// # Errors
    /// There is no `kill` here.
    pub fn signal(&mut self, name: &str) -> Result<()> {
        let (signal, id) = (format!("-{name}"), self.child.id().to_string());
        Command::new("kill").args([signal, id]).status().context("cannot run kill")?;
        Ok(())
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It goes on for longer than `limit`.
    pub fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let _ = fs::remove_file(&self.pid_file);
                return Ok(status);
            }
            if start.elapsed() > limit {
                bail!("{} still runs {} s after it was asked to end", self.name, limit.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets it go on when this program ends.
    pub fn detach(self) {
        std::mem::forget(self);
    }
}

/// The kernel's clock of process times; 100 on every Linux that Rust has a target for.
const TICKS_PER_S: f64 = 100.0;

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
