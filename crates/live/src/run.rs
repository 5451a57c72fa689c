//! The life of the process: everything is started, runs until something ends it, and is brought to an end in order.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use berth_config::Configuration;
use berth_engine::profile::Profile;
use berth_flow::{Flow, Input, Settings};
use berth_model::object::Kind;
use berth_wire::Decoder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc::unbounded_channel, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::act::Actor;
use crate::client::{Api, ConnectError, Server};
use crate::extender::{ExtenderError, Extenders};
use crate::lease::{Lease, Lost};
use crate::log::LogFormat;
use crate::message::{Inbox, Message};
use crate::metrics::Metrics;
use crate::record::{RecordTo, Recording};
use crate::reign::Reign;
use crate::resource::Resource;
use crate::serve::{self, ServeError, Serving, Source};
use crate::teller::Teller;
use crate::turn::{Curiosity, Quarantine, Turn};
use crate::watch::Watch;
use crate::{events, host, log, measured};

/// How long events may take to be written when the process ends.
const LAST_EVENTS: Duration = Duration::from_secs(5);

/// What an administrator decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom to ask.
    pub server: Server,
    /// The configuration, with the command line's words in it.
    pub configuration: Configuration,
    /// What decides: one for each profile of the configuration.
    pub profiles: Vec<Profile>,
    /// How health and metrics are served; none, if they are not.
    pub serving: Option<Serving>,
    /// Where everything is recorded that decides, if it is.
    pub record: Option<RecordTo>,
    /// How the log is written.
    pub log_format: LogFormat,
    /// How much is written: the number of `-v`.
    pub verbosity: u8,
    /// What the log says first: of what was asked for and is not needed,
    pub notes: Vec<String>,
    /// and of what was asked for and is not there.
    pub warnings: Vec<String>,
}

/// How the process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to end.
    Asked,
    /// It led, and lost the lease.
    Deposed,
    /// The flow's thread broke: a fault of Berth's.
    Broken,
}

/// Why the process cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An extender cannot be used.
    #[error(transparent)]
    Extender(#[from] ExtenderError),
    /// Health and metrics cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The system refuses something.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// Metrics cannot be kept.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Schedules until something ends it.
///
/// # Errors
/// Where it cannot begin.
pub fn run(options: Options) -> Result<End, StartError> {
    log::start(options.log_format, options.verbosity);
    options.notes.iter().for_each(|note| tracing::info!("{note}"));
    options.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let end = runtime.block_on(live(options));
    // Watches would wait for their servers.
    runtime.shutdown_background();
    end
}

/// A candidate for the lease.
struct Candidate {
    lease: JoinHandle<Result<(), Lost>>,
    /// Told when nobody acts any more.
    release: oneshot::Sender<()>,
}

/// What runs beside the flow's thread.
struct Company {
    inbox: Inbox,
    actor: JoinHandle<()>,
    writer: JoinHandle<()>,
    lease: Option<Candidate>,
}

async fn live(options: Options) -> Result<End, StartError> {
    let metrics = Arc::new(Metrics::new()?);
    let api = options.server.connect().await?.counted(Arc::clone(&metrics));
    let extenders = Arc::new(Extenders::new(&options.configuration.extenders)?);
    let (sender, receiver) = mpsc::channel();
    let (task_sender, tasks) = unbounded_channel();
    let (era_sender, era) = watch::channel(0);
    let inbox = Inbox::new(sender, era);
    let reign = Arc::new(Reign::new());
    let host = host::name();
    let requests = Arc::default();
    let (recorder, writer) =
        events::recorder(api.clone(), host.clone(), Arc::clone(&metrics), Arc::clone(&requests));
    let needs_nodes = options.configuration.extenders.iter().any(|extender| !extender.node_cache_capable);
    let settings = settings(&options.configuration, options.profiles.clone());
    let turn = Turn {
        flow: Flow::new(settings.clone()),
        settings,
        recording: options.record.clone().map(Recording::start).transpose()?,
        inbox: receiver,
        tasks: task_sender,
        recorder,
        teller: Teller::new(Arc::clone(&metrics), names(&options.configuration)),
        nodes: needs_nodes.then(Default::default),
        decoder: Decoder::new(),
        start: Instant::now(),
        era: era_sender,
        quarantine: Quarantine::default(),
        curiosity: Curiosity::new(options.verbosity),
        open: 0,
        stop_at: None,
    };
    let (ended_sender, ended) = oneshot::channel::<()>();
    std::thread::Builder::new().name("flow".to_owned()).spawn(move || {
        turn.run();
        let _ = ended_sender.send(());
    })?;
    if let Some(serving) = &options.serving {
        let configuration = Arc::new(options.configuration.clone());
        let source = Source { inbox: inbox.clone(), metrics: Arc::clone(&metrics), configuration };
        serve::start(serving, &api, &host, source).await?;
    }
    watch_all(&api, &inbox, &metrics);
    if options.profiles.iter().any(measured::wanted) {
        tokio::spawn(measured::poll(api.clone(), inbox.clone()));
    }
    let actor =
        Actor { api: api.clone(), reign: Arc::clone(&reign), extenders, inbox: inbox.clone(), requests };
    let company = Company {
        actor: tokio::spawn(actor.run(tasks)),
        writer: tokio::spawn(writer.run()),
        lease: elect(&options, &api, &inbox, &reign, &metrics, &host),
        inbox,
    };
    company.stay(ended).await
}

/// Stands for election, or leads at once where nobody is to be elected.
fn elect(
    options: &Options,
    api: &Api,
    inbox: &Inbox,
    reign: &Arc<Reign>,
    metrics: &Arc<Metrics>,
    host: &str,
) -> Option<Candidate> {
    let settings = &options.configuration.leader_election;
    if !settings.leader_elect {
        reign.extend(Instant::now(), None);
        let _ = inbox.input(Input::Leads(true));
        return None;
    }
    let (release, released) = oneshot::channel();
    let (reign, metrics) = (Arc::clone(reign), Arc::clone(metrics));
    let lease = Lease::new(settings, host::identity(host), api.clone(), inbox.clone(), reign, metrics);
    Some(Candidate { lease: tokio::spawn(lease.run(released)), release })
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

/// What a configuration says of the flow.
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

impl Company {
    /// Waits for an end, and brings all others to theirs.
    async fn stay(mut self, mut ended: oneshot::Receiver<()>) -> Result<End, StartError> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let deposed = async {
            match &mut self.lease {
                Some(candidate) => matches!((&mut candidate.lease).await, Ok(Err(Lost))),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = &mut ended => {
                tracing::error!("the flow's thread broke; the process ends so that another one can begin anew");
                return Ok(End::Broken);
            }
            lost = deposed => {
                tracing::error!("leaderelection lost");
                return Ok(if lost { End::Deposed } else { End::Broken });
            }
        }
        tracing::info!("asked to end: bindings under way are finished first");
        let _ = self.inbox.send(Message::Stop);
        let _ = ended.await;
        // With the flow's thread went whoever asks for more, so that these two end when they are done.
        let _ = timeout(LAST_EVENTS, self.actor).await;
        let _ = timeout(LAST_EVENTS, self.writer).await;
        if let Some(Candidate { lease, release }) = self.lease {
            let _ = release.send(());
            let _ = timeout(LAST_EVENTS, lease).await;
        }
        Ok(End::Asked)
    }
}
