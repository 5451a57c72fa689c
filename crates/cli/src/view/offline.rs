//! Answers about objects that were read once, by the same code as `berth simulate` and `berth explain`.

use std::sync::{Arc, Mutex, PoisonError};

use berth_config::Configuration;
use berth_engine::algorithm::Algorithm;
use berth_engine::cluster::Cluster;
use berth_engine::scheduler::Scheduler;
use berth_model::workload::PodGroupOwner;
use berth_sim::change::report::reports;
use berth_sim::compare::{Comparison, Placements, RunSummary};
use berth_sim::fit::NodeFit;
use berth_sim::report::SimulationResult;
use berth_sim::run::{Options, Outcome, Run};
use berth_sim::selection::Selection;
use berth_sim::world::World;
use berth_view::{
    After, ClusterState, DeviceClaimList, Difference, Document, Moment, PageInfo, PluginWeight,
    PodExplanation, PodList, Question, Refusal, Source, node_fit,
};
use berth_wire::Warnings;
use clap::Parser;
use serde::Serialize;

use super::command_line::CommandLine;
use crate::changes::ChangeArgs;
use crate::explain::{self, find};
use crate::failure::Failure;
use crate::input::Objects;
use crate::profiles::{self, ProfileArgs, Weight};

/// How many answers are kept. One question asks for several documents, and an answer of 50,000 pods takes about 100 MiB.
const KEPT: usize = 3;

/// Objects that were read, and how their pods are placed.
pub(crate) struct Offline {
    objects: Objects,
    reads_templates: bool,
    configuration: Configuration,
    profiles: ProfileArgs,
    title: String,
    /// `None` if no command line gives the same answers.
    command: Option<CommandLine>,
    /// What the profiles are called, if no algorithm is asked for.
    name: Option<String>,
    /// Controllers of which only the selectors are known.
    owners: Vec<PodGroupOwner>,
    /// The newest last.
    known: Mutex<Vec<(Question, Arc<Evaluated>)>>,
}

/// A cluster as a question supposes it.
pub(crate) struct Evaluated {
    /// The name of the algorithm.
    name: String,
    /// Before the run.
    world: World,
    /// After the run.
    cluster: Cluster,
    /// The score plugins of the first profile.
    plugins: Vec<PluginWeight>,
    /// What came of the run.
    outcome: Outcome,
    /// How pods are placed.
    profiles: ProfileArgs,
    /// Whether nodes are drained, which happens after all pods were tried.
    drains: bool,
}

/// The options of a question, as the command line has them.
#[derive(Debug, clap::Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Asked {
    #[command(flatten)]
    changes: ChangeArgs,
    #[arg(long, value_parser = profiles::algorithms())]
    algorithm: Option<Algorithm>,
    #[arg(long, value_parser = profiles::weight)]
    weight: Vec<Weight>,
}

impl Offline {
    /// Answers about these objects. `command` is the command line that places their pods.
    pub(crate) fn new(
        objects: Objects,
        configuration: Configuration,
        profiles: ProfileArgs,
        title: String,
        command: CommandLine,
    ) -> Self {
        Self {
            objects,
            reads_templates: false,
            configuration,
            profiles,
            title,
            command: Some(command),
            name: None,
            owners: Vec::new(),
            known: Mutex::default(),
        }
    }

    /// Answers about what a scheduling loop knew at one moment. `command` is the command line that reads the same
    /// cluster, if there is one.
    pub(crate) fn of_moment(
        moment: &Moment,
        configuration: Configuration,
        title: String,
        command: Option<CommandLine>,
    ) -> Self {
        let (manifests, owners) = moment.objects();
        let objects = Objects::known(manifests);
        let offline =
            Self::new(objects, configuration, ProfileArgs::default(), title, CommandLine::default());
        Self { command, name: Some(moment.algorithm()), owners, ..offline }
    }

    /// Reads templates of nodes from files, which the questions of other programs must not name.
    pub(crate) fn reading_templates(self) -> Self {
        Self { reads_templates: true, ..self }
    }

    /// The cluster as a question supposes it.
    ///
    /// # Errors
    /// When the question cannot be understood, or names what does not exist.
    pub(crate) fn evaluate(&self, question: &Question) -> Result<Arc<Evaluated>, Failure> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = known().iter().find(|(other, _)| other == question) {
            return Ok(Arc::clone(found));
        }
        let evaluated = Arc::new(self.compute(question)?);
        let mut known = known();
        if known.len() == KEPT {
            // The first one is the cluster without changes, with which all others are compared.
            known.remove(1);
        }
        known.push((question.clone(), Arc::clone(&evaluated)));
        Ok(evaluated)
    }

    fn compute(&self, question: &Question) -> Result<Evaluated, Failure> {
        let asked =
            Asked::try_parse_from(question.arguments()).map_err(|error| Failure::input(sentence(&error)))?;
        if let Some(text) = asked.changes.template_file().filter(|_| !self.reads_templates) {
            return Err(Failure::input(format!("add={text}: expected COUNT=node/NAME, as in 3=node/n1")));
        }
        let mut profiles = self.profiles.clone();
        profiles.algorithm = asked.algorithm.or(profiles.algorithm);
        profiles.weight.extend(asked.weight);
        let drains = asked.changes.has_drain();
        let mut world = self.objects.clone().admitted(&asked.changes)?;
        self.owners.iter().for_each(|owner| world.cluster.upsert_owner(owner.clone()));
        let mut choice = profiles::choose(&self.configuration, &profiles, profiles.algorithm)?;
        if let (Some(name), None) = (&self.name, profiles.algorithm) {
            choice.name.clone_from(name);
        }
        let plugins = PluginWeight::of(&choice.profiles);
        let mut scheduler = Scheduler::new(world.cluster.clone(), choice.profiles);
        let run = Run::new(&mut scheduler, &world.waiting, options(&profiles))
            .rolling_out(world.rollouts.clone())
            .draining(&world.changes);
        let outcome = run.finish(|_| {}).map_err(Failure::difference)?;
        let cluster = scheduler.into_cluster();
        Ok(Evaluated { name: choice.name, world, cluster, plugins, outcome, profiles, drains })
    }

    /// The command line that answers a question; empty if there is none.
    fn command_for(&self, question: &Question) -> String {
        self.command.as_ref().map_or_else(String::new, |command| command.for_question(question))
    }

    fn info(&self, evaluated: &Evaluated, compared: &[String]) -> PageInfo {
        let command = self.command_for(&Question::default());
        let mut info = PageInfo::new(self.title.clone(), command, evaluated.name.clone());
        info.plugins.clone_from(&evaluated.plugins);
        info.compared = compared.to_vec();
        info.note_devices(&evaluated.cluster);
        info.warnings = evaluated.world.warnings.iter().map(ToString::to_string).collect();
        info
    }

    fn explanation(&self, evaluated: &Evaluated, pod: &str, nodes: usize) -> Result<PodExplanation, Refusal> {
        let profiles = &evaluated.profiles;
        let not_found = |failure: Failure| Refusal::NotFound(failure.problems.join("; "));
        let row = find::pod(&evaluated.world.cluster, pod).map_err(not_found)?;
        let choice = profiles::choose(&self.configuration, profiles, profiles.algorithm).map_err(refused)?;
        let world = evaluated.world.clone();
        let explanation =
            explain::of_pod(world, choice, row, options(profiles), evaluated.drains).map_err(refused)?;
        Ok(PodExplanation::new(explanation, nodes))
    }

    /// How many more pods of each workload fit on a node after the run.
    fn fit(&self, evaluated: &Evaluated, node: &str) -> Result<NodeFit, Refusal> {
        let profiles = &evaluated.profiles;
        let choice = profiles::choose(&self.configuration, profiles, profiles.algorithm).map_err(refused)?;
        let scheduler = Scheduler::new(evaluated.cluster.clone(), choice.profiles);
        node_fit(scheduler, &evaluated.world.claim_templates, node)
    }

    fn difference(&self, evaluated: &Evaluated, question: &Question) -> Result<Difference, Refusal> {
        let before = self.evaluate(&Question::default()).map_err(refused)?;
        Ok(Difference::new(
            self.command_for(question),
            evaluated.name.clone(),
            before.after(),
            evaluated.after(),
            reports(&evaluated.world.changes, &evaluated.cluster, &evaluated.outcome),
        ))
    }

    fn comparison(&self, algorithms: &[String], question: &Question) -> Result<Comparison, Refusal> {
        if algorithms.is_empty() {
            return Err(Refusal::Invalid(vec![
                "expected algorithms, as in compare=greedy&compare=best-fit".to_owned(),
            ]));
        }
        let mut runs = Vec::new();
        let (mut nodes, mut pods) = (0, 0);
        for algorithm in algorithms {
            let evaluated = self.evaluate(&with_algorithm(question, algorithm)).map_err(refused)?;
            (nodes, pods) = (evaluated.world.cluster.nodes().len(), evaluated.world.cluster.pods().len());
            let (cluster, outcome) = (&evaluated.cluster, &evaluated.outcome);
            let summary = RunSummary::new(evaluated.name.clone(), cluster, outcome);
            runs.push((summary, Placements::new(cluster, outcome)));
        }
        Ok(Comparison::new(nodes, pods, runs))
    }
}

/// The question with this algorithm instead of any other.
pub(crate) fn with_algorithm(question: &Question, algorithm: &str) -> Question {
    let others = question.options.iter().filter(|(name, _)| name != "algorithm").cloned();
    Question::of(others.chain([("algorithm".to_owned(), algorithm.to_owned())]).collect())
}

impl Evaluated {
    fn after(&self) -> After<'_> {
        After { cluster: &self.cluster, outcome: &self.outcome }
    }

    /// The document that `berth simulate -o json` prints.
    fn result(&self) -> SimulationResult {
        let (cluster, everything) = (&self.cluster, Selection::default());
        let mut result =
            SimulationResult::of_selected(self.name.clone(), cluster, &self.outcome, &everything);
        result.changes = reports(&self.world.changes, cluster, &self.outcome);
        result.warnings = self.world.warnings.iter().map(ToString::to_string).collect();
        result
    }

    /// What is odd about the input.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.world.warnings
    }

    /// The pods after the run.
    pub(crate) fn pods(&self) -> PodList {
        PodList::new(&self.cluster, &self.outcome)
    }

    /// How many pods are pending, rollouts stuck and drains blocked after the run.
    pub(crate) fn unfinished(&self) -> usize {
        let stuck = self.outcome.rollouts.iter().filter(|rollout| !rollout.summary.complete).count();
        let blocked = self.outcome.drained.iter().filter(|drained| !drained.blocked.is_empty()).count();
        self.outcome.pending.len() + stuck + blocked
    }
}

impl Source for Offline {
    fn answer(&self, document: &Document, question: &Question) -> Result<String, Refusal> {
        if question.at.is_some() {
            return Err(Refusal::Invalid(vec!["at: only a recording has moments".to_owned()]));
        }
        if let Document::Comparison { algorithms } = document {
            return json(&self.comparison(algorithms, question)?);
        }
        let evaluated = self.evaluate(question).map_err(refused)?;
        let (cluster, outcome) = (&evaluated.cluster, &evaluated.outcome);
        match document {
            Document::Info { compared } => json(&self.info(&evaluated, compared)),
            Document::Cluster => {
                let measured = &evaluated.world.measured;
                json(&ClusterState::new(evaluated.name.clone(), cluster, outcome, measured))
            }
            Document::Pods => json(&evaluated.pods()),
            Document::Simulation => json(&evaluated.result()),
            Document::Explanation { pod, nodes } => json(&self.explanation(&evaluated, pod, *nodes)?),
            Document::Difference => json(&self.difference(&evaluated, question)?),
            Document::Claims => {
                let reasons = outcome.pending.iter().map(|one| (one.pod, Some(one.message.as_str())));
                json(&DeviceClaimList::new(cluster, reasons))
            }
            Document::Fit { node } => json(&self.fit(&evaluated, node)?),
            Document::Timeline | Document::Decisions { .. } => {
                Err(Refusal::NotFound("objects in files have no history".to_owned()))
            }
            Document::Comparison { .. } => {
                Err(Refusal::Failed("a comparison has several answers".to_owned()))
            }
        }
    }

    fn title(&self) -> String {
        self.title.clone()
    }
}

fn options(profiles: &ProfileArgs) -> Options {
    Options { preemption: !profiles.no_preemption, all_schedulers: profiles.all_schedulers, verify: false }
}

/// A document as text.
///
/// # Errors
/// None is known.
pub(crate) fn json<T: Serialize>(document: &T) -> Result<String, Refusal> {
    serde_json::to_string(document).map_err(|error| Refusal::Failed(error.to_string()))
}

/// The reason as the API gives it.
fn refused(failure: Failure) -> Refusal {
    let mut problems = failure.problems;
    problems.extend(failure.hint);
    Refusal::Invalid(problems)
}

/// The first sentence of what clap says, which speaks of options as a terminal shows them.
fn sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}
