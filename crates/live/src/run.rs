//! The life of the process: start all tasks, run until something ends them, and stop in order.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use berth_config::Configuration;
use berth_engine::profile::Profile;
use berth_flow::{Input, SchedulingLoop, Settings};
use berth_model::object::Kind;
use berth_view::Site;
use berth_watch::OwnWrites;
use berth_wire::Decoder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc::unbounded_channel, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::act::Actor;
use crate::client::{Api, ConnectError, Server};
use crate::event_loop::{ANSWER_LIMIT, AlternativesSampler, EventLoop, Quarantine};
use crate::explain::Explainer;
use crate::extender::{ExtenderError, Extenders};
use crate::lease::{Lease, Lost};
use crate::lease_guard::LeaseGuard;
use crate::log::LogFormat;
use crate::message::{Inbox, Message};
use crate::metrics::Metrics;
use crate::record::{RecordTo, Recording};
use crate::reporter::Reporter;
use crate::resource::Resource;
use crate::serve::{self, ServeError, Serving, Source};
use crate::ui::{Copier, Copies};
use crate::watch::Watch;
use crate::{events, host, log, measured};

/// The longest time for writing the last requests and events when the process ends.
const LAST_EVENTS: Duration = Duration::from_secs(5);

/// The options of the process.
#[derive(Clone, Debug)]
pub struct Options {
    /// The API server.
    pub server: Server,
    /// The configuration, with the overrides of the command line.
    pub configuration: Configuration,
    /// One for each profile of the configuration.
    pub profiles: Vec<Profile>,
    /// How health and metrics are served; `None`: they are not.
    pub serving: Option<Serving>,
    /// What answers the questions of the page; `None`: no page is served.
    pub page: Option<PageSource>,
    /// Where the inputs of the scheduler are recorded; `None`: they are not.
    pub record: Option<RecordTo>,
    /// The format of the log.
    pub log_format: LogFormat,
    /// The verbosity of the log (`-v`).
    pub verbosity: u8,
    /// Startup notices: flags that have no effect and need no action.
    pub notes: Vec<String>,
    /// Startup warnings: flags whose effect is not available.
    pub warnings: Vec<String>,
}

/// Makes what answers the questions of the page.
pub type PageSource = fn(Copies, &Configuration) -> Arc<dyn berth_view::Source>;

/// Why the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was stopped by a signal.
    Asked,
    /// It was the leader and lost the lease.
    LeaseLost,
    /// The event loop panicked: a bug in Berth.
    Broken,
}

/// Why the process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no way to connect to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An extender cannot be used.
    #[error(transparent)]
    Extender(#[from] ExtenderError),
    /// Health and metrics cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The operating system refuses something.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// The metrics cannot be registered.
    #[error("cannot register metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Schedules pods until the process is stopped, loses its lease or panics.
///
/// # Errors
/// If it cannot start.
pub fn run(options: Options) -> Result<End, StartError> {
    log::start(options.log_format, options.verbosity);
    options.notes.iter().for_each(|note| tracing::info!("{note}"));
    options.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let end = runtime.block_on(live(options));
    // Watches would wait for their API server.
    runtime.shutdown_background();
    end
}

/// The task that holds the lease.
struct LeaseTask {
    lease: JoinHandle<Result<(), Lost>>,
    /// Sent when no request is in flight any more.
    release: oneshot::Sender<()>,
}

/// The tasks beside the event loop.
struct Tasks {
    inbox: Inbox,
    actor: JoinHandle<()>,
    writer: JoinHandle<()>,
    lease: Option<LeaseTask>,
}

async fn live(options: Options) -> Result<End, StartError> {
    let metrics = Arc::new(Metrics::new()?);
    let api = options.server.connect().await?.counted(Arc::clone(&metrics));
    let extenders = Arc::new(Extenders::new(&options.configuration.extenders)?);
    let (sender, receiver) = mpsc::channel();
    let (task_sender, tasks) = unbounded_channel();
    let (epoch_sender, epoch) = watch::channel(0);
    let inbox = Inbox::new(sender, epoch);
    let lease_guard = Arc::new(LeaseGuard::new());
    let host = host::name();
    let requests = Arc::default();
    let (recorder, writer) =
        events::recorder(api.clone(), host.clone(), Arc::clone(&metrics), Arc::clone(&requests));
    let needs_nodes = options.configuration.extenders.iter().any(|extender| !extender.node_cache_capable);
    let settings = settings(&options.configuration, options.profiles.clone());
    let event_loop = EventLoop {
        flow: SchedulingLoop::new(settings.clone()),
        settings,
        recording: options.record.clone().map(Recording::start).transpose()?,
        inbox: receiver,
        tasks: task_sender,
        recorder,
        reporter: Reporter::new(Arc::clone(&metrics), names(&options.configuration)),
        nodes: needs_nodes.then(Default::default),
        decoder: Decoder::new(),
        own_writes: OwnWrites::default(),
        start: Instant::now(),
        epoch: epoch_sender,
        quarantine: Quarantine::default(),
        explainer: Explainer::start()?,
        copier: options.page.is_some().then(Copier::new),
        sampler: AlternativesSampler::new(options.verbosity),
        open: 0,
        answer_limit: ANSWER_LIMIT,
        stop_at: None,
    };
    let (ended_sender, ended) = oneshot::channel::<()>();
    std::thread::Builder::new().name("flow".to_owned()).spawn(move || {
        event_loop.run();
        let _ = ended_sender.send(());
    })?;
    if let Some(serving) = &options.serving {
        let configuration = Arc::new(options.configuration.clone());
        let page = options.page.map(|page| page(Copies::new(inbox.clone()), &options.configuration));
        let page = page.map(|source| Arc::new(Site::new(source)));
        let source = Source { inbox: inbox.clone(), metrics: Arc::clone(&metrics), configuration, page };
        serve::start(serving, &api, &host, source).await?;
    }
    watch_all(&api, &inbox, &metrics);
    if options.profiles.iter().any(measured::wanted) {
        tokio::spawn(measured::poll(api.clone(), inbox.clone()));
    }
    let actor = Actor {
        api: api.clone(),
        lease_guard: Arc::clone(&lease_guard),
        extenders,
        inbox: inbox.clone(),
        metrics: Arc::clone(&metrics),
        requests,
    };
    let running = Tasks {
        actor: tokio::spawn(actor.run(tasks)),
        writer: tokio::spawn(writer.run()),
        lease: elect(&options, &api, &inbox, &lease_guard, &metrics, &host),
        inbox,
    };
    running.wait(ended).await
}

/// Starts the leader election, or leads at once without one.
fn elect(
    options: &Options,
    api: &Api,
    inbox: &Inbox,
    lease_guard: &Arc<LeaseGuard>,
    metrics: &Arc<Metrics>,
    host: &str,
) -> Option<LeaseTask> {
    let settings = &options.configuration.leader_election;
    if !settings.leader_elect {
        lease_guard.extend(Instant::now(), None);
        let _ = inbox.input(Input::Leads(true));
        return None;
    }
    let (release, released) = oneshot::channel();
    let (lease_guard, metrics) = (Arc::clone(lease_guard), Arc::clone(metrics));
    let lease = Lease::new(settings, host::identity(host), api.clone(), inbox.clone(), lease_guard, metrics);
    Some(LeaseTask { lease: tokio::spawn(lease.run(released)), release })
}

fn watch_all(api: &Api, inbox: &Inbox, metrics: &Arc<Metrics>) {
    for kind in Kind::WATCHED {
        let resource = Resource::of(kind);
        tokio::spawn(Watch::new(api.clone(), resource, kind, inbox.clone(), Arc::clone(metrics)).run());
    }
}

fn names(configuration: &Configuration) -> Vec<String> {
    configuration.profiles.iter().map(|profile| profile.scheduler_name.clone()).collect()
}

/// The flow's settings in a configuration.
pub fn settings(configuration: &Configuration, profiles: Vec<Profile>) -> Settings {
    let millis = |seconds: i64| u64::try_from(seconds).unwrap_or_default().saturating_mul(1_000);
    let mut settings = Settings::new(profiles);
    settings.initial_backoff_millis = millis(configuration.pod_initial_backoff_seconds);
    settings.max_backoff_millis = millis(configuration.pod_max_backoff_seconds);
    settings.extenders = configuration.extenders.iter().map(extender).collect();
    settings
}

fn extender(config: &berth_config::Extender) -> berth_flow::Extender {
    berth_flow::Extender {
        name: config.url_prefix.as_str().into(),
        filters: !config.filter_verb.is_empty(),
        weight: (!config.prioritize_verb.is_empty()).then_some(config.weight),
        preempts: !config.preempt_verb.is_empty(),
        binds: !config.bind_verb.is_empty(),
        managed_resources: config.managed_resources.iter().map(|r| r.name.as_str().into()).collect(),
        ignorable: config.ignorable,
    }
}

impl Tasks {
    /// Waits until one task ends or a signal comes, and stops the others.
    async fn wait(mut self, mut ended: oneshot::Receiver<()>) -> Result<End, StartError> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let not_leading = async {
            match &mut self.lease {
                Some(task) => matches!((&mut task.lease).await, Ok(Err(Lost))),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = &mut ended => {
                tracing::error!("the event loop panicked; exiting so that another process can take over");
                return Ok(End::Broken);
            }
            lost = not_leading => {
                tracing::error!("leaderelection lost");
                return Ok(if lost { End::LeaseLost } else { End::Broken });
            }
        }
        tracing::info!("stopping after the bindings in flight are finished");
        let _ = self.inbox.send(Message::Stop);
        let _ = ended.await;
        // Without the event loop these two get no more work, so they end when they are done.
        let _ = timeout(LAST_EVENTS, self.actor).await;
        let _ = timeout(LAST_EVENTS, self.writer).await;
        if let Some(LeaseTask { lease, release }) = self.lease {
            let _ = release.send(());
            let _ = timeout(LAST_EVENTS, lease).await;
        }
        Ok(End::Asked)
    }
}
