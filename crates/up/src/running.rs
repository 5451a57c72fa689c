//! A control plane that runs: components, scheduler, simulated nodes. It is looked after until it is stopped.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use berth_cluster::kubelet::Timing;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::Api;
use crate::control_plane::{ControlPlane, Settings};
use crate::fetch::Progress;
use crate::find::{self, Places, Program};
use crate::instance::{Instance, Lock};
use crate::kubeconfig::Credentials;
use crate::load::{Loaded, Source, load};
use crate::nodes::{self, Counter, Counts, Shape};
use crate::process::{self, Process, end_together};
use crate::provisioner;
use crate::scheduler::{self, Kind};

/// The time after which the node lifecycle controller takes a node without heartbeats for lost, by default.
pub const GRACE: Duration = Duration::from_secs(50);
/// The time that the controllers have to create the first service account.
const PATIENCE: Duration = Duration::from_secs(60);
/// The time that each node adds to [`PATIENCE`].
const NODE_PATIENCE: Duration = Duration::from_millis(10);
/// The pause between two questions for it.
const LOOK: Duration = Duration::from_millis(20);
/// A component that ends so often within [`WINDOW`] is not started again.
const MOST_DEATHS: usize = 3;
/// The time in which the ends of a component are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// What is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name and folder.
    pub instance: Instance,
    /// Where the components are.
    pub places: Places,
    /// The release of Kubernetes whose components are fetched.
    pub release: String,
    /// The program `berth`: the scheduler, and what components are tied to.
    pub berth: PathBuf,
    /// The port of the API server, instead of a free one.
    pub port: Option<u16>,
    /// How many nodes there are to be beside those of `objects`; by default five if the control plane is new and has no
    /// other nodes.
    pub nodes: Option<usize>,
    /// Objects of another cluster, for a new control plane.
    pub objects: Vec<Source>,
    /// What these nodes offer.
    pub shape: Shape,
    /// Whose scheduler; `None` for none.
    pub scheduler: Option<Kind>,
    /// The configuration of the scheduler.
    pub config: Value,
    /// Where Berth's scheduler records its inputs.
    pub record: Option<PathBuf>,
    /// Whether Berth's scheduler serves its page.
    pub ui: bool,
    /// How long pods take to start and to end.
    pub timing: Timing,
    /// The time after which a node without heartbeats is taken for lost.
    pub node_grace: Duration,
}

/// A control plane that runs; dropping it kills its processes.
#[derive(Debug)]
pub struct Running {
    /// The address of its API server.
    pub url: String,
    /// The version of its components.
    pub version: String,
    /// The names of the components that an earlier process had left running.
    pub left: Vec<String>,
    /// What was loaded.
    pub loaded: Loaded,
    plane: ControlPlane,
    /// The controllers and the scheduler.
    others: Vec<Process>,
    deaths: VecDeque<(Instant, String)>,
    /// How many simulated nodes there are at least after the start.
    least_nodes: usize,
    counter: Counter,
    stop_asked: Arc<AtomicBool>,
    runtime: Runtime,
    _lock: Lock,
}

impl Running {
    /// Starts everything and waits until pods can be created. This thread must live as long as the control plane: the
    /// kernel ends the components with it.
    ///
    /// # Errors
    /// If a component is not found or does not start, or the folder cannot be used.
    pub fn start(options: &Options, tell: &mut dyn FnMut(Progress)) -> Result<Self> {
        let programs = Programs::find(options, tell)?;
        let version = programs.version()?;
        let instance = &options.instance;
        let lock = instance.open(version.trim_start_matches('v'))?;
        let left = process::end_recorded(&instance.folder)?;
        let is_new = !instance.folder.join("etcd/member").exists();
        ensure!(
            is_new || options.objects.is_empty(),
            "{} has objects already; -f needs a new control plane: give another --name or --data-dir",
            instance.folder.display()
        );
        let plane = ControlPlane::start(Settings {
            folder: instance.folder.clone(),
            name: format!("berth-{}", instance.name),
            etcd: programs.etcd,
            server: programs.server,
            tie: Some(options.berth.clone()),
            port: options.port,
            tokens: Vec::new(),
            server_flags: vec![WITHOUT_TAINTS.to_owned()],
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let api = runtime.block_on(Api::connect(&plane.admin_kubeconfig()))?;
        let revise = || plane.start_controllers(&programs.controllers, &[REVISING.to_owned()]);
        let loaded = load(&runtime, &api, &version, &options.objects, revise)?;
        let flags = controller_flags(options.node_grace);
        let mut others = vec![plane.start_controllers(&programs.controllers, &flags)?];
        if let (Some(kind), Some(program)) = (options.scheduler, &programs.scheduler) {
            others.push(start_scheduler(&plane, kind, program, options)?);
        }
        let counter = Counter::default();
        let renew = options.node_grace.mul_f64(0.4);
        let settings = nodes::Settings { timing: options.timing, renew };
        runtime.spawn(nodes::run(api.clone(), settings, counter.clone()));
        runtime.spawn(provisioner::run(api.clone()));
        let url = plane.url.clone();
        let stop_asked = Arc::new(AtomicBool::new(false));
        runtime.spawn(await_signal(Arc::clone(&stop_asked)));
        let mut running = Self {
            url,
            version,
            left,
            loaded,
            plane,
            others,
            deaths: VecDeque::new(),
            least_nodes: 0,
            counter,
            stop_asked,
            runtime,
            _lock: lock,
        };
        running.fill(&api, options, is_new)?;
        running.await_service_account(&api)?;
        running.await_nodes()?;
        Ok(running)
    }

    /// The address at which the scheduler serves health, metrics and its page.
    pub fn scheduler_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.plane.ports.scheduler)
    }

    /// The nodes and pods of now.
    pub fn counts(&self) -> Counts {
        self.counter.get()
    }

    /// Whether the process was asked to end, with Ctrl-C (SIGINT) or SIGTERM.
    pub fn stop_asked(&self) -> bool {
        self.stop_asked.load(Ordering::Relaxed)
    }

    /// Looks whether all components run. One that has ended is started again; what was acknowledged is in etcd, so
    /// nothing is lost. Returns what happened, for the user.
    ///
    /// # Errors
    /// If a component ends again and again, or cannot be started.
    pub fn look(&mut self) -> Result<Vec<String>> {
        let mut news = Vec::new();
        let all = [&mut self.plane.store, &mut self.plane.server].into_iter().chain(&mut self.others);
        for process in all {
            let Err(ended) = process.alive() else { continue };
            let now = Instant::now();
            self.deaths.retain(|(at, _)| now.duration_since(*at) < WINDOW);
            self.deaths.push_back((now, process.name().to_owned()));
            let times = self.deaths.iter().filter(|(_, name)| name == process.name()).count();
            if times >= MOST_DEATHS {
                return Err(ended.context(format!(
                    "{} has ended {times} times within {} s; everything is stopped",
                    process.name(),
                    WINDOW.as_secs()
                )));
            }
            process.restart()?;
            news.push(format!("{ended:#}\n{} was started again", process.name()));
        }
        Ok(news)
    }

    /// Asks all components to end, in order, and waits for them.
    pub fn stop(self) {
        let Self { plane, mut others, runtime, .. } = self;
        runtime.shutdown_background();
        end_together(&mut others);
        plane.stop();
    }

    /// Creates what a new control plane has, and the nodes.
    fn fill(&mut self, api: &Api, options: &Options, is_new: bool) -> Result<()> {
        let mut objects = Vec::new();
        let has_nodes = options.objects.iter().any(|source| source.object["kind"] == "Node");
        if is_new && !options.objects.iter().any(|source| source.object["kind"] == "StorageClass") {
            objects.push(("/apis/storage.k8s.io/v1/storageclasses".to_owned(), storage_class()));
        }
        let count = options.nodes.unwrap_or(if is_new && !has_nodes { DEFAULT_NODES } else { 0 });
        let now = now_millis();
        let nodes = (0..count).map(|index| {
            let node = nodes::new(&format!("node-{index}"), index, &options.shape);
            ("/api/v1/nodes".to_owned(), nodes::complete(node, index, &self.version, now))
        });
        objects.extend(nodes);
        let loaded = options.objects.iter().filter(|source| source.object["kind"] == "Node").count();
        let before = if is_new { 0 } else { self.runtime.block_on(simulated_nodes(api))? };
        self.least_nodes = count.max(loaded).max(before);
        self.runtime.block_on(api.ensure_all(objects))
    }

    /// Waits until pods can be placed on all nodes that have not failed, and some nodes were seen if there are any.
    fn await_nodes(&mut self) -> Result<()> {
        let begin = Instant::now();
        loop {
            let counts = self.counts();
            let have = counts.nodes_in_service + counts.failed_nodes;
            if have >= counts.nodes && counts.nodes >= self.least_nodes {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE + NODE_PATIENCE * u32::try_from(counts.nodes).unwrap_or(u32::MAX) {
                bail!(
                    "pods can be placed on {have} of {} nodes only: see the log of kube-controller-manager",
                    counts.nodes
                );
            }
            self.check()?;
            sleep(LOOK);
        }
    }

    /// Checks that all components run.
    fn check(&mut self) -> Result<()> {
        self.plane.store.alive()?;
        self.plane.server.alive()?;
        self.others.iter_mut().try_for_each(Process::alive)
    }

    /// Waits for the service account that pods of the namespace `default` need.
    fn await_service_account(&mut self, api: &Api) -> Result<()> {
        let begin = Instant::now();
        loop {
            let path = "/api/v1/namespaces/default/serviceaccounts/default";
            match self.runtime.block_on(api.get(path)) {
                Ok(Some(_)) => return Ok(()),
                _ if begin.elapsed() > PATIENCE => {
                    bail!("kube-controller-manager has not created {path} within {} s", PATIENCE.as_secs())
                }
                _ => {}
            }
            self.check()?;
            sleep(LOOK);
        }
    }
}

/// Notes the first request to end. The second one ends the process at once, and the kernel its components.
async fn await_signal(asked: Arc<AtomicBool>) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return; // without handlers the process ends at once
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    }
}

/// How many simulated nodes there are.
async fn simulated_nodes(api: &Api) -> Result<usize> {
    let list = api.get("/api/v1/nodes").await?.unwrap_or_default();
    let nodes = list["items"].as_array().into_iter().flatten();
    Ok(nodes.filter(|node| !node["metadata"]["annotations"][nodes::SIMULATED].is_null()).count())
}

/// Milliseconds since 1970.
pub(crate) fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A new node would get a taint that the node lifecycle controller removes when it sees that the node is ready.
/// Simulated nodes are ready when they are created, and three requests for each of thousands of nodes take long.
const WITHOUT_TAINTS: &str = "--disable-admission-plugins=TaintNodesByCondition";
/// This controller tells kubelets how long they may cache Secrets, which simulated nodes do not read.
const WITHOUT_TTL: &str = "--controllers=*,-ttl-controller";

/// The controllers that compute revisions, for [`load`].
const REVISING: &str = "--controllers=statefulset-controller,daemonset-controller";

fn controller_flags(node_grace: Duration) -> Vec<String> {
    let millis = node_grace.as_millis();
    vec![
        WITHOUT_TTL.to_owned(),
        format!("--node-monitor-grace-period={millis}ms"),
        format!("--node-monitor-period={}ms", (millis / 10).clamp(100, 5_000)),
    ]
}

/// How many nodes a new control plane has if none are asked for.
const DEFAULT_NODES: usize = 5;

fn start_scheduler(
    plane: &ControlPlane,
    kind: Kind,
    program: &std::path::Path,
    options: &Options,
) -> Result<Process> {
    let user = "system:kube-scheduler";
    let identity = plane.client(user, user)?;
    let kubeconfig =
        plane.write_kubeconfig("scheduler.kubeconfig", user, Credentials::Certificate(&identity))?;
    let file = options.instance.folder.join("scheduler.yaml");
    let mut args = scheduler::configure(kind, &options.config, &kubeconfig, plane.ports.scheduler, &file)?;
    if let Some(record) = &options.record {
        args.push(format!("--record={}", record.display()));
    }
    if options.ui {
        args.push("--ui".to_owned());
    }
    plane.start_process("scheduler", program, args)
}

fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {
            "name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/host-path",
    })
}

/// The programs of a control plane.
struct Programs {
    etcd: PathBuf,
    server: PathBuf,
    controllers: PathBuf,
    scheduler: Option<PathBuf>,
    upstream_scheduler: bool,
}

impl Programs {
    fn find(options: &Options, tell: &mut dyn FnMut(Progress)) -> Result<Self> {
        let mut find = |program| options.places.get(program, &options.release, tell);
        let upstream_scheduler = options.scheduler == Some(Kind::Upstream);
        Ok(Self {
            etcd: find(Program::Etcd)?,
            server: find(Program::Server)?,
            controllers: find(Program::Controllers)?,
            scheduler: match options.scheduler {
                None => None,
                Some(Kind::Berth) => Some(options.berth.clone()),
                Some(Kind::Upstream) => Some(find(Program::Scheduler)?),
            },
            upstream_scheduler,
        })
    }

    /// Asks all programs for their version, which shows that they are the right ones; returns that of kube-apiserver.
    fn version(&self) -> Result<String> {
        let mut all = vec![
            (Program::Server, &self.server),
            (Program::Etcd, &self.etcd),
            (Program::Controllers, &self.controllers),
        ];
        if let (true, Some(scheduler)) = (self.upstream_scheduler, &self.scheduler) {
            all.push((Program::Scheduler, scheduler));
        }
        let versions = thread::scope(|scope| {
            let asked: Vec<_> = (all.iter())
                .map(|(program, file)| scope.spawn(move || find::version(*program, file)))
                .collect();
            let answers = asked.into_iter().map(|one| {
                one.join()
                    .unwrap_or_else(|_| Err(anyhow!("the thread that asked for a version has panicked")))
            });
            answers.collect::<Result<Vec<String>>>()
        })?;
        versions.into_iter().next().context("no program was asked for its version")
    }
}
