//! Upstream's components as programs, built once from Go modules.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use berth_up::find::Program;
use berth_up::go_build;
use serde_json::Value;

/// All programs of the testbed, in the order in which they are wanted first.
pub const PROGRAMS: [&str; 7] =
    ["etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "loadgen", "kwok", "e2e.test"];

/// What the bodies need; kwok, the controller manager and upstream's suite are for `cargo xtask e2e-upstream`.
pub const FOR_BODIES: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// The release of kwok, which is installed by itself: it is built with other modules than upstream's.
pub const KWOK: &str = "sigs.k8s.io/kwok@v0.8.0";

/// The folder of the programs: `bin` in `$BERTH_TESTBED`, otherwise `target/testbed/bin` of the workspace.
pub fn bin() -> PathBuf {
    env::var_os("BERTH_TESTBED").map_or_else(|| workspace().join("target/testbed"), PathBuf::from).join("bin")
}

/// One program.
///
/// # Errors
/// It is not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = bin().join(name);
    ensure!(path.is_file(), "{} is not built; `cargo xtask testbed` builds it", path.display());
    Ok(path)
}

/// Builds those of `names` that are not there or older than the versions in testbed/go.mod; all if none is named.
///
/// # Errors
/// There is no Go, a name is unknown, or a build fails.
pub fn build(names: &[String]) -> Result<()> {
    for name in names {
        ensure!(PROGRAMS.contains(&name.as_str()), "no program {name}; there are {}", PROGRAMS.join(", "));
    }
    fs::create_dir_all(bin())?;
    for name in PROGRAMS {
        let wanted = names.is_empty() || names.iter().any(|n| n == name);
        if wanted && !up_to_date(name)? {
            eprintln!("building {name}");
            build_one(name)?;
        }
    }
    Ok(())
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}

/// The folder of a module that is named with its version, downloaded if need be.
///
/// # Errors
/// There is no Go, or no such module.
pub fn module(name_and_version: &str) -> Result<PathBuf> {
    let answer = Command::new("go")
        .args(["mod", "download", "-json", name_and_version])
        .output()
        .context("cannot run go, which keeps the modules")?;
    let said: Value = serde_json::from_slice(&answer.stdout).context("go says nothing of the module")?;
    let folder =
        said["Dir"].as_str().with_context(|| format!("no module {name_and_version}: {}", said["Error"]))?;
    Ok(PathBuf::from(folder))
}

fn up_to_date(name: &str) -> Result<bool> {
    let Ok(built) = fs::metadata(bin().join(name)) else { return Ok(false) };
    let testbed = workspace().join("testbed");
    let sources = match name {
        "kwok" => Vec::new(),
        "loadgen" => vec![testbed.join("go.sum"), testbed.join("loadgen/main.go")],
        _ => vec![testbed.join("go.sum")],
    };
    let built = built.modified()?;
    Ok(sources
        .iter()
        .all(|path| fs::metadata(path).and_then(|data| data.modified()).is_ok_and(|time| time <= built)))
}

fn build_one(name: &str) -> Result<()> {
    let components = [Program::Etcd, Program::Server, Program::Controllers, Program::Scheduler];
    if let Some(program) = components.into_iter().find(|program| program.name() == name) {
        return go_build::build(program, &workspace().join("testbed"), &bin().join(name));
    }
    let mut go = Command::new("go");
    go.current_dir(workspace().join("testbed")).env("GOFLAGS", "-buildvcs=false");
    let to = bin().join(name);
    let status = match name {
        "kwok" => {
            let package = KWOK.replace('@', "/cmd/kwok@");
            go.env("GOBIN", bin()).args(["install", "-ldflags", "-s -w", &package]).status()
        }
        "e2e.test" => go
            .args(["test", "-c", "-ldflags", "-s -w", "-o"])
            .arg(&to)
            .arg("k8s.io/kubernetes/test/e2e")
            .status(),
        _ => go.args(["build", "-ldflags", "-s -w", "-o"]).arg(&to).arg(format!("./{name}")).status(),
    };
    if !status.context("cannot run go, which builds the testbed")?.success() {
        bail!("go could not build {name}");
    }
    Ok(())
}
