//! etcd and kube-apiserver on loopback, in a folder of their own, for as long as they are wanted.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::authority::Authority;
use crate::client::{Client, within};
use crate::process::Process;
use crate::testbed;

/// The user whom upstream's start-up policy gives the roles `system:kube-scheduler` and `system:volume-scheduler`.
pub const SCHEDULER_USER: &str = "system:kube-scheduler";

/// The account of deploy/manifests; it may do nothing until those are there.
pub const DEPLOYED_USER: &str = "system:serviceaccount:kube-system:berth-scheduler";

/// The administrator's.
pub const ADMIN_TOKEN: &str = "admin-of-a-test";
/// That of [`SCHEDULER_USER`].
pub const SCHEDULER_TOKEN: &str = "scheduler-of-a-test";

/// That of [`DEPLOYED_USER`].
pub const DEPLOYED_TOKEN: &str = "deployment-of-a-test";

/// A control plane without controllers and nodes: tests play them. Dropping it ends its processes and removes its
/// folder.
pub struct ControlPlane {
    /// Whose requests nobody refuses.
    pub admin: Client,
    /// Of the API server.
    pub url: String,
    /// Where all its files are.
    pub folder: PathBuf,
    /// In the order in which they end: the server before its store.
    pub processes: Vec<Process>,
    /// Whose certificates the API server recognizes.
    pub clients: Authority,
    server_args: Vec<String>,
    guard: Option<Child>,
}

impl ControlPlane {
    /// Starts one in a temporary folder and waits until it is ready, about three seconds.
    ///
    /// # Errors
    /// The testbed is not built, or a process does not start.
    pub fn start() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("berth-e2e-{}-{}", std::process::id(), free_port()?));
        let mut plane = Self::start_in(&folder)?;
        plane.guard = Some(guard(&folder)?);
        Ok(plane)
    }

    /// Starts one in `folder` and waits until it is ready.
    ///
    /// # Errors
    /// The testbed is not built, or a process does not start.
    pub fn start_in(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let (client_port, peer_port, port) = (free_port()?, free_port()?, free_port()?);
        let etcd =
            Process::start("etcd", &testbed::program("etcd")?, &etcd_args(client_port, peer_port), folder)?;
        make_signing_key(folder)?;
        let tokens = format!(
            "{ADMIN_TOKEN},admin,admin,system:masters\n{SCHEDULER_TOKEN},{SCHEDULER_USER},scheduler\n\
             {DEPLOYED_TOKEN},{DEPLOYED_USER},deployed\n"
        );
        fs::write(folder.join("tokens.csv"), tokens)?;
        let clients = Authority::make(folder, "clients-ca")?;
        let server_args = server_args(client_port, port);
        let server =
            Process::start("kube-apiserver", &testbed::program("kube-apiserver")?, &server_args, folder)?;
        let url = format!("https://127.0.0.1:{port}");
        let admin = Client::new(&url, ADMIN_TOKEN)?;
        let processes = vec![server, etcd];
        let mut plane =
            Self { admin, url, folder: folder.to_path_buf(), processes, clients, server_args, guard: None };
        plane.ready()?;
        plane.write_kubeconfig("admin.kubeconfig", "admin", ADMIN_TOKEN)?;
        plane.write_kubeconfig("scheduler.kubeconfig", SCHEDULER_USER, SCHEDULER_TOKEN)?;
        plane.write_kubeconfig("deployed.kubeconfig", DEPLOYED_USER, DEPLOYED_TOKEN)?;
        Ok(plane)
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
    /// It does not come back.
    pub fn restart_server(&mut self) -> Result<()> {
        let server = &mut self.processes[0];
        server.kill()?;
        *server = Process::start(
            "kube-apiserver",
            &testbed::program("kube-apiserver")?,
            &self.server_args,
            &self.folder,
        )?;
        self.ready()
    }

    fn ready(&mut self) -> Result<()> {
        within(Duration::from_secs(90), "kube-apiserver is not ready", || {
            self.processes.iter_mut().try_for_each(Process::alive)?;
            Ok(self.admin.text("/readyz").ok())
        })?;
        Ok(())
    }

    /// Lets its processes go on when this program ends.
    pub fn detach(mut self) {
        for process in self.processes.drain(..) {
            process.detach();
        }
        self.guard = None;
        self.folder = PathBuf::new();
    }

    fn write_kubeconfig(&self, file: &str, user: &str, token: &str) -> Result<()> {
        let authority = self.folder.join("certs/apiserver.crt");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "testbed",
            "clusters": [{"name": "testbed", "cluster": {"server": self.url, "certificate-authority": authority}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user}}],
        });
        fs::write(self.folder.join(file), format!("{config:#}\n"))?;
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.processes.clear();
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
/// There is no such folder, or no `kill`.
pub fn stop(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "pid") {
            let id = fs::read_to_string(&path)?;
            let _ = Command::new("kill")
                .arg(id.trim())
                .stderr(Stdio::null())
                .status()
                .context("cannot run kill")?;
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// A port that nobody listens on now.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A shell that outlives this program by a moment: when its input closes, also because this program was killed, it
/// kills all whose ids stand in the folder. So no test leaves a server behind.
fn guard(folder: &Path) -> Result<Child> {
    let script = "cat >/dev/null; for f in \"$0\"/*.pid; do [ -f \"$f\" ] && kill -9 $(cat \"$f\"); done";
    Command::new("sh")
        .args(["-c", script])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run sh")
}

fn make_signing_key(folder: &Path) -> Result<()> {
    let made = Command::new("openssl")
        .args(["genrsa", "-out", "service-account.key", "2048"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot run openssl, which makes the key of service accounts")?;
    ensure!(made.success(), "openssl could not make the key of service accounts");
    Ok(())
}

fn etcd_args(client_port: u16, peer_port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    vec![
        "--name=testbed".into(),
        "--data-dir=etcd-data".into(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=testbed={peer}"),
        "--unsafe-no-fsync".into(),
        "--quota-backend-bytes=8589934592".into(),
    ]
}

/// Three admission plugins are off because their controllers are not there: they would wait for service accounts,
/// taint nodes that nobody untaints, and hold claims that nobody lets go.
fn server_args(etcd_port: u16, port: u16) -> Vec<String> {
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        "--cert-dir=certs".into(),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        "--service-account-key-file=service-account.key".into(),
        "--service-account-signing-key-file=service-account.key".into(),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--token-auth-file=tokens.csv".into(),
        "--client-ca-file=clients-ca.crt".into(),
        "--authorization-mode=RBAC".into(),
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition,StorageObjectInUseProtection"
            .into(),
        "--max-requests-inflight=4000".into(),
        "--max-mutating-requests-inflight=4000".into(),
    ]
}
