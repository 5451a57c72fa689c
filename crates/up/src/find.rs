//! Where the programs of upstream are found.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fetch::{Progress, Publishers, fetch};
use crate::go_build;
use anyhow::{Context, Result, bail, ensure};

/// The release of Kubernetes that is fetched and built, and that Berth is compatible with.
pub const RELEASE: &str = "1.37.2";

/// A program of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The store.
    Etcd,
    /// The API server.
    Server,
    /// The controllers.
    Controllers,
    /// Upstream's scheduler.
    Scheduler,
}

impl Program {
    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Server => "kube-apiserver",
            Self::Controllers => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
        }
    }
}

/// Where programs are looked for.
#[derive(Clone, Debug)]
pub struct Places {
    /// A folder that the user has named: only there.
    pub named: Option<PathBuf>,
    /// The folders of the variable `PATH`.
    pub path: Vec<PathBuf>,
    /// The folder in which fetched and built programs are kept.
    pub cache: PathBuf,
    /// How a program that is not there is got.
    pub missing: Missing,
}

/// How a program that is not there is got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is not: that is an error.
    #[default]
    Refuse,
    /// It is fetched from upstream.
    Fetch,
    /// It is built from its Go module.
    Build,
}

impl Places {
    /// The places of this machine for a release of Kubernetes.
    ///
    /// # Errors
    /// If there is no home folder.
    pub fn of_machine(named: Option<PathBuf>, release: &str, missing: Missing) -> Result<Self> {
        let path = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
        let cache = match env::var_os("XDG_CACHE_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => home()?.join(".cache"),
        };
        Ok(Self { named, path, cache: cache.join("berth/components").join(release), missing })
    }

    /// The file of a program; if it is not there, it is got as [`Places::missing`] says.
    ///
    /// # Errors
    /// If it is not there and cannot be got.
    pub fn get(&self, program: Program, release: &str, tell: &mut dyn FnMut(Progress)) -> Result<PathBuf> {
        let found = self.find(program);
        if found.is_ok() || self.named.is_some() {
            return found;
        }
        let file = self.cache.join(program.name());
        match self.missing {
            Missing::Refuse => return found,
            Missing::Fetch => fetch(&Publishers::default(), program, release, &self.cache, tell)?,
            Missing::Build => {
                ensure!(release == RELEASE, "only Kubernetes {RELEASE} can be built; --fetch gets {release}");
                let module = self.cache.join("module");
                go_build::write_module(&module)?;
                go_build::build(program, &module, &file)?;
            }
        }
        Ok(file)
    }

    /// The file of a program: in the named folder, otherwise in the first folder of `PATH` that has it, otherwise in
    /// the cache.
    ///
    /// # Errors
    /// If it is not there; the error says how to get it.
    pub fn find(&self, program: Program) -> Result<PathBuf> {
        let name = program.name();
        if let Some(folder) = &self.named {
            let file = folder.join(name);
            ensure!(
                file.is_file(),
                "{} is not there; --components must name a folder with the programs {}",
                file.display(),
                "etcd, kube-apiserver and kube-controller-manager"
            );
            // Components run in other folders.
            return file.canonicalize().with_context(|| format!("cannot use {}", file.display()));
        }
        let all = self.path.iter().chain([&self.cache]).map(|folder| folder.join(name));
        let found = all.into_iter().find(|file| file.is_file());
        found.with_context(|| {
            format!("{name} is neither in a folder of PATH nor in {}.\n{}", self.cache.display(), ways(name))
        })
    }
}

fn ways(name: &str) -> String {
    format!(
        "There are three ways to get it:\n\
         1. --fetch downloads {name} from its official place and verifies its checksum.\n\
         2. --build builds it from its Go module; this needs Go and takes some minutes once.\n\
         3. --components DIR uses the programs in a folder that you already have."
    )
}

/// The home folder.
///
/// # Errors
/// If `HOME` is not set.
pub fn home() -> Result<PathBuf> {
    env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from).context("HOME is not set")
}

/// The version that a component says it has, for example `v1.37.2`.
///
/// # Errors
/// If the program cannot be run or is another program.
pub fn version(program: Program, file: &Path) -> Result<String> {
    let shown = file.display();
    let said = Command::new(file).arg("--version").output().with_context(|| {
        format!("{shown} cannot be run as {}: is it for this kind of machine?", program.name())
    })?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let prefix = if program == Program::Etcd { "etcd Version: " } else { "Kubernetes v" };
    let version = text.lines().find_map(|line| line.strip_prefix(prefix));
    match version {
        Some(version) if said.status.success() => Ok(format!("v{}", version.trim())),
        _ => {
            let first = text.lines().next().unwrap_or("nothing").to_owned();
            bail!("{shown} is not {}: asked for its version, it says {first:?}", program.name())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn a_program_is_found_or_the_ways_to_get_it_are_named() {
        let root = env::temp_dir().join(format!("berth-find-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let (path, cache, named) = (root.join("path"), root.join("cache"), root.join("named"));
        let mut places = Places {
            named: None,
            path: vec![root.join("none"), path.clone()],
            cache: cache.clone(),
            missing: Missing::Refuse,
        };
        let error = places.find(Program::Etcd).unwrap_err().to_string();
        for way in ["--fetch", "--build", "--components"] {
            assert!(error.contains(way), "{error}");
        }
        let cached = script(&cache, "etcd", "");
        assert_eq!(places.find(Program::Etcd).unwrap(), cached);
        let in_path = script(&path, "etcd", "");
        assert_eq!(places.find(Program::Etcd).unwrap(), in_path);
        places.named = Some(named.clone());
        let error = places.find(Program::Etcd).unwrap_err().to_string();
        assert!(error.contains("named/etcd is not there; --components must name a folder"), "{error}");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_program_says_its_version_or_is_another_one() {
        let root = env::temp_dir().join(format!("berth-version-{}", std::process::id()));
        let good = script(&root, "kube-apiserver", "#!/bin/sh\necho Kubernetes v1.37.2\n");
        assert_eq!(version(Program::Server, &good).unwrap(), "v1.37.2");
        let other = script(&root, "etcd", "#!/bin/sh\necho GNU Make 4.3\n");
        let error = version(Program::Etcd, &other).unwrap_err().to_string();
        assert!(
            error.ends_with("etcd is not etcd: asked for its version, it says \"GNU Make 4.3\""),
            "{error}"
        );
        let broken = script(&root, "kube-scheduler", "\u{1}not a program");
        fs::write(&broken, [0_u8, 159, 146, 150]).unwrap();
        let error = format!("{:#}", version(Program::Scheduler, &broken).unwrap_err());
        assert!(error.contains("cannot be run as kube-scheduler"), "{error}");
        fs::remove_dir_all(root).unwrap();
    }
}
