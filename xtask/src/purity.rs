//! `cargo xtask purity`: proves that the pure crates cannot use what they must not.
//!
//! The crates are copied below the target folder, and a file that uses what is forbidden is added for each case.
//! Clippy, with the settings that the crates have, must then fail, and name each of these files with the lint that
//! forbids it.

mod probe;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::tree::root;
use probe::{CLEAN, PROBES, Probe};

/// The crates that must be pure, lowest first.
const CRATES: [&str; 4] = ["model", "controllers", "devices", "engine"];

/// Prints what each probe met; the exit code is 1 where one passed.
pub(crate) fn run() -> Result<ExitCode> {
    let copy = copy_crates()?;
    let mut passed = 0;
    for name in CRATES {
        let source = copy.join("crates").join(name).join("src");
        let probes: Vec<&Probe> = PROBES.iter().filter(|p| !p.only_engine || name == "engine").collect();
        let lib = std::fs::read_to_string(source.join("lib.rs"))?;
        plant(&source, &lib, &probes)?;
        let found = lint(&copy, name)?;
        std::fs::write(source.join("lib.rs"), &lib)?;
        for probe in &probes {
            let caught = found.contains(&(probe.name.to_string(), probe.lint.to_string()));
            passed += usize::from(!caught);
            let outcome = if caught { "refused by" } else { "NOT refused by" };
            println!("{name}: {}: {outcome} {}", probe.name, probe.lint);
        }
        let innocent = found.iter().find(|(file, _)| probes.iter().all(|p| p.name != file));
        ensure!(innocent.is_none(), "{name}: clippy fails without the probes: {innocent:?}");
    }
    println!("purity: {passed} probes passed the lints");
    Ok(ExitCode::from(u8::from(passed > 0)))
}

/// A workspace of the pure crates alone, with the settings of this one.
fn copy_crates() -> Result<PathBuf> {
    let root = root();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let copy = target.join("purity");
    if copy.join("crates").exists() {
        std::fs::remove_dir_all(copy.join("crates"))?;
    }
    for name in CRATES {
        copy_folder(&root.join("crates").join(name), &copy.join("crates").join(name))?;
    }
    for file in ["Cargo.lock", "clippy.toml", "rust-toolchain.toml"] {
        std::fs::copy(root.join(file), copy.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let manifest = std::fs::read_to_string(root.join("Cargo.toml"))?;
    let members = |line: &&str| !line.starts_with("members") && !line.starts_with("default-members");
    let own: Vec<&str> = manifest.lines().filter(members).collect();
    let manifest = own.join("\n").replacen("[workspace]", "[workspace]\nmembers = [\"crates/*\"]", 1);
    std::fs::write(copy.join("Cargo.toml"), manifest)?;
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Adds a module for each probe, and one that nothing is wrong with.
fn plant(source: &Path, lib: &str, probes: &[&Probe]) -> Result<()> {
    let mut lib = lib.to_string();
    for probe in probes.iter().copied().chain([&CLEAN]) {
        let file = source.join(format!("{}.rs", probe.name));
        std::fs::write(file, format!("//! A probe.\n\n/// Probes.\n{}\n", probe.code))?;
        lib.push_str(&format!("\npub mod {};\n", probe.name));
    }
    std::fs::write(source.join("lib.rs"), lib)?;
    Ok(())
}

/// Runs clippy as `.ci/run` does, and says which lint failed in which module. It must fail.
fn lint(copy: &Path, name: &str) -> Result<BTreeSet<(String, String)>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["clippy", "--quiet", "--lib", "--message-format=json", "--package"])
        .args([&format!("berth-{name}"), "--", "-D", "warnings"])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .output()
        .context("cannot run cargo clippy")?;
    ensure!(!output.status.success(), "{name}: clippy does not fail with the probes in place");
    let messages = String::from_utf8_lossy(&output.stdout);
    let found: BTreeSet<_> = messages.lines().filter_map(finding).collect();
    ensure!(
        !found.is_empty(),
        "{name}: clippy fails for another reason: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(found)
}

/// Module and lint of an error in clippy's messages.
fn finding(line: &str) -> Option<(String, String)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let message = value.get("message")?;
    let lint = message.get("code")?.get("code")?.as_str()?;
    let spans = message.get("spans")?.as_array()?;
    let file = spans.iter().find(|s| s["is_primary"] == true)?.get("file_name")?.as_str()?;
    let module = Path::new(file).file_stem()?.to_string_lossy().into_owned();
    (message.get("level")? == "error").then(|| (module, lint.trim_start_matches("clippy::").to_string()))
}
