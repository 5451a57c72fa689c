//! A scheduler under test: Berth's or upstream's, started alike.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use berth_up::process::Process;
use berth_up::scheduler::configure;
use serde_json::Value;

use crate::client::{Client, eventually};
use crate::control_plane::{ADMIN_TOKEN, ControlPlane, free_port};
use crate::testbed;

pub use berth_up::scheduler::Kind;

/// A running scheduler; dropping it kills it.
pub struct Scheduler {
    /// To end, to measure, to read its log.
    pub process: Process,
    /// Where it serves health and metrics over TLS.
    pub port: u16,
}

impl Scheduler {
    /// Starts one that is the only one.
    ///
    /// # Errors
    /// The program is not there or ends at once.
    pub fn start(kind: Kind, plane: &ControlPlane, config: &Value) -> Result<Self> {
        Self::start_as(kind, plane, config, "scheduler")
    }

    /// Starts one; where there are several, each has a `name`, which is that of its files in the plane's folder.
    ///
    /// # Errors
    /// The program is not there or ends at once.
    pub fn start_as(kind: Kind, plane: &ControlPlane, config: &Value, name: &str) -> Result<Self> {
        Self::run(kind, &program(kind)?, plane, config, name, 2)
    }

    /// Starts a program as a scheduler that logs as much as `verbosity` (`-v`) says.
    ///
    /// # Errors
    /// The program is not there or ends at once.
    pub fn run(
        kind: Kind,
        program: &Path,
        plane: &ControlPlane,
        config: &Value,
        name: &str,
        verbosity: u8,
    ) -> Result<Self> {
        Self::run_with(kind, program, plane, config, name, &[format!("-v={verbosity}")])
    }

    /// Starts a program as a scheduler with more flags.
    ///
    /// # Errors
    /// The program is not there or ends at once.
    pub fn run_with(
        kind: Kind,
        program: &Path,
        plane: &ControlPlane,
        config: &Value,
        name: &str,
        flags: &[String],
    ) -> Result<Self> {
        let port = free_port()?;
        let file = plane.folder.join(format!("{name}.yaml"));
        let mut args = configure(kind, config, &plane.scheduler_kubeconfig(), port, &file)?;
        args.extend_from_slice(flags);
        Ok(Self { process: Process::start(name, program, &args, &plane.folder)?, port })
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// It has ended, or is not ready in time.
    pub fn ready(&mut self) -> Result<()> {
        let client = Client::new(&format!("https://127.0.0.1:{}", self.port), ADMIN_TOKEN)?;
        eventually("the scheduler is ready", || {
            self.process.alive()?;
            Ok(client.text("/readyz").ok().map(|_| ()))
        })
    }
}

/// The program of a kind.
///
/// # Errors
/// It is neither there nor can it be built.
pub fn program(kind: Kind) -> Result<PathBuf> {
    if kind == Kind::Upstream {
        return testbed::program("kube-scheduler");
    }
    if let Some(path) = env::var_os("BERTH") {
        return Ok(PathBuf::from(path));
    }
    build_berth(&[])?;
    Ok(target().join("debug/berth"))
}

/// The program of a kind as users have it: berth is built with all optimization.
///
/// # Errors
/// It is neither there nor can it be built.
pub fn release(kind: Kind) -> Result<PathBuf> {
    if kind == Kind::Upstream {
        return testbed::program("kube-scheduler");
    }
    if let Some(path) = env::var_os("BERTH") {
        return Ok(PathBuf::from(path));
    }
    build_berth(&["--release"])?;
    Ok(target().join("release/berth"))
}

fn build_berth(flags: &[&str]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", "berth-cli"])
        .args(flags)
        .current_dir(testbed::workspace())
        .status()
        .context("cannot run cargo, which builds berth")?;
    ensure!(built.success(), "berth does not build");
    Ok(())
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| testbed::workspace().join("target"), PathBuf::from)
}
