//! What a shell gives to the page.

use berth_engine::algorithm::Algorithm;
use berth_engine::cluster::Cluster;
use berth_engine::profile::Profile;
use berth_sim::report::API_VERSION;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;

use crate::question::Question;

/// A document that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// What the page needs before all else: [`PageInfo`].
    Info {
        /// The algorithms that a page without a server compares.
        compared: Vec<String>,
    },
    /// Nodes: [`ClusterState`](crate::ClusterState).
    Cluster,
    /// Pods: [`PodList`](crate::PodList).
    Pods,
    /// `SimulationResult`, as `berth simulate -o json` prints it.
    Simulation,
    /// Why a pod is where it is, or why it is pending: [`PodExplanation`](crate::PodExplanation).
    Explanation {
        /// `namespace/name`.
        pod: String,
        /// How many nodes the list of nodes has at most.
        nodes: usize,
    },
    /// What the changes do to pods: [`Difference`](crate::Difference).
    Difference,
    /// `Comparison`, as `berth simulate --compare -o json` prints it.
    Comparison {
        /// The names of the algorithms.
        algorithms: Vec<String>,
    },
    /// How many more pods of each workload fit on a node: [`NodeFit`](berth_sim::fit::NodeFit).
    Fit {
        /// The node.
        node: String,
    },
    /// Claims on devices: [`DeviceClaimList`](crate::DeviceClaimList).
    Claims,
    /// What happened over time: [`Timeline`](crate::Timeline).
    Timeline,
    /// Decisions about pods: [`DecisionList`](crate::DecisionList).
    Decisions {
        /// Only those of this pod (`namespace/name`).
        pod: Option<String>,
        /// How many at most.
        limit: usize,
    },
}

/// Answers questions about one cluster.
pub trait Source: Send + Sync + 'static {
    /// The document as JSON, of the cluster as the question supposes it. It is called from one thread at a time and may
    /// take its time.
    ///
    /// # Errors
    /// If the question names what does not exist, or cannot be answered.
    fn answer(&self, document: &Document, question: &Question) -> Result<String, Refusal>;

    /// What the head of the page says of the input.
    fn title(&self) -> String;
}

/// A server elsewhere that has the documents.
pub trait Elsewhere: Send + Sync + 'static {
    /// The answer to a GET request for an address, as in `api/v1/cluster?cordon=n1`. It may take its time.
    ///
    /// # Errors
    /// If there is no answer.
    fn get(&self, address: &str) -> Result<(StatusCode, Bytes), String>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The question cannot be understood, or supposes what cannot be: a sentence for each problem.
    Invalid(Vec<String>),
    /// What is asked about does not exist.
    NotFound(String),
    /// Too much is asked; the same question can be answered in a moment.
    Busy(String),
    /// The answer cannot be given, although the question is in order.
    Failed(String),
}

/// What the page needs before all else. `PageInfo` of `berth.dev/v1alpha1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `PageInfo`.
    pub kind: &'static str,
    /// Where the cluster comes from, as in `cluster.yaml, apps/`.
    pub title: String,
    /// The start of the command line that gives the same answers, as in `berth simulate -f cluster.yaml`.
    pub command: String,
    /// The algorithm that decides unless another one is asked for.
    pub algorithm: String,
    /// The names of all algorithms.
    pub algorithms: Vec<&'static str>,
    /// The algorithms that are compared, on a page without a server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<String>,
    /// The score plugins of the first profile with their weights.
    pub plugins: Vec<PluginWeight>,
    /// What is odd about the input, a sentence each.
    pub warnings: Vec<String>,
    /// Whether there are devices, or claims on them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub devices: bool,
    /// Where the cluster comes from, if it changes with time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_time: Option<OverTime>,
}

/// A cluster that changes with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OverTime {
    /// A recording: each moment of it can be looked at.
    Recording,
    /// A running scheduler: the documents are those of now.
    Live,
}

/// A score plugin and its weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginWeight {
    /// The plugin.
    pub name: String,
    /// Its weight.
    pub weight: i64,
}

impl PluginWeight {
    /// The score plugins of the first profile.
    pub fn of(profiles: &[Profile]) -> Vec<Self> {
        let first = profiles.first().into_iter().flat_map(|profile| &profile.score);
        first.map(|(plugin, weight)| Self { name: plugin.name().to_string(), weight: *weight }).collect()
    }
}

impl PageInfo {
    /// Notes whether a cluster has devices, or claims on them.
    pub fn note_devices(&mut self, cluster: &Cluster) {
        let devices = cluster.devices();
        self.devices = !devices.slices().is_empty() || devices.claims().next().is_some();
    }

    /// The document about an input with this title.
    pub fn new(title: String, command: String, algorithm: String) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "PageInfo",
            title,
            command,
            algorithm,
            algorithms: Algorithm::ALL.map(Algorithm::name).to_vec(),
            compared: Vec::new(),
            plugins: Vec::new(),
            warnings: Vec::new(),
            devices: false,
            over_time: None,
        }
    }
}
