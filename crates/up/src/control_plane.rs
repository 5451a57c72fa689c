//! etcd, kube-apiserver and kube-controller-manager in a folder, for as long as they are needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::api::Api;
use crate::authority::{Authority, Identity, key_of, write_private};
use crate::component::{self, Ports};
use crate::kubeconfig::{self, Credentials, Server};
use crate::process::{Process, Start, end_together};

/// The time that the API server has to become ready. It needs two seconds; a loaded machine needs more.
const PATIENCE: Duration = Duration::from_secs(90);
/// The pause between two questions whether it is ready.
const LOOK: Duration = Duration::from_millis(25);
/// The time that an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// What a control plane is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where all its files are.
    pub folder: PathBuf,
    /// The name of the cluster in kubeconfigs.
    pub name: String,
    /// The program etcd.
    pub etcd: PathBuf,
    /// The program kube-apiserver.
    pub server: PathBuf,
    /// The program `berth`, to which the components are tied; see [`Start::tie`].
    pub tie: Option<PathBuf>,
    /// The port of the API server, instead of a free one.
    pub port: Option<u16>,
    /// Bearer tokens, each with its user and group.
    pub tokens: Vec<[String; 3]>,
    /// More flags of kube-apiserver.
    pub server_flags: Vec<String>,
}

/// A control plane; dropping it kills its processes.
#[derive(Debug)]
pub struct ControlPlane {
    /// The address of the API server.
    pub url: String,
    /// The ports.
    pub ports: Ports,
    /// kube-apiserver.
    pub server: Process,
    /// etcd.
    pub store: Process,
    /// Issues the certificates of clients.
    pub authority: Authority,
    settings: Settings,
}

impl ControlPlane {
    /// Starts etcd and kube-apiserver, and waits until they serve, about two seconds.
    ///
    /// # Errors
    /// If a file cannot be written, a port is taken, or a component does not start.
    pub fn start(settings: Settings) -> Result<Self> {
        let folder = &settings.folder;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let ports = ports(folder, settings.port)?;
        let authority = certificates(&folder.join("pki"))?;
        let admin = authority.client("admin", "system:masters")?;
        let process = |name: &str, program: &Path, args: Vec<String>| {
            let (name, program, tie) = (name.to_owned(), program.to_owned(), settings.tie.clone());
            Process::of(Start { name, program, args, folder: folder.clone(), tie })
        };
        let mut args = component::server(ports);
        if !settings.tokens.is_empty() {
            let lines =
                settings.tokens.iter().map(|[token, user, group]| format!("{token},{user},{user},{group}\n"));
            write_private(&folder.join("pki/tokens.csv"), &lines.collect::<String>())?;
            args.push("--token-auth-file=pki/tokens.csv".to_owned());
        }
        args.extend_from_slice(&settings.server_flags);
        let store = process("etcd", &settings.etcd, component::etcd(ports))?;
        let server = process("kube-apiserver", &settings.server, args)?;
        let url = format!("https://127.0.0.1:{}", ports.server);
        let mut plane = Self { url, ports, server, store, authority, settings };
        plane.write_kubeconfig("admin.kubeconfig", "admin", Credentials::Certificate(&admin))?;
        plane.ready()?;
        Ok(plane)
    }

    /// Starts kube-controller-manager with more flags.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start_controllers(&self, program: &Path, flags: &[String]) -> Result<Process> {
        let user = "system:kube-controller-manager";
        let kubeconfig = "controllers.kubeconfig";
        let identity = self.authority.client(user, user)?;
        self.write_kubeconfig(kubeconfig, user, Credentials::Certificate(&identity))?;
        let mut args = component::controllers(kubeconfig);
        args.extend_from_slice(flags);
        self.start_process("kube-controller-manager", program, args)
    }

    /// Starts another process in the folder of the control plane, tied as its components are.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start_process(&self, name: &str, program: &Path, args: Vec<String>) -> Result<Process> {
        let (name, program, tie) = (name.to_owned(), program.to_owned(), self.settings.tie.clone());
        Process::of(Start { name, program, args, folder: self.settings.folder.clone(), tie })
    }

    /// The kubeconfig of the administrator.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.settings.folder.join("admin.kubeconfig")
    }

    /// Writes a kubeconfig into the folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_kubeconfig(&self, file: &str, user: &str, credentials: Credentials<'_>) -> Result<PathBuf> {
        let authority = self.authority.certificate();
        let server = Server { cluster: &self.settings.name, url: &self.url, authority: &authority };
        let path = self.settings.folder.join(file);
        kubeconfig::write(&path, server, user, credentials)?;
        Ok(path)
    }

    /// Issues a client certificate.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn client(&self, user: &str, group: &str) -> Result<Identity> {
        self.authority.client(user, group)
    }

    /// Kills the API server, as a machine that fails would, and starts it again where it was.
    ///
    /// # Errors
    /// If it does not come back.
    pub fn restart_server(&mut self) -> Result<()> {
        self.server.restart()?;
        self.ready()
    }

    /// Waits until the API server serves.
    ///
    /// # Errors
    /// If a component has ended, or does not serve in time.
    pub fn ready(&mut self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let api = runtime.block_on(Api::connect(&self.admin_kubeconfig()))?;
        let begin = Instant::now();
        loop {
            self.store.alive()?;
            self.server.alive()?;
            let asked = async { tokio::time::timeout(ANSWER, api.text("/readyz")).await };
            let why = match runtime.block_on(asked) {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer".to_owned(),
            };
            if begin.elapsed() > PATIENCE {
                bail!("kube-apiserver is not ready after {} s: {why}", PATIENCE.as_secs());
            }
            sleep(LOOK);
        }
    }

    /// Asks kube-apiserver to end, then etcd, and waits for both.
    pub fn stop(mut self) {
        end_together(std::slice::from_mut(&mut self.server));
        end_together(std::slice::from_mut(&mut self.store));
    }

    /// Lets the processes run on when this process ends.
    pub fn detach(self) {
        self.server.detach();
        self.store.detach();
    }
}

/// The ports of the control plane in the folder, which are kept from start to start, so that kubeconfigs stay valid.
fn ports(folder: &Path, asked: Option<u16>) -> Result<Ports> {
    let file = folder.join("ports.json");
    let last = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut ports = Ports::choose(last)?;
    if let Some(port) = asked {
        ensure!(
            component::is_free(port),
            "port {port} of 127.0.0.1 is taken by another program; choose another port, or none to get a free one"
        );
        ports.server = port;
    }
    let text = serde_json::to_string(&ports)?;
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(ports)
}

/// Creates the authorities, keys and certificates that are not there; returns the authority of the cluster.
fn certificates(pki: &Path) -> Result<Authority> {
    let authority = Authority::open(pki, "ca")?;
    authority.server("kube-apiserver", &component::SERVER_HOSTS)?;
    Authority::open(pki, "etcd-ca")?.server("etcd", &["127.0.0.1", "localhost"])?;
    Authority::open(pki, "front-proxy-ca")?.client("front-proxy-client", "front-proxy")?;
    // The API server reads a private key in PKCS 8 only to sign, not to verify.
    let accounts = key_of(&pki.join("service-account.key"))?;
    write_private(&pki.join("service-account.pub"), &accounts.public_key_pem())?;
    Ok(authority)
}
