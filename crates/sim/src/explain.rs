//! Why a pod goes where it goes, or why it waits and what would help: `Explanation` of `berth.dev/v1alpha1`.
//!
//! Everything is computed when it is asked for, from the same data and by the same plugins as the decision: every
//! filter is asked about every node, not only until the first rejection, so that it shows how far each node is from
//! fitting. What is said to help has been tried on a copy of the cluster.

mod absent;
mod amount;
mod answer;
mod detail;
mod devices;
pub(crate) mod format;
mod group;
mod nodes;
mod room;
mod runner_up;
mod suggestion;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use berth_engine::cluster::TrialEnd;
use berth_engine::ids::{NodeRow, PodRow, ResourceId};
use berth_engine::preemption;
use berth_engine::scan::Diagnosis;
use berth_engine::scheduler::Scheduler;
use berth_model::Str;
use berth_model::pod::PodSpec;
use berth_model::quantity::Quantity;
use berth_model::requests::CPU;
use serde::Serialize;

use crate::report::{API_VERSION, quantity};
use crate::run::Options;

pub use group::{GroupAnswer, GroupPlacement, PlacedPod, explain_group};
pub use nodes::{NodeAnswer, PluginRejection};
pub use runner_up::RunnerUp;
pub use suggestion::Suggestion;

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// `berth.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `Explanation`.
    pub kind: &'static str,
    /// Which algorithm decides: the name given, or the scheduler names of the configuration's profiles.
    pub algorithm: String,
    /// The pod.
    pub pod: Subject,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The shortest answer: a few sentences, the most important first.
    pub answer: Vec<String>,
    /// The node that it goes to, or that it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// That node's total score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    /// The node that the choice is measured against: the runner-up; for a running pod the best node.
    #[serde(rename = "rival", skip_serializing_if = "Option::is_none")]
    pub runner_up: Option<RunnerUp>,
    /// Why it waits, in upstream's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The pods that go for it, `namespace/name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub victims: Vec<String>,
    /// Changes of which each alone would place it, the smallest first. Each was tried.
    #[serde(rename = "remedies")]
    pub suggestions: Vec<Suggestion>,
    /// All nodes: those that fit, the best first, then the others, the nearest to fitting first.
    pub nodes: Vec<NodeAnswer>,
}

/// The pod that is explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its priority.
    pub priority: i32,
    /// The profile that decides about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What it requests, by resource, as Kubernetes quantities.
    pub requests: BTreeMap<String, String>,
}

/// What becomes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// It waited and goes to a node.
    Placed,
    /// It fits nowhere, but evicts other pods and goes to their node.
    Preempts,
    /// It fits nowhere.
    Pending,
    /// A plugin keeps it out of the queue.
    Gated,
    /// It runs already.
    Running,
    /// No profile has the name of its scheduler.
    OtherScheduler,
}

/// Explains a pod in the cluster as it is now. A running pod is taken off its node and judged as if it came now. The
/// cluster is afterwards as it was: what is tried on the way is taken back.
pub fn explain(scheduler: &mut Scheduler, pod: PodRow, algorithm: String, options: Options) -> Explanation {
    scheduler.trial(|scheduler| (explain_in_trial(scheduler, pod, algorithm, options), TrialEnd::RollBack))
}

fn explain_in_trial(
    scheduler: &mut Scheduler,
    pod: PodRow,
    algorithm: String,
    options: Options,
) -> Explanation {
    let bound = scheduler.cluster().pods().entry(pod).pod.node.clone();
    let profile = scheduler.profile_of(pod).or(options.all_schedulers.then_some(0));
    let mut document = Explanation {
        api_version: API_VERSION,
        kind: "Explanation",
        algorithm,
        pod: subject(scheduler, pod, profile),
        outcome: Outcome::OtherScheduler,
        answer: Vec::new(),
        node: None,
        score: None,
        runner_up: None,
        message: None,
        victims: Vec::new(),
        suggestions: Vec::new(),
        nodes: Vec::new(),
    };
    let Some(profile) = profile else {
        document.answer = answer::other_scheduler(scheduler, pod);
        return document;
    };
    if bound.is_some() {
        scheduler.cluster_mut().unassign(pod);
    }
    let diagnosis = scheduler.diagnose(profile, pod);
    document.nodes = nodes::answers(scheduler, profile, pod, &diagnosis);
    if let Some(node) = bound {
        document.outcome = Outcome::Running;
        document.node = Some(node.to_string());
        running(&mut document, scheduler, &diagnosis, &node);
    } else if let Some(gate) = &diagnosis.gated {
        document.outcome = Outcome::Gated;
        document.message = Some(gate.rejection.message());
        document.answer = answer::gated(scheduler, pod);
    } else if let Some((node, score)) = diagnosis.choice() {
        document.outcome = Outcome::Placed;
        document.node = Some(scheduler.cluster().nodes().name(node).to_string());
        document.score = Some(score);
        document.runner_up = runner_up::runner_up(scheduler.cluster(), &diagnosis, node);
        document.answer = answer::placed(&document);
    } else {
        pending(&mut document, scheduler, profile, pod, &diagnosis, options);
    }
    document
}

fn subject(scheduler: &Scheduler, pod: PodRow, profile: Option<usize>) -> Subject {
    let cluster = scheduler.cluster();
    let class = cluster.pods().class_of(pod);
    Subject {
        namespace: class.spec.namespace.to_string(),
        name: cluster.pods().entry(pod).pod.name.to_string(),
        priority: class.spec.priority,
        profile: profile.map(|at| scheduler.profiles()[at].scheduler_name.to_string()),
        requests: requests(&class.spec),
    }
}

/// What a pod requests, by resource, as Kubernetes quantities.
pub fn requests(spec: &PodSpec) -> BTreeMap<String, String> {
    // Exact: the engine's amounts wrap around as upstream's do.
    let exact = spec.total_requests().exact;
    exact.into_iter().filter(|(_, amount)| !amount.is_zero()).map(printed).collect()
}

fn printed((name, amount): (Str, Quantity)) -> (String, String) {
    let text = match &*name {
        CPU => quantity(ResourceId::CPU, amount.milli_value()),
        _ => amount.to_string(),
    };
    (name.to_string(), text)
}

fn running(document: &mut Explanation, scheduler: &Scheduler, diagnosis: &Diagnosis, node: &str) {
    let cluster = scheduler.cluster();
    let row: Option<NodeRow> = cluster.nodes().find(node);
    let at = row.and_then(|row| diagnosis.feasible.iter().position(|&other| other == row));
    document.score = at.map(|at| diagnosis.totals[at]);
    let best = diagnosis.choice().map(|(best, _)| best).filter(|&best| Some(best) != row);
    document.runner_up = match (row.filter(|_| at.is_some()), best) {
        (Some(row), Some(best)) => runner_up::between(cluster, diagnosis, row, best),
        (Some(row), None) => runner_up::runner_up(cluster, diagnosis, row),
        (None, best) => best.map(|best| runner_up::alone(cluster, diagnosis, best)),
    };
    document.answer = answer::running(document, row.is_some());
}

fn pending(
    document: &mut Explanation,
    scheduler: &mut Scheduler,
    profile: usize,
    pod: PodRow,
    diagnosis: &Diagnosis,
    options: Options,
) {
    let cluster = scheduler.cluster();
    let mut message = diagnosis.message(cluster);
    document.outcome = Outcome::Pending;
    if options.preemption && scheduler.profiles()[profile].preempts {
        let found = preemption::evaluate(&scheduler.profiles()[profile], cluster, pod, diagnosis);
        if let Some(best) = preemption::best(&found.candidates, cluster).first() {
            document.outcome = Outcome::Preempts;
            document.node = Some(cluster.nodes().name(best.node).to_string());
            document.victims = best.victims.iter().map(|&v| cluster.pods().entry(v).pod.key()).collect();
        }
        message.push_str(&found.suffix());
    }
    document.message = Some(message);
    document.suggestions = suggestion::find(scheduler, profile, pod, &document.nodes);
    let cluster = scheduler.cluster();
    let (class, pod) = (cluster.pods().class_of(pod), &cluster.pods().entry(pod).pod);
    let absent = absent::storage(cluster, pod);
    let mut beyond = room::beyond_all_nodes(cluster, class);
    beyond.extend(absent::selected_nodes(cluster, pod));
    document.answer = answer::pending(document, &absent, &beyond);
}
