//! etcd and kube-apiserver on loopback, in a folder of their own, for as long as a test needs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use berth_up::authority::Authority;
use berth_up::control_plane::{ControlPlane as Components, Settings};
use berth_up::kubeconfig::Credentials;
use berth_up::process::{Process, end_recorded};

use crate::client::Client;
use crate::testbed;

pub use berth_up::component::free_port;

/// The user of kube-scheduler. kube-apiserver binds the roles `system:kube-scheduler` and `system:volume-scheduler` to it
/// at its start.
pub const SCHEDULER_USER: &str = "system:kube-scheduler";

/// The account of deploy/manifests; it has no rights until those are applied.
pub const DEPLOYED_USER: &str = "system:serviceaccount:kube-system:berth-scheduler";

/// The administrator's.
pub const ADMIN_TOKEN: &str = "admin-of-a-test";
/// That of [`SCHEDULER_USER`].
pub const SCHEDULER_TOKEN: &str = "scheduler-of-a-test";

/// That of [`DEPLOYED_USER`].
pub const DEPLOYED_TOKEN: &str = "deployment-of-a-test";

/// Three admission plugins are off because their controllers are not there: they would wait for service accounts,
/// taint nodes whose taints no controller removes, and hold claims that no controller releases.
const WITHOUT_CONTROLLERS: &str =
    "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition,StorageObjectInUseProtection";

/// A control plane without controllers and nodes: tests play them. Dropping it ends its processes and removes its
/// folder.
pub struct ControlPlane {
    /// The client of the administrator.
    pub admin: Client,
    /// Of the API server.
    pub url: String,
    /// Where all its files are.
    pub folder: PathBuf,
    /// `None` only after [`ControlPlane::detach`].
    components: Option<Components>,
    guard: Option<Child>,
}

impl ControlPlane {
    /// Starts one in a temporary folder and waits until it is ready, about three seconds.
    ///
    /// # Errors
    /// If the testbed is not built, or a process does not start.
    pub fn start() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("berth-e2e-{}-{}", std::process::id(), free_port()?));
        let mut plane = Self::start_in(&folder)?;
        plane.guard = Some(guard(&folder)?);
        Ok(plane)
    }

    /// Starts one in `folder` and waits until it is ready.
    ///
    /// # Errors
    /// If the testbed is not built, or a process does not start.
    pub fn start_in(folder: &Path) -> Result<Self> {
        let token = |token: &str, user: &str, group: &str| [token, user, group].map(str::to_owned);
        let components = Components::start(Settings {
            folder: folder.to_owned(),
            name: "testbed".to_owned(),
            etcd: testbed::program("etcd")?,
            server: testbed::program("kube-apiserver")?,
            tie: None,
            port: None,
            tokens: vec![
                token(ADMIN_TOKEN, "admin", "system:masters"),
                token(SCHEDULER_TOKEN, SCHEDULER_USER, "scheduler"),
                token(DEPLOYED_TOKEN, DEPLOYED_USER, "deployed"),
            ],
            server_flags: vec![WITHOUT_CONTROLLERS.to_owned()],
        })?;
        for (file, user, token) in [
            ("scheduler.kubeconfig", SCHEDULER_USER, SCHEDULER_TOKEN),
            ("deployed.kubeconfig", DEPLOYED_USER, DEPLOYED_TOKEN),
        ] {
            components.write_kubeconfig(file, user, Credentials::Token(token))?;
        }
        let url = components.url.clone();
        let admin = Client::new(&url, ADMIN_TOKEN)?;
        Ok(Self { admin, url, folder: folder.to_path_buf(), components: Some(components), guard: None })
    }

    /// The processes of the control plane.
    ///
    /// # Errors
    /// If they were let go.
    pub fn components(&self) -> Result<&Components> {
        self.components.as_ref().context("the control plane is gone")
    }

    /// The authority whose certificates the API server recognizes.
    ///
    /// # Errors
    /// As [`ControlPlane::components`].
    pub fn clients(&self) -> Result<&Authority> {
        Ok(&self.components()?.authority)
    }

    /// Starts upstream's controllers, with more flags.
    ///
    /// # Errors
    /// If the program is not built or cannot be started.
    pub fn controllers(&self, flags: &[String]) -> Result<Process> {
        self.components()?.start_controllers(&testbed::program("kube-controller-manager")?, flags)
    }

    /// Of the administrator.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// Of the user `system:kube-scheduler`, who may do what upstream's policy allows a scheduler and no more.
    pub fn scheduler_kubeconfig(&self) -> PathBuf {
        self.folder.join("scheduler.kubeconfig")
    }

    /// Of the account of deploy/manifests.
    pub fn deployed_kubeconfig(&self) -> PathBuf {
        self.folder.join("deployed.kubeconfig")
    }

    /// Kills the API server, as a machine that fails would, and starts it again where it was.
    ///
    /// # Errors
    /// If it does not come back.
    pub fn restart_server(&mut self) -> Result<()> {
        self.components.as_mut().context("the control plane is gone")?.restart_server()
    }

    /// Lets its processes go on when this program ends.
    pub fn detach(mut self) {
        if let Some(components) = self.components.take() {
            components.detach();
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.components = None;
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Ends what `start_in` and `detach` left running in `folder`.
///
/// # Errors
/// If a process cannot be ended.
pub fn stop(folder: &Path) -> Result<()> {
    end_recorded(folder).map(|_| ())
}

/// A shell that outlives this program by a moment: when its input closes, also because this program was killed, it
/// kills all processes that have a record in the folder. So no test leaves a server behind.
fn guard(folder: &Path) -> Result<Child> {
    let script = "cat >/dev/null; for f in \"$0\"/run/*.pid; do \
                  [ -f \"$f\" ] && read -r id start <\"$f\" && kill -9 \"$id\"; done";
    Command::new("sh")
        .args(["-c", script])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run sh")
}
