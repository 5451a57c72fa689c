//! The configuration as a whole: reading it in upstream's order, and what it resolves to.

use crate::client_connection::ClientConnection;
use crate::document::{self, Node, Position, Value};
use crate::error::{ConfigError, Problem, Problems};
use crate::expand::expand;
use crate::extender::Extender;
use crate::fields::Fields;
use crate::leader_election::LeaderElection;
use crate::path::Path;
use crate::plugin_config::{self, PluginConfig};
use crate::plugin_set::{self, PluginSets};
use crate::profile::ResolvedProfile;
use crate::queue_sort::{self, SortOf};
use crate::sink::Sink;
use berth_engine::tie_break::TieBreak;
use std::collections::BTreeMap;

/// A configuration with everything decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// How many nodes upstream looks at in parallel; above 0. No decision depends on it.
    pub parallelism: i32,
    /// How one of several schedulers is chosen.
    pub leader_election: LeaderElection,
    /// How to talk to the API server.
    pub client_connection: ClientConnection,
    /// Whether to serve profiles of the running program.
    pub enable_profiling: bool,
    /// Whether those tell of waiting for locks.
    pub enable_contention_profiling: bool,
    /// Percent of all nodes to look at before choosing, 0 to 100; each profile has its own, resolved.
    pub percentage_of_nodes_to_score: i32,
    /// What a pod waits after its first failure, in seconds; above 0.
    pub pod_initial_backoff_seconds: i64,
    /// What a pod waits at most, in seconds; not below the first.
    pub pod_max_backoff_seconds: i64,
    /// At least one; their names are unique.
    pub profiles: Vec<ResolvedProfile>,
    /// In the order in which they are asked: those that may fail go last.
    pub extenders: Vec<Extender>,
    /// Whether a scheduler that does not lead leaves its caches empty.
    pub delay_cache_until_active: bool,
    /// What the configuration says without effect, or with an effect that its writer may not expect. Each names its
    /// field.
    pub warnings: Vec<String>,
}

const KIND: &str = "KubeSchedulerConfiguration";
const VERSION: &str = "kubescheduler.config.k8s.io/v1";
const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "parallelism",
    "leaderElection",
    "clientConnection",
    "enableProfiling",
    "enableContentionProfiling",
    "percentageOfNodesToScore",
    "podInitialBackoffSeconds",
    "podMaxBackoffSeconds",
    "profiles",
    "extenders",
    "delayCacheUntilActive",
];
const PROFILE: &[&str] =
    &["schedulerName", "percentageOfNodesToScore", "tieBreak", "plugins", "pluginConfig"];

/// Reads a configuration, fills in the defaults, validates it and resolves its profiles.
///
/// An empty document is upstream's default configuration. Upstream: `cmd/kube-scheduler/app/options/configfile.go`,
/// with default feature gates.
///
/// # Errors
/// Where the document cannot be read as a `KubeSchedulerConfiguration` of version v1; and with *all* problems of its
/// fields where there are any.
pub fn parse(bytes: &[u8]) -> Result<Configuration, ConfigError> {
    read(bytes, Sink::default())
}

/// As [`parse`], but plugins that Berth does not have are left out, with a warning for each.
///
/// # Errors
/// As [`parse`].
pub fn parse_known_plugins(bytes: &[u8]) -> Result<Configuration, ConfigError> {
    read(bytes, Sink::without_unknown_plugins())
}

fn read(bytes: &[u8], sink: Sink) -> Result<Configuration, ConfigError> {
    let Some(root) = document::read(bytes)? else { return Ok(Configuration::default()) };
    check_kind(&root)?;
    let mut configuration = Configuration::read(&Fields::open(Some(&root), Path::root(), FIELDS, &sink));
    let (mut problems, warnings) = sink.into_parts();
    if problems.is_empty() {
        configuration.warnings = warnings;
        return Ok(configuration);
    }
    locate(&mut problems, &root);
    Err(ConfigError::Invalid(Problems(problems)))
}

impl Default for Configuration {
    /// What upstream runs without a configuration file (`apis/config/latest`).
    fn default() -> Self {
        Self::read(&Fields::open(None, Path::root(), FIELDS, &Sink::default()))
    }
}

impl Configuration {
    /// Resolves as much as can be. Where there are problems, the result is of no use.
    fn read(fields: &Fields<'_>) -> Self {
        let percentage = percentage(fields);
        let enable_profiling = fields.boolean("enableProfiling").unwrap_or(true);
        let mut extenders = Extender::read_all(fields);
        let mut configuration = Self {
            parallelism: fields.int32("parallelism").unwrap_or(16),
            leader_election: LeaderElection::read(&fields.object("leaderElection", LeaderElection::FIELDS)),
            client_connection: ClientConnection::read(
                &fields.object("clientConnection", ClientConnection::FIELDS),
            ),
            enable_profiling,
            enable_contention_profiling: fields
                .boolean("enableContentionProfiling")
                .unwrap_or(enable_profiling),
            percentage_of_nodes_to_score: percentage.unwrap_or(0),
            pod_initial_backoff_seconds: fields.int64("podInitialBackoffSeconds").unwrap_or(1),
            pod_max_backoff_seconds: fields.int64("podMaxBackoffSeconds").unwrap_or(10),
            profiles: read_profiles(fields, percentage.unwrap_or(0), &extenders),
            extenders: Vec::new(),
            delay_cache_until_active: fields.boolean("delayCacheUntilActive").unwrap_or(false),
            warnings: Vec::new(),
        };
        extenders.sort_by_key(|e| e.ignorable);
        configuration.extenders = extenders;
        configuration.validate(fields);
        configuration
    }

    fn validate(&self, fields: &Fields<'_>) {
        let sink = fields.sink();
        let (initial, max) = (self.pod_initial_backoff_seconds, self.pod_max_backoff_seconds);
        if self.parallelism <= 0 {
            let words = "should be an integer value greater than zero";
            sink.invalid(&fields.at("parallelism"), self.parallelism, words);
        }
        if initial <= 0 {
            sink.invalid(&fields.at("podInitialBackoffSeconds"), initial, "must be greater than 0");
        }
        if max < initial {
            let words = "must be greater than or equal to PodInitialBackoffSeconds";
            sink.invalid(&fields.at("podMaxBackoffSeconds"), max, words);
        }
    }
}

fn percentage(fields: &Fields<'_>) -> Option<i32> {
    let percentage = fields.int32("percentageOfNodesToScore")?;
    let path = fields.at("percentageOfNodesToScore");
    if !(0..=100).contains(&percentage) {
        fields.sink().invalid(&path, percentage, "not in valid range [0-100]");
    } else if !matches!(percentage, 0 | 100) {
        fields.sink().warn(&path, "no effect: Berth scores every node that a pod fits on");
    }
    Some(percentage)
}

fn tie_break(fields: &Fields<'_>) -> TieBreak {
    let Some(written) = fields.text("tieBreak") else { return TieBreak::default() };
    TieBreak::ALL.into_iter().find(|rule| rule.config_name() == written).unwrap_or_else(|| {
        let names = TieBreak::ALL.map(TieBreak::config_name);
        fields.sink().unsupported(&fields.at("tieBreak"), &written, &names);
        TieBreak::default()
    })
}

/// What is written about one profile.
struct Written<'a> {
    path: Path,
    scheduler_name: String,
    percentage: Option<i32>,
    tie_break: TieBreak,
    sets: PluginSets,
    configs: Vec<PluginConfig<'a>>,
}

impl<'a> Written<'a> {
    fn read(fields: &Fields<'a>, default_name: Option<&str>) -> Self {
        let name = fields.text("schedulerName").or_else(|| default_name.map(ToOwned::to_owned));
        let written = Self {
            path: fields.path().clone(),
            scheduler_name: name.unwrap_or_default(),
            percentage: percentage(fields),
            tie_break: tie_break(fields),
            sets: PluginSets::read(fields),
            configs: PluginConfig::read(fields),
        };
        if written.scheduler_name.is_empty() {
            fields.sink().required(&fields.at("schedulerName"), "");
        }
        plugin_set::validate(&written.sets, fields.sink());
        written
    }

    fn resolve(&self, percentage: i32, sink: &Sink) -> ResolvedProfile {
        ResolvedProfile {
            scheduler_name: self.scheduler_name.clone(),
            percentage_of_nodes_to_score: self.percentage.unwrap_or(percentage),
            tie_break: self.tie_break,
            args: plugin_config::read_args(&self.configs, &self.sets, sink),
            points: expand(&self.sets, &self.path, &self.scheduler_name, sink),
        }
    }
}

fn read_profiles(fields: &Fields<'_>, percentage: i32, extenders: &[Extender]) -> Vec<ResolvedProfile> {
    let sink = fields.sink();
    let count = fields.list("profiles", |_, _| ()).len();
    // Only a profile that is alone has a name by default.
    let default_name = (count <= 1).then_some("default-scheduler");
    let written = if count == 0 {
        let path = fields.at("profiles").index(0);
        vec![Written::read(&Fields::open(None, path, PROFILE, sink), default_name)]
    } else {
        fields.objects("profiles", PROFILE, |profile| Written::read(&profile, default_name))
    };
    for (i, profile) in written.iter().enumerate() {
        if written[..i].iter().any(|p| p.scheduler_name == profile.scheduler_name) {
            sink.duplicate(&profile.path.child("schedulerName"), &profile.scheduler_name);
        }
    }
    let mut resolved: Vec<ResolvedProfile> = written.iter().map(|w| w.resolve(percentage, sink)).collect();
    let sorts: Vec<SortOf<'_>> = written
        .iter()
        .zip(&resolved)
        .map(|(w, r)| SortOf {
            scheduler_name: &w.scheduler_name,
            sets: &w.sets,
            configs: &w.configs,
            resolved: r.points.queue_sort.first().cloned(),
        })
        .collect();
    queue_sort::validate(&sorts, sink);
    leave_to_extenders(extenders, &written, &mut resolved, &fields.at("extenders"), sink);
    resolved
}

/// Extenders may take resources off NodeResourcesFit, in place of what its arguments say.
///
/// Upstream: `buildExtenders` in `scheduler.go`.
fn leave_to_extenders(
    extenders: &[Extender],
    written: &[Written<'_>],
    resolved: &mut [ResolvedProfile],
    path: &Path,
    sink: &Sink,
) {
    let managed = extenders.iter().flat_map(|e| &e.managed_resources);
    let ignored: Vec<String> = managed.filter(|r| r.ignored_by_scheduler).map(|r| r.name.clone()).collect();
    if ignored.is_empty() {
        return;
    }
    for (written, resolved) in written.iter().zip(resolved) {
        if !plugin_config::has_fit(&written.configs, &written.sets) {
            sink.plugins(path, "can't find NodeResourcesFitArgs in plugin config".to_owned());
        }
        let fit = &mut resolved.args.node_resources_fit.ignored_resources;
        if !fit.is_empty() && *fit != ignored {
            let words = "the resources that extenders manage and the scheduler ignores take the place of \
                the ignoredResources of NodeResourcesFit";
            sink.warn(&written.path, words);
        }
        fit.clone_from(&ignored);
    }
}

fn check_kind(root: &Node) -> Result<(), ConfigError> {
    let found = match &root.value {
        Value::Map(entries) => {
            let text = |name: &str| match entries.iter().rfind(|(n, _)| n == name).map(|(_, n)| &n.value) {
                None | Some(Value::Null) => String::new(),
                Some(Value::Text(text)) => text.clone(),
                Some(other) => other.to_json().to_string(),
            };
            let (kind, version) = (text("kind"), text("apiVersion"));
            return match (kind.as_str(), version.as_str()) {
                (KIND, VERSION) => Ok(()),
                ("", _) => Err(ConfigError::MissingKind),
                (_, "") => Err(ConfigError::MissingVersion),
                _ => Err(ConfigError::NotRegistered { kind, version }),
            };
        }
        Value::List(_) => "a list",
        Value::Text(_) => "a text",
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => "a single value",
    };
    Err(ConfigError::NotAMap { found })
}

/// Gives each problem its place in the document, and sorts them by it.
fn locate(problems: &mut [Problem], root: &Node) {
    let mut places = BTreeMap::new();
    collect_places(root, &Path::root(), &mut places);
    for problem in problems.iter_mut() {
        let mut path = problem.path.as_str();
        while !path.is_empty() && problem.at.is_none() {
            problem.at = places.get(path).copied();
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
        }
        // A field that is missing at the top has no place; it is reported first, at the top.
        problem.at = problem.at.or(Some(root.at));
    }
    problems.sort_by_key(|p| p.at);
}

fn collect_places(node: &Node, path: &Path, places: &mut BTreeMap<String, Position>) {
    places.insert(path.as_str().to_owned(), node.at);
    match &node.value {
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                collect_places(item, &path.index(i), places);
            }
        }
        Value::Map(entries) => {
            for (name, value) in entries {
                collect_places(value, &path.child(name), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
    }
}
