//! A machine on which a user works with `berth up`: a home folder, commands, and control planes that end with it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use berth_up::process::started;
use serde_json::Value;

use crate::client::{Client, within};
use crate::control_plane::free_port;
use crate::scheduler::{Kind, program};
use crate::testbed;

/// The time that a control plane has to become ready; a loaded machine needs more than the usual four seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// The machine; dropping it ends its control planes and removes its files.
pub(crate) struct Machine {
    /// Its home folder.
    pub(crate) home: PathBuf,
    berth: PathBuf,
    running: Vec<Child>,
}

impl Machine {
    /// A machine without control planes.
    ///
    /// # Errors
    /// If berth cannot be built, or the folder cannot be created.
    pub(crate) fn new() -> Result<Self> {
        let home = std::env::temp_dir().join(format!("berth-up-{}-{}", std::process::id(), free_port()?));
        fs::create_dir_all(&home)?;
        Ok(Self { home, berth: program(Kind::Berth)?, running: Vec::new() })
    }

    /// Writes a file into the home folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.home.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Runs a command of berth to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn berth(&self, args: &[&str]) -> Result<Output> {
        self.command(args).output().context("cannot run berth")
    }

    /// Runs a command of berth that succeeds; gives what it prints.
    ///
    /// # Errors
    /// If it fails.
    pub(crate) fn ok(&self, args: &[&str]) -> Result<String> {
        let output = self.berth(args)?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "berth {} failed: {stderr}", args.join(" "));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs a command of berth that fails with exit code 2; gives what it prints on stderr.
    ///
    /// # Errors
    /// If it succeeds.
    pub(crate) fn refused(&self, args: &[&str]) -> Result<String> {
        let output = self.berth(args)?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(2), "berth {}: {}, {stderr}", args.join(" "), output.status);
        Ok(stderr)
    }

    /// Runs a script with `berth`, the components and kubectl in the `PATH`; gives all that it prints.
    ///
    /// # Errors
    /// If it fails.
    pub(crate) fn shell(&self, script: &str) -> Result<String> {
        let bin = self.home.join("bin");
        fs::create_dir_all(&bin)?;
        symlink(&self.berth, bin.join("berth"))?;
        let rest = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{}:{rest}", bin.display(), testbed::bin().display());
        let mut command = Command::new("sh");
        self.at_home(&mut command);
        let output = command.args(["-c", script]).env("PATH", path).output().context("cannot run sh")?;
        let all = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&all).into_owned();
        ensure!(output.status.success(), "the script fails ({}): {said}", output.status);
        Ok(said)
    }

    /// Starts a control plane with the components of the testbed, and waits until it says that it is ready. Returns its
    /// process id.
    ///
    /// # Errors
    /// If it is not ready in time.
    pub(crate) fn up(&mut self, name: &str, args: &[&str]) -> Result<u32> {
        let says = self.home.join(format!("{name}.out"));
        let out = fs::File::create(&says)?;
        let components = testbed::bin();
        let child = self
            .command(&["up", "--name", name, "--components"])
            .arg(components)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        let id = child.id();
        self.running.push(child);
        within(PATIENCE, "the control plane is ready", || {
            let text = fs::read_to_string(&says)?;
            if let Some(child) = self.running.last_mut()
                && let Some(status) = child.try_wait()?
            {
                bail!("berth up has ended ({status}): {text}");
            }
            Ok(text.contains("ready after").then_some(()))
        })?;
        Ok(id)
    }

    /// What a control plane has said until now.
    ///
    /// # Errors
    /// If it was not started.
    pub(crate) fn said(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(self.home.join(format!("{name}.out")))?)
    }

    /// Waits until a process that [`Machine::up`] has started has ended; gives its exit code.
    ///
    /// # Errors
    /// If it goes on.
    pub(crate) fn ended(&mut self, id: u32) -> Result<Option<i32>> {
        let child = self.running.iter_mut().find(|child| child.id() == id).context("no such process")?;
        within(PATIENCE, "berth up ends", || Ok(child.try_wait()?)).map(|status| status.code())
    }

    /// Kills a process that [`Machine::up`] has started, as a machine that fails would.
    ///
    /// # Errors
    /// If it is not there.
    pub(crate) fn kill(&mut self, id: u32) -> Result<()> {
        let child = self.running.iter_mut().find(|child| child.id() == id).context("no such process")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// The administrator's client of a control plane.
    ///
    /// # Errors
    /// If it has no kubeconfig.
    pub(crate) fn api(&self, name: &str) -> Result<Client> {
        Client::of_kubeconfig(Path::new(self.ok(&["up", "kubeconfig", name])?.trim()))
    }

    /// The processes of a control plane that run, by the names of their records.
    ///
    /// # Errors
    /// If a record cannot be read.
    pub(crate) fn components(&self, name: &str) -> Result<Vec<(String, u32)>> {
        let folder = self.home.join("data/berth/up").join(name).join("run");
        let mut running = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let text = fs::read_to_string(&path)?;
            let (id, start) = text.trim().split_once(' ').context("a record without a start time")?;
            let id: u32 = id.parse()?;
            if started(id).is_some_and(|now| now == start) {
                running.push((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), id));
            }
        }
        running.sort();
        Ok(running)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.berth);
        self.at_home(command.args(args));
        command
    }

    fn at_home(&self, command: &mut Command) {
        command
            .current_dir(&self.home)
            .env("HOME", &self.home)
            .env("XDG_DATA_HOME", self.home.join("data"))
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env("NO_COLOR", "1");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// A Deployment whose pods leave a lost node after a second.
pub(crate) fn deployment(name: &str, replicas: u32) -> Value {
    let tolerations = ["not-ready", "unreachable"].map(|state| {
        serde_json::json!({
            "key": format!("node.kubernetes.io/{state}"), "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": 1,
        })
    });
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "tolerations": tolerations,
                    "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}],
                },
            },
        },
    })
}
