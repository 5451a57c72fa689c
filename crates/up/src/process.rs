//! One component as a process: its log, its record, its cost, its end.
//!
//! A record `run/NAME.pid` holds the process id and the start time that the kernel keeps, so that a later start finds
//! what an earlier one left running, and never ends a process that merely got the same id.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, set_parent_process_death_signal, test_kill_process};

/// How many lines of a log an error shows.
const LOG_LINES: usize = 15;
/// The pause between two looks at a process.
const LOOK: Duration = Duration::from_millis(10);
/// The time that a process has to end after it was asked to; then it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A program with its arguments, and where it runs.
#[derive(Clone, Debug)]
pub struct Start {
    /// The name of the component, of its log and of its record.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where it runs: its log is `logs/NAME.log` there, its record `run/NAME.pid`.
    pub folder: PathBuf,
    /// The program `berth`, through which the component is started so that the kernel ends it with this process
    /// (see [`replace`]); without it, the component may outlive a killed parent.
    pub tie: Option<PathBuf>,
}

/// A running process; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    start: Start,
    child: Child,
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

impl Start {
    fn log(&self) -> PathBuf {
        log_file(&self.folder, &self.name)
    }

    fn record(&self) -> PathBuf {
        self.folder.join("run").join(format!("{}.pid", self.name))
    }

    fn command(&self) -> Command {
        let Some(berth) = &self.tie else {
            let mut command = Command::new(&self.program);
            command.args(&self.args);
            return command;
        };
        let mut command = Command::new(berth);
        command.args(["up", "exec"]).arg(std::process::id().to_string()).arg(&self.program).args(&self.args);
        command
    }
}

impl Process {
    /// Starts a component that may outlive a killed parent; see [`Process::of`].
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start(name: &str, program: &Path, args: &[String], folder: &Path) -> Result<Self> {
        Self::of(Start {
            name: name.to_owned(),
            program: program.to_owned(),
            args: args.to_vec(),
            folder: folder.to_owned(),
            tie: None,
        })
    }

    /// Starts a component in a process group of its own, so that Ctrl-C in a terminal reaches only the parent, which
    /// then ends the components in their order. The log of an earlier start is kept as `NAME.log.1`.
    ///
    /// # Errors
    /// If the program cannot be started, or its files cannot be written.
    pub fn of(start: Start) -> Result<Self> {
        let (log, record) = (start.log(), start.record());
        for file in [&log, &record] {
            let folder = file.parent().unwrap_or(&start.folder);
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        if log.exists() {
            let _ = fs::rename(&log, log.with_extension("log.1"));
        }
        let child = spawn(&start)?;
        Ok(Self { start, child })
    }

    /// Kills it, and starts the same program with the same arguments. The log goes on.
    ///
    /// # Errors
    /// As [`Process::of`].
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.child = spawn(&self.start)?;
        Ok(())
    }

    /// The name of the component.
    pub fn name(&self) -> &str {
        &self.start.name
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The content of its log.
    pub fn log(&self) -> String {
        fs::read(self.start.log())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Checks that it runs.
    ///
    /// # Errors
    /// If it has ended: the error has the end of its log.
    pub fn alive(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let (name, path) = (&self.start.name, self.start.log());
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        bail!("{name} has ended ({status}). The end of its log, {}:\n{end}", path.display());
    }

    /// What it has used, as the kernel counts it.
    ///
    /// # Errors
    /// If it has ended.
    pub fn usage(&self) -> Result<Usage> {
        usage(self.child.id()).with_context(|| format!("no usage of {}: has it ended?", self.start.name))
    }

    /// Kills it at once, as a machine that fails would.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        let _ = fs::remove_file(self.start.record());
        Ok(())
    }

    /// Asks it to end (SIGTERM), as a kubelet does.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn terminate(&mut self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        match kill_process(pid(self.child.id())?, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot signal {}", self.start.name)),
        }
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// If it still runs after `limit`.
    pub fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let _ = fs::remove_file(self.start.record());
                return Ok(status);
            }
            if begin.elapsed() > limit {
                bail!("{} still runs {} s after it was asked to end", self.start.name, limit.as_secs());
            }
            sleep(LOOK);
        }
    }

    /// Lets it run on when this process ends.
    pub fn detach(self) {
        std::mem::forget(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Starts a process whose output is appended to its log, and writes its record.
fn spawn(start: &Start) -> Result<Child> {
    let (log, record) = (start.log(), start.record());
    let out = File::options().create(true).append(true).open(&log);
    let out = out.with_context(|| format!("cannot write {}", log.display()))?;
    let mut child = start
        .command()
        .current_dir(&start.folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .with_context(|| format!("cannot start {}", start.program.display()))?;
    let id = child.id();
    if let Err(error) = fs::write(&record, format!("{id} {}\n", started(id).unwrap_or_default())) {
        let _ = child.kill();
        return Err(error).with_context(|| format!("cannot write {}", record.display()));
    }
    Ok(child)
}

/// Asks all processes to end at the same time, and kills those that still run after some seconds.
pub fn end_together(processes: &mut [Process]) {
    for process in processes.iter_mut() {
        let _ = process.terminate();
    }
    let limit = Instant::now() + GRACE;
    for process in processes.iter_mut() {
        if process.ended(limit.saturating_duration_since(Instant::now())).is_err() {
            let _ = process.kill();
        }
    }
}

/// Ends the processes whose records are in `folder` and that still run, and removes the records. Returns the names of
/// those that ran.
///
/// # Errors
/// If a process cannot be ended.
pub fn end_recorded(folder: &Path) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(folder.join("run")) else { return Ok(Vec::new()) };
    let mut ended = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "pid") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let (id, start) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if let Ok(id) = id.parse::<u32>()
            && started(id).is_some_and(|now| now == start)
        {
            end(id)?;
            ended.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    ended.sort();
    Ok(ended)
}

/// Asks a process to end.
///
/// # Errors
/// If the kernel refuses.
pub fn terminate(id: u32) -> Result<()> {
    kill_process(pid(id)?, Signal::TERM).with_context(|| format!("cannot signal process {id}"))
}

/// Kills a process and waits until it is gone.
fn end(id: u32) -> Result<()> {
    let pid = pid(id)?;
    let limit = Instant::now() + GRACE;
    while let Ok(()) = test_kill_process(pid) {
        if started(id).is_none() {
            break; // ended, and only its parent has not noticed
        }
        let _ = kill_process(pid, Signal::KILL);
        if Instant::now() > limit {
            bail!("process {id} cannot be ended");
        }
        sleep(LOOK);
    }
    Ok(())
}

/// The file of a component's log.
pub fn log_file(folder: &Path, name: &str) -> PathBuf {
    folder.join("logs").join(format!("{name}.log"))
}

/// Replaces this process with `program`, which the kernel kills when the process `parent` ends. Only Linux can do the
/// latter; elsewhere the next start ends what is left.
///
/// # Errors
/// Always if it returns: the program cannot be started, or the parent has ended already.
pub fn replace(parent: u32, program: &Path, args: &[String]) -> Result<std::convert::Infallible> {
    #[cfg(target_os = "linux")]
    set_parent_process_death_signal(Some(Signal::KILL)).context("the kernel refuses PR_SET_PDEATHSIG")?;
    let now = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now != parent {
        bail!("the process {parent} has ended");
    }
    let error = Command::new(program).args(args).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}

/// Leaves the terminal: this process no longer ends with it.
///
/// # Errors
/// If the kernel refuses.
pub fn leave_terminal() -> Result<()> {
    rustix::process::setsid().map(|_| ()).context("cannot leave the terminal")
}

/// When the kernel started the process, in words that differ from those of any other process with the same id. `None`
/// if there is no such process, or it has ended.
#[cfg(target_os = "linux")]
pub fn started(id: u32) -> Option<String> {
    let fields = stat(id)?;
    let state = fields.first()?;
    // The start time is the 22nd field of the file: the 20th after the name.
    (state != "Z" && state != "X").then(|| fields.get(19).cloned())?
}

/// When the kernel started the process, in words that differ from those of any other process with the same id. `None`
/// if there is no such process, or it has ended.
#[cfg(not(target_os = "linux"))]
pub fn started(id: u32) -> Option<String> {
    let said = Command::new("ps").args(["-o", "lstart=", "-p"]).arg(id.to_string()).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).trim().replace(' ', "-");
    (!text.is_empty()).then_some(text)
}

/// The fields of `/proc/ID/stat` after the name, which may hold spaces and parentheses.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// What a process has used, as the kernel counts it; `None` if there is no such process.
pub fn usage(id: u32) -> Option<Usage> {
    let fields = stat(id)?;
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    let megabytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
    };
    // User and system time are the 12th and 13th fields after the name.
    Some(Usage {
        cpu_s: (ticks(11) + ticks(12)) / TICKS_PER_S,
        peak_mb: megabytes("VmHWM:"),
        resident_mb: megabytes("VmRSS:"),
    })
}

/// The kernel's clock of process times; 100 on every Linux that Rust has a target for.
const TICKS_PER_S: f64 = 100.0;

fn pid(id: u32) -> Result<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw).with_context(|| format!("{id} is no process id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("berth-process-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn shell(script: &str, folder: &Path) -> Process {
        Process::start("sh", Path::new("/bin/sh"), &["-c".into(), script.into()], folder).unwrap()
    }

    #[test]
    fn a_process_that_ended_is_named_with_the_end_of_its_log() {
        let folder = folder("ended");
        let mut process = shell("echo first; echo the port is taken >&2; exit 3", &folder);
        let status = process.ended(Duration::from_secs(10)).unwrap();
        assert_eq!(status.code(), Some(3));
        let error = process.alive().unwrap_err().to_string();
        assert!(error.starts_with("sh has ended (exit status: 3)"), "{error}");
        assert!(error.ends_with("first\nthe port is taken"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_an_earlier_start_left_is_ended_and_nothing_else() {
        let folder = folder("left");
        shell("sleep 60", &folder).detach();
        let record = folder.join("run/sh.pid");
        let text = fs::read_to_string(&record).unwrap();
        let id: u32 = text.split(' ').next().unwrap().parse().unwrap();
        // Another process got the id: it started at another time.
        fs::write(&record, format!("{id} 1\n")).unwrap();
        assert_eq!(end_recorded(&folder).unwrap(), Vec::<String>::new());
        assert!(started(id).is_some());
        fs::write(&record, text).unwrap();
        assert_eq!(end_recorded(&folder).unwrap(), ["sh"]);
        assert_eq!(started(id), None);
        assert!(!record.exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_process_that_ignores_the_request_to_end_is_killed() {
        let folder = folder("stubborn");
        let mut both =
            [shell("exec sleep 60", &folder), shell("trap '' TERM; sleep 8 & wait; wait", &folder)];
        sleep(Duration::from_millis(100));
        end_together(&mut both);
        assert!(both.iter_mut().all(|process| process.alive().is_err()));
        fs::remove_dir_all(folder).unwrap();
    }
}
