//! `berth up` itself: starts a control plane and looks after it.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use berth_cluster::kubelet::Timing;
use berth_model::execution::Span;
use berth_up::fetch::Progress;
use berth_up::find::{Missing, Places, RELEASE};
use berth_up::instance::{DEFAULT_NAME, Instance};
use berth_up::load::Loaded;
use berth_up::nodes::{Counts, Shape};
use berth_up::process::leave_terminal;
use berth_up::running::{Options, Running};
use berth_up::scheduler::Kind;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{broken, duration, page, quantity};
use crate::failure::Failure;
use crate::{notice, profiles};

/// The pause between two looks at the components.
const LOOK: Duration = Duration::from_millis(100);

/// What is started.
#[derive(Debug, clap::Args)]
pub(super) struct StartArgs {
    /// Name of the control plane; several run side by side
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME)]
    name: String,
    /// Run in the background; the command ends when the control plane is ready
    #[arg(long)]
    detach: bool,
    /// This process is the one in the background
    #[arg(long, hide = true)]
    detached: bool,
    /// Number of simulated nodes, node-0 and so on [default: 5 if the control plane is new]
    #[arg(long, value_name = "N")]
    nodes: Option<usize>,
    /// Manifests of another cluster, such as the output of berth snapshot: nodes, workloads, storage, budgets. Running
    /// pods stay on their nodes. A file, a folder, or - for stdin; may be repeated
    #[arg(short, long = "filename", value_name = "PATH")]
    filenames: Vec<PathBuf>,
    /// CPUs of each of these nodes
    #[arg(long, value_name = "QUANTITY", default_value = "8", value_parser = quantity)]
    node_cpu: String,
    /// Memory of each of these nodes
    #[arg(long, value_name = "QUANTITY", default_value = "32Gi", value_parser = quantity)]
    node_memory: String,
    /// The scheduler: berth, upstream (kube-scheduler) or none
    #[arg(long, value_name = "WHICH", default_value = "berth", value_parser = ["berth", "upstream", "none"])]
    scheduler: String,
    /// Configuration of the scheduler, a KubeSchedulerConfiguration (v1)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Record all inputs of Berth's scheduler in this file, for berth replay
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Serve the page of Berth's scheduler on a free port of 127.0.0.1, and print its address
    #[arg(long)]
    ui: bool,
    /// Folder with the programs etcd, kube-apiserver and kube-controller-manager [default: the folders of PATH, then
    /// the cache]
    #[arg(long, value_name = "DIR")]
    components: Option<PathBuf>,
    /// Download components that are missing from upstream's official places, and verify their checksums
    #[arg(long, conflicts_with = "components")]
    fetch: bool,
    /// Build components that are missing from their Go modules; this needs Go and some minutes once
    #[arg(long, conflicts_with_all = ["components", "fetch"])]
    build: bool,
    /// Release of Kubernetes that is fetched
    #[arg(long, value_name = "VERSION", default_value = RELEASE, value_parser = release)]
    kubernetes: String,
    /// Folder for all files of the control plane; a second start with it continues [default:
    /// ~/.local/share/berth/up/NAME]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Port of the API server on 127.0.0.1 [default: the last one, or a free one]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Time after which a node that sends no heartbeat is NotReady
    #[arg(long, value_name = "DURATION", default_value = "50s", value_parser = duration)]
    node_grace: Duration,
    /// Time that a pod takes to start after it got its node: a duration, or a range such as 1s..3s
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = span)]
    pod_start: Span,
}

/// Runs the command.
pub(super) fn run(args: &StartArgs) -> Result<ExitCode, Failure> {
    if args.detach {
        return detach(args);
    }
    if args.detached {
        leave_terminal().map_err(broken)?;
    }
    let begin = Instant::now();
    let options = options(args)?;
    let mut running = Running::start(&options, &mut Fetching::default().tell()).map_err(broken)?;
    if !running.left.is_empty() {
        notice::note(&format!("an earlier process had left {}; now ended", running.left.join(", ")));
    }
    tell_loaded(&running.loaded);
    let nodes = running.counts().nodes;
    notice::note(&format!(
        "{}: Kubernetes {} with {nodes} simulated nodes and {} at {}, ready after {:.1} s",
        args.name,
        running.version,
        scheduler_name(options.scheduler),
        running.url,
        begin.elapsed().as_secs_f64()
    ));
    let kubeconfig = options.instance.kubeconfig();
    let end = if args.detached { format!("berth up stop {}", args.name) } else { "Ctrl-C".to_owned() };
    notice::note(&format!("export KUBECONFIG={}   ({end} ends it)", kubeconfig.display()));
    if options.ui {
        let url = page::start(&running.scheduler_url(), kubeconfig)?;
        notice::note(&format!("the cluster in a browser: {url}"));
    }
    options.instance.set_ready().map_err(broken)?;
    let code = look_after(&mut running);
    running.stop();
    code
}

fn tell_loaded(loaded: &Loaded) {
    let list = |counts: &BTreeMap<String, usize>| {
        let each: Vec<String> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        each.join(", ")
    };
    if !loaded.created.is_empty() {
        notice::note(&format!("loaded {}", list(&loaded.created)));
    }
    if !loaded.left_out.is_empty() {
        notice::note(&format!("left out {}", list(&loaded.left_out)));
    }
}

/// The name of the log of a control plane in the background.
const OWN_LOG: &str = "berth-up";

/// Starts the same command in the background, and waits until the control plane is ready.
fn detach(args: &StartArgs) -> Result<ExitCode, Failure> {
    let instance = Instance::named(&args.name, args.data_dir.as_deref()).map_err(broken)?;
    instance.check_own().map_err(broken)?;
    let path = instance.log(OWN_LOG);
    let unreadable = |error: std::io::Error| Failure::unreadable(&path.display().to_string(), &error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unreadable)?;
    }
    let log = std::fs::File::create(&path).map_err(unreadable)?;
    let program =
        std::env::current_exe().map_err(|error| Failure::unreadable("the program berth", &error))?;
    let mut child = Command::new(program)
        .args(
            std::env::args_os().skip(1).map(|arg| if arg == "--detach" { "--detached".into() } else { arg }),
        )
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(unreadable)?)
        .stderr(log)
        .spawn()
        .map_err(|error| Failure::unreadable("the program berth", &error))?;
    loop {
        let ended = child.try_wait().map_err(|error| Failure::unreadable("the program berth", &error))?;
        let is_ready = instance.is_ready(child.id());
        if ended.is_some() || is_ready {
            let text = std::fs::read_to_string(&path).map_err(unreadable)?;
            let _ = anstream::stderr().lock().write_all(text.as_bytes());
        }
        if let Some(status) = ended {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(ExitCode::from(code.unwrap_or(1)));
        }
        if is_ready {
            return Ok(ExitCode::SUCCESS);
        }
        sleep(LOOK);
    }
}

/// Looks after the control plane until it is asked to end.
fn look_after(running: &mut Running) -> Result<ExitCode, Failure> {
    let line = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
    while !running.stop_asked() {
        let news = match running.look() {
            Ok(news) => news,
            Err(error) => {
                clear(line.as_ref());
                return Err(Failure { exit_code: 1, ..broken(error) });
            }
        };
        for text in news {
            match &line {
                Some(line) => line.suspend(|| notice::warning(&text)),
                None => notice::warning(&text),
            }
        }
        if let Some(line) = &line {
            line.set_message(status(running.counts()));
            line.tick();
        }
        sleep(LOOK);
    }
    clear(line.as_ref());
    Ok(ExitCode::SUCCESS)
}

/// The progress of programs that are fetched, one bar after the other.
#[derive(Default)]
struct Fetching(Option<(&'static str, ProgressBar)>);

impl Fetching {
    fn tell(mut self) -> impl FnMut(Progress) {
        move |progress| {
            if self.0.as_ref().is_none_or(|(name, _)| *name != progress.name) {
                let bar = ProgressBar::new(progress.total.unwrap_or_default());
                // A template that cannot be read gives indicatif's own bar.
                if let Ok(style) =
                    ProgressStyle::with_template("fetching {msg} {bar:40} {bytes}/{total_bytes}, {eta} left")
                {
                    bar.set_style(style.progress_chars("##-"));
                }
                bar.set_message(progress.name);
                self.0 = Some((progress.name, bar));
            }
            if let Some((_, bar)) = &self.0 {
                bar.set_position(progress.done);
                if Some(progress.done) == progress.total {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

fn clear(line: Option<&ProgressBar>) {
    if let Some(line) = line {
        line.finish_and_clear();
    }
}

fn status(counts: Counts) -> String {
    let failed =
        if counts.failed_nodes > 0 { format!(" ({} failed)", counts.failed_nodes) } else { String::new() };
    format!(
        "{} nodes{failed}; pods: {} pending, {} starting, {} running, {} ended",
        counts.nodes, counts.pending, counts.starting, counts.running, counts.ended
    )
}

fn scheduler_name(kind: Option<Kind>) -> &'static str {
    match kind {
        None => "no scheduler",
        Some(Kind::Berth) => "Berth's scheduler",
        Some(Kind::Upstream) => "kube-scheduler",
    }
}

fn options(args: &StartArgs) -> Result<Options, Failure> {
    let scheduler = match args.scheduler.as_str() {
        "berth" => Some(Kind::Berth),
        "upstream" => Some(Kind::Upstream),
        _ => None,
    };
    if args.record.is_some() && scheduler != Some(Kind::Berth) {
        return Err(Failure::input("--record: only Berth's scheduler records its inputs"));
    }
    if args.ui && scheduler != Some(Kind::Berth) {
        return Err(Failure::input("--ui: only Berth's scheduler has a page"));
    }
    if args.config.is_some() && scheduler.is_none() {
        return Err(Failure::input("--config: there is no scheduler to configure (--scheduler none)"));
    }
    let missing = match (args.fetch, args.build) {
        (true, _) => Missing::Fetch,
        (_, true) => Missing::Build,
        _ => Missing::Refuse,
    };
    let absolute = |path: &PathBuf| std::path::absolute(path).map_err(|error| broken(error.into()));
    Ok(Options {
        instance: Instance::named(&args.name, args.data_dir.as_deref()).map_err(broken)?,
        places: Places::of_machine(args.components.clone(), &args.kubernetes, missing).map_err(broken)?,
        release: args.kubernetes.clone(),
        berth: std::env::current_exe().map_err(|error| Failure::unreadable("the program berth", &error))?,
        port: args.port,
        nodes: args.nodes,
        objects: berth_up::load::read(&args.filenames).map_err(broken)?,
        shape: Shape { cpu: args.node_cpu.clone(), memory: args.node_memory.clone(), ..Shape::default() },
        scheduler,
        config: args.config.as_deref().map_or(Ok(json!({})), configuration)?,
        record: args.record.as_ref().map(absolute).transpose()?,
        ui: args.ui,
        timing: Timing { start: args.pod_start, job_run: Span::fixed(1_000), ..Timing::INSTANT },
        node_grace: args.node_grace,
    })
}

/// The scheduler's configuration. It is checked before anything is started.
fn configuration(path: &Path) -> Result<Value, Failure> {
    profiles::read(path, false)?;
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Failure::unreadable(&name, &error))?;
    let mut value: Value = serde_saphyr::from_str(&text)
        .map_err(|error| Failure::input(format!("{name}: cannot be parsed as YAML: {error}")))?;
    // The scheduler belongs to this control plane.
    if let Some(connection) = value.get_mut("clientConnection").and_then(Value::as_object_mut)
        && connection.remove("kubeconfig").is_some()
    {
        notice::note(&format!(
            "{name}: clientConnection.kubeconfig is ignored: the scheduler uses this control plane"
        ));
    }
    Ok(value)
}

/// Reads a release such as `1.37.2`.
fn release(text: &str) -> Result<String, String> {
    let text = text.trim_start_matches('v');
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() == 3 && parts.iter().all(is_number) {
        return Ok(text.to_owned());
    }
    Err("expected a release such as 1.37.2".to_owned())
}

fn span(text: &str) -> Result<Span, String> {
    Span::parse(text).ok_or_else(|| "expected a duration such as 2s, or a range such as 1s..3s".to_owned())
}
