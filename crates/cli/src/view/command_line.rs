//! The command line that gives the same answers as the page, and the address of a question.

use std::path::PathBuf;

use berth_view::{Question, quoted};

use crate::input::InputArgs;
use crate::profiles::ProfileArgs;

/// How many inputs the title names.
const NAMED: usize = 4;

/// What the page says of its input, as in `cluster.yaml, apps/`.
pub(crate) fn title(input: &InputArgs, more: &[PathBuf]) -> String {
    let files = input.files.iter().chain(more).chain(&input.kustomizations);
    let names: Vec<String> = files.map(|path| path.display().to_string()).collect();
    if names.is_empty() { "the cluster of kubectl".to_owned() } else { crate::human::list(&names, NAMED) }
}

/// The start of the command line: `berth simulate` with the options that name the input and the profiles. The algorithm
/// comes last, so that it can be left out if a question names another one.
pub(crate) fn of(
    input: &InputArgs,
    more: &[PathBuf],
    namespace: Option<&str>,
    profiles: &ProfileArgs,
) -> CommandLine {
    let mut words = vec!["berth simulate".to_owned()];
    let mut option = |name: &str, value: String| words.push(format!("{name} {}", quoted(&value)));
    let path = |path: &PathBuf| path.display().to_string();
    input.files.iter().chain(more).for_each(|file| option("-f", path(file)));
    input.kustomizations.iter().for_each(|folder| option("-k", path(folder)));
    input.context.iter().for_each(|context| option("--context", context.clone()));
    input.kubeconfig.iter().for_each(|file| option("--kubeconfig", path(file)));
    input.reading.workloads.iter().for_each(|file| option("--workloads", path(file)));
    namespace.iter().for_each(|namespace| option("--namespace", (*namespace).to_owned()));
    profiles.config.iter().for_each(|file| option("--config", path(file)));
    profiles.weight.iter().for_each(|weight| option("--weight", weight.to_string()));
    profiles.seed.iter().for_each(|seed| option("--seed", seed.to_string()));
    profiles.tie_break.iter().for_each(|rule| option("--tie-break", rule.name().to_owned()));
    let flags = [
        ("--live", input.live),
        ("--offline", input.offline),
        ("--all-schedulers", profiles.all_schedulers),
        ("--no-preemption", profiles.no_preemption),
        ("--ignore-unknown-plugins", profiles.ignore_unknown_plugins),
    ];
    words.extend(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()));
    let algorithm = profiles.algorithm.map(|algorithm| format!("--algorithm {algorithm}"));
    CommandLine { base: words.join(" "), algorithm }
}

/// A command line to which the options of a question are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandLine {
    base: String,
    algorithm: Option<String>,
}

impl CommandLine {
    /// The command line that reads the cluster of kubectl.
    pub(crate) fn of_cluster() -> Self {
        Self { base: "berth simulate --live".to_owned(), algorithm: None }
    }

    /// The command line that answers a question.
    pub(crate) fn for_question(&self, question: &Question) -> String {
        let names_algorithm = question.options.iter().any(|(name, _)| name == "algorithm");
        let algorithm = self.algorithm.as_deref().filter(|_| !names_algorithm);
        let options = (!question.is_empty()).then(|| question.command_line());
        let parts = [Some(self.base.clone()), algorithm.map(str::to_owned), options];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// The part of the page's address that asks a question; empty for none.
pub(super) fn fragment(question: &Question) -> String {
    if question.is_empty() { String::new() } else { format!("#/what-if?{}", question.query()) }
}
