//! `berth simulate -o html`: the result as one page that needs no server.

use std::collections::BTreeSet;
use std::process::ExitCode;

use berth_view::{Document, Documents, PodList, Question, Refusal, Source, file};

use super::{SimulateArgs, compare};
use crate::failure::Failure;
use crate::view::command_line;
use crate::view::offline::{Offline, with_algorithm};
use crate::{input, notice, output, profiles};

/// How many pending pods the page explains: one of each workload and reason.
const EXPLAINED: usize = 200;
/// How many nodes an explanation lists.
const NODES: usize = 50;

/// Runs the command.
///
/// # Errors
/// When the input cannot be used, or an option has no meaning for a page.
pub(super) fn run(args: &SimulateArgs) -> Result<ExitCode, Failure> {
    refuse_other_flags(args)?;
    let (quiet, profiles) = (args.input.reading.quiet, &args.profiles);
    let configuration = profiles::configuration(profiles, quiet)?;
    profiles::check_seed(profiles, profiles.algorithm.as_slice(), quiet);
    let objects = input::read(&args.input, &args.more, &args.selection)?;
    let title = command_line::title(&args.input, &args.more);
    let command = command_line::of(&args.input, &args.more, args.selection.namespace.as_deref(), profiles);
    let source =
        Offline::new(objects, configuration, profiles.clone(), title.clone(), command).reading_templates();
    let question = Question::of(args.changes.options());
    let evaluated = source.evaluate(&question)?;
    input::check(evaluated.warnings(), &args.input.reading)?;
    if args.selection.namespace.is_some() && !quiet {
        notice::note("the page shows the pods of all namespaces");
    }
    let compared: Vec<String> = compare::algorithms(args)?.iter().map(ToString::to_string).collect();
    let documents = documents(&source, &question, &compared, &evaluated.pods()).map_err(failure)?;
    let page =
        file(&title, &documents).map_err(|error| Failure::input(format!("cannot make the page: {error}")))?;
    output::text_out(&page)?;
    Ok(args.exit_code(evaluated.unfinished()))
}

/// Options that say nothing about a page.
fn refuse_other_flags(args: &SimulateArgs) -> Result<(), Failure> {
    let refused = [
        (
            "--for",
            args.time.duration.is_some(),
            "the page shows a run without time; --plot draws one in time",
        ),
        ("--verify", args.verify, "it compares the decisions of one run; leave out -o html"),
        ("--timing", args.timing, "the page does not show it; leave out -o html"),
        ("-l", args.selection.selector.is_some(), "the page shows all pods and searches among them"),
    ];
    match refused.into_iter().find(|(_, is_given, _)| *is_given) {
        Some((flag, _, why)) => Err(Failure::input(format!("{flag} cannot be used with -o html: {why}"))),
        None => Ok(()),
    }
}

/// All that the page has in it.
fn documents(
    source: &Offline,
    question: &Question,
    compared: &[String],
    pods: &PodList,
) -> Result<Documents, Refusal> {
    let mut documents = Documents::new();
    let mut add = |address: String, document: Document, question: &Question| {
        documents.insert(address, source.answer(&document, question)?);
        Ok(())
    };
    add("info".to_owned(), Document::Info { compared: compared.to_vec() }, question)?;
    add("cluster".to_owned(), Document::Cluster, question)?;
    add("pods".to_owned(), Document::Pods, question)?;
    if !question.is_empty() {
        let without = Question::default();
        add("difference".to_owned(), Document::Difference, question)?;
        add("before/cluster".to_owned(), Document::Cluster, &without)?;
        add("before/pods".to_owned(), Document::Pods, &without)?;
    }
    if !compared.is_empty() {
        let asked: Vec<(String, String)> =
            compared.iter().map(|name| ("compare".to_owned(), name.clone())).collect();
        let address = format!("comparison?{}", Question::of(asked).query());
        add(address, Document::Comparison { algorithms: compared.to_vec() }, question)?;
    }
    for name in compared {
        let own = with_algorithm(question, name);
        add(format!("cluster?algorithm={name}"), Document::Cluster, &own)?;
        add(format!("pods?algorithm={name}"), Document::Pods, &own)?;
    }
    for pod in explained(pods) {
        let address = Question::of(vec![("pod".to_owned(), pod.clone())]).query();
        add(format!("explanation?{address}"), Document::Explanation { pod, nodes: NODES }, question)?;
    }
    Ok(documents)
}

/// The first pending pod of each workload and reason, which the page explains, as `namespace/name`.
fn explained(pods: &PodList) -> Vec<String> {
    let mut known = BTreeSet::new();
    let mut chosen = Vec::new();
    for group in &pods.groups {
        for pod in group.pods.iter().filter(|pod| pod.node.is_none()) {
            let own_name = group.workload.is_none().then_some(&pod.name);
            if known.insert((&group.namespace, &group.workload, own_name, &pod.message)) {
                chosen.push(format!("{}/{}", group.namespace, pod.name));
            }
        }
    }
    chosen.truncate(EXPLAINED);
    chosen
}

fn failure(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Invalid(problems) => Failure::inputs(problems),
        Refusal::NotFound(why) | Refusal::Busy(why) | Refusal::Failed(why) => Failure::input(why),
    }
}
