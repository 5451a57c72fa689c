//! Control planes by name: each has a folder, and at most one process that runs it.
//!
//! ```text
//!   FOLDER/lock              the process that runs it holds a lock on this file, which has its id
//!   FOLDER/ready             the process whose control plane is ready
//!   FOLDER/instance.json     its name and the release, from start to start
//!   FOLDER/admin.kubeconfig  how to reach it
//!   FOLDER/pki, etcd, logs, run, ports.json
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::{env, io};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::find::home;
use crate::process;

/// The name of a control plane that has none.
pub const DEFAULT_NAME: &str = "default";

/// What a folder says about its control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Description {
    /// The version of the folder's format.
    format: u32,
    name: String,
    kubernetes: String,
}

/// The format that is written and read.
const FORMAT: u32 = 1;

/// A folder with a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// The right to run a control plane; it ends with the process.
#[derive(Debug)]
pub struct Lock(File);

impl Instance {
    /// The control plane of this name; its folder may not exist yet. `data_dir` is a folder of the user's choice.
    ///
    /// # Errors
    /// If the name cannot be one, or there is no home folder.
    pub fn named(name: &str, data_dir: Option<&Path>) -> Result<Self> {
        let is_ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            !name.is_empty() && name.len() <= 63 && name.chars().all(is_ok),
            "{name:?} cannot be a name; it must have at most 63 lower-case letters, digits and hyphens"
        );
        let folder = match data_dir {
            Some(folder) => std::path::absolute(folder)?,
            None => root()?.join(name),
        };
        Ok(Self { name: name.to_owned(), folder })
    }

    /// The control planes that have been started, by name.
    ///
    /// # Errors
    /// If the folder of all control planes cannot be read.
    pub fn all() -> Result<Vec<Self>> {
        let root = root()?;
        let entries = match fs::read_dir(&root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot list {}", root.display())),
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let folder = path.canonicalize().unwrap_or(path);
            all.push(Self { name, folder });
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Takes the right to run the control plane, and creates its folder if there is none.
    ///
    /// # Errors
    /// If another process runs it, or the folder holds something else or is damaged. Nothing in it is changed then.
    pub fn open(&self, kubernetes: &str) -> Result<Lock> {
        self.check_own()?;
        let folder = &self.folder;
        let shown = folder.display();
        let file = folder.join("instance.json");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot create {shown}"))?;
        let lock = self.lock()?;
        if file.exists() {
            self.check(&file, kubernetes)?;
        } else {
            let description =
                Description { format: FORMAT, name: self.name.clone(), kubernetes: kubernetes.to_owned() };
            fs::write(&file, serde_json::to_string(&description)?)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        self.register()?;
        Ok(lock)
    }

    /// Checks that the folder is empty, not there, or one of a control plane.
    ///
    /// # Errors
    /// If it holds something else.
    pub fn check_own(&self) -> Result<()> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Ok(()) };
        // A start in the background logs before anything else.
        let is_foreign = entries.filter_map(Result::ok).any(|entry| entry.file_name() != "logs");
        ensure!(
            !is_foreign || self.folder.join("instance.json").exists(),
            "{} is not a folder of berth up: it has other files, and no instance.json. Nothing was changed. Choose an \
             empty folder",
            self.folder.display()
        );
        Ok(())
    }

    /// Notes that the control plane that this process runs is ready.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn set_ready(&self) -> Result<()> {
        let file = self.folder.join("ready");
        fs::write(&file, std::process::id().to_string())
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Whether the control plane that a process runs is ready.
    pub fn is_ready(&self, process: u32) -> bool {
        fs::read_to_string(self.folder.join("ready")).is_ok_and(|text| text == process.to_string())
    }

    /// Whether a process runs it, and which.
    pub fn runs(&self) -> Option<u32> {
        let mut file = File::open(self.folder.join("lock")).ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).ok()?;
                text.trim().parse().ok()
            }
            _ => None,
        }
    }

    /// The kubeconfig of its administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// The names of its components that have a log.
    ///
    /// # Errors
    /// If it was never started.
    pub fn logs(&self) -> Result<Vec<String>> {
        let folder = self.folder.join("logs");
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("{} has no logs: it was never started", self.name))?;
        let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> =
            files.filter_map(|file| file.strip_suffix(".log").map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    /// The file of a component's log.
    pub fn log(&self, component: &str) -> PathBuf {
        process::log_file(&self.folder, component)
    }

    fn lock(&self) -> Result<Lock> {
        let path = self.folder.join("lock");
        let broken = || format!("cannot lock {}", path.display());
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(broken)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "{:?} runs already (process {}). Give another --name, or end it with `berth up stop {}`",
                self.name,
                self.runs().unwrap_or_default(),
                self.name
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(broken),
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        Ok(Lock(file))
    }

    fn check(&self, file: &Path, kubernetes: &str) -> Result<()> {
        let shown = self.folder.display();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let old: Description = serde_json::from_str(&text).with_context(|| {
            format!(
                "{shown} is damaged: instance.json cannot be read. Nothing was changed. Move the folder away to start \
                 with an empty control plane"
            )
        })?;
        ensure!(
            old.format == FORMAT,
            "{shown} has the format {}, and this berth reads {FORMAT}. Nothing was changed. Use another --data-dir",
            old.format
        );
        ensure!(
            old.name == self.name,
            "{shown} is the folder of the control plane {:?}. Nothing was changed. Use --name {}, or another --data-dir",
            old.name,
            old.name
        );
        let minor = |version: &str| version.split('.').take(2).collect::<Vec<_>>().join(".");
        ensure!(
            minor(&old.kubernetes) == minor(kubernetes),
            "{shown} was made by Kubernetes {}, and the components are {kubernetes}. Nothing was changed. Use \
             components of {}, or another --data-dir",
            old.kubernetes,
            old.kubernetes
        );
        let pki = self.folder.join("pki");
        let parts = [self.folder.join("etcd/member"), pki.join("ca.key"), pki.join("service-account.key")];
        // A start that failed early has left none of them.
        if let Some(missing) = parts.iter().find(|part| !part.exists())
            && parts[0].exists()
        {
            bail!(
                "{shown} is damaged: {} is missing. Nothing was changed. Restore it, or move the folder away to start \
                 with an empty control plane",
                missing.display()
            );
        }
        Ok(())
    }

    /// Lets other commands find the control plane by its name.
    fn register(&self) -> Result<()> {
        let root = root()?;
        let link = root.join(&self.name);
        if link == self.folder {
            return Ok(());
        }
        fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        match fs::symlink_metadata(&link) {
            Ok(known) if known.is_symlink() => fs::remove_file(&link)?,
            Ok(_) => bail!("the name {:?} is that of another control plane, {}", self.name, link.display()),
            Err(_) => {}
        }
        symlink(&self.folder, &link).with_context(|| format!("cannot create {}", link.display()))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.set_len(0);
    }
}

/// The folder of all control planes.
fn root() -> Result<PathBuf> {
    let data = match env::var_os("XDG_DATA_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => home()?.join(".local/share"),
    };
    Ok(data.join("berth/up"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str) -> Instance {
        let folder = env::temp_dir().join(format!("berth-instance-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        Instance { name: name.to_owned(), folder }
    }

    fn describe(instance: &Instance, text: &str) -> PathBuf {
        fs::create_dir_all(&instance.folder).unwrap();
        let file = instance.folder.join("instance.json");
        fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn a_name_is_one_of_a_folder() {
        for name in ["a", "ci-2"] {
            assert!(Instance::named(name, Some(Path::new("x"))).is_ok(), "{name}");
        }
        for name in ["", "A", "a/b", "..", &"a".repeat(64)] {
            assert!(Instance::named(name, Some(Path::new("x"))).is_err(), "{name}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_named_and_left_as_it_is() {
        let it = instance("unusable");
        let cases = [
            ("{", "instance.json cannot be read"),
            (r#"{"format": 9, "name": "unusable", "kubernetes": "1.37.2"}"#, "has the format 9"),
            (r#"{"format": 1, "name": "other", "kubernetes": "1.37.2"}"#, "Use --name other"),
            (r#"{"format": 1, "name": "unusable", "kubernetes": "1.36.0"}"#, "was made by Kubernetes 1.36.0"),
        ];
        for (text, expected) in cases {
            let file = describe(&it, text);
            let error = format!("{:#}", it.check(&file, "1.37.2").unwrap_err());
            assert!(error.contains(expected) && error.contains("Nothing was changed"), "{error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        let file = describe(&it, r#"{"format": 1, "name": "unusable", "kubernetes": "1.37.0"}"#);
        assert!(it.check(&file, "1.37.2").is_ok());
        fs::create_dir_all(it.folder.join("etcd/member")).unwrap();
        let error = it.check(&file, "1.37.2").unwrap_err().to_string();
        assert!(error.contains("is damaged") && error.contains("pki/ca.key is missing"), "{error}");
        fs::remove_dir_all(&it.folder).unwrap();
    }

    #[test]
    fn a_folder_with_other_files_is_refused() {
        let it = instance("foreign");
        assert!(it.check_own().is_ok());
        fs::create_dir_all(it.folder.join("logs")).unwrap();
        assert!(it.check_own().is_ok());
        fs::write(it.folder.join("thesis.txt"), "").unwrap();
        assert!(it.check_own().unwrap_err().to_string().contains("Choose an empty folder"));
        describe(&it, "");
        assert!(it.check_own().is_ok());
        fs::remove_dir_all(&it.folder).unwrap();
    }

    #[test]
    fn one_process_at_a_time_runs_a_control_plane() {
        let it = instance("locked");
        fs::create_dir_all(&it.folder).unwrap();
        let lock = it.lock().unwrap();
        assert_eq!(it.runs(), Some(std::process::id()));
        assert!(it.lock().unwrap_err().to_string().contains("runs already"));
        assert!(!it.is_ready(std::process::id()));
        it.set_ready().unwrap();
        assert!(it.is_ready(std::process::id()));
        drop(lock);
        assert_eq!(it.runs(), None);
        fs::remove_dir_all(&it.folder).unwrap();
    }
}
