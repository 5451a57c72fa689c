//! Builds upstream's programs from their Go modules.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::find::{Program, RELEASE};

/// The modules and their checksums, those of the testbed.
const GO_MOD: &str = include_str!("../../../testbed/go.mod");
const GO_SUM: &str = include_str!("../../../testbed/go.sum");

/// Builds a program into `file`, in a few minutes. `module` is the folder of a Go module that requires upstream's.
///
/// # Errors
/// If there is no Go, or it cannot build the program.
pub fn build(program: Program, module: &Path, file: &Path) -> Result<()> {
    let package = match program {
        Program::Etcd => "go.etcd.io/etcd/server/v3".to_owned(),
        kubernetes => format!("k8s.io/kubernetes/cmd/{}", kubernetes.name()),
    };
    let minor = RELEASE.split('.').nth(1).unwrap_or_default();
    let prefix = "-X k8s.io/component-base/version";
    let stamp = format!("-s -w {prefix}.gitVersion=v{RELEASE} {prefix}.gitMajor=1 {prefix}.gitMinor={minor}");
    let status = Command::new("go")
        .current_dir(module)
        .env("GOFLAGS", "-buildvcs=false")
        .args(["build", "-ldflags", &stamp, "-o"])
        .arg(file)
        .arg(&package)
        .status()
        .context("cannot run go, which builds the components; it is at https://go.dev/dl")?;
    ensure!(status.success(), "go cannot build {package}: see its messages above");
    Ok(())
}

/// Writes the Go module that requires upstream's into a folder.
///
/// # Errors
/// If it cannot be written.
pub fn write_module(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, text) in [("go.mod", GO_MOD), ("go.sum", GO_SUM)] {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::ETCD;

    #[test]
    fn the_module_has_the_releases_that_are_fetched() {
        assert!(GO_MOD.contains(&format!("k8s.io/kubernetes v{RELEASE}\n")));
        assert!(GO_MOD.contains(&format!("go.etcd.io/etcd/server/v3 v{ETCD}\n")));
        assert!(GO_SUM.contains(&format!("k8s.io/kubernetes v{RELEASE} h1:")));
    }
}
