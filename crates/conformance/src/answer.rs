//! The engine's answer in the words of the corpus.

use berth_engine::cluster::Cluster;
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::plugins::dynamic_resources;
use berth_engine::preemption;
use berth_engine::profile::Profile;
use berth_engine::scan::{self, Diagnosis, sorted_reasons};
use berth_engine::verdict::{Code, Rejection, Verdict};
use berth_engine::view::PodView;
use berth_model::device::ResourceClaim;

use crate::scenario::{Answer, CandidateAnswer, PostFilterAnswer, PreemptionAnswer, Status};

/// Asks the engine about a pod.
pub fn answer(profile: &Profile, cluster: &Cluster, pod: PodRow) -> (Answer, Option<NodeRow>) {
    let diagnosis = scan::diagnose(profile, cluster, pod);
    let mut answer = Answer { pod: cluster.pods().entry(pod).pod.key(), ..Answer::default() };
    if let Some(verdict) = &diagnosis.gated {
        answer.pre_enqueue = Some(from_verdict(verdict));
        return (answer, None);
    }
    answer.pre_filter = diagnosis.rejected_early.as_ref().map(from_verdict);
    answer.absent = diagnosis.excluded_reason.as_ref().map(|r| status("", r));
    let name = |row: NodeRow| cluster.nodes().name(row).to_string();
    answer.rejected = diagnosis.rejected.iter().map(|(row, v)| (name(*row), from_verdict(v))).collect();
    for (at, &row) in diagnosis.feasible.iter().enumerate() {
        let mut scores: std::collections::BTreeMap<String, i64> =
            diagnosis.scores.iter().map(|(plugin, scores)| (plugin.to_string(), scores[at])).collect();
        scores.insert("total".into(), diagnosis.totals[at]);
        answer.scores.insert(name(row), scores);
    }
    answer.best = diagnosis.best().into_iter().map(name).collect();
    let choice = diagnosis.choice().map(|(row, _)| row);
    answer.errors = device_errors(&diagnosis);
    match choice {
        Some(row) => answer.node = name(row),
        None if !answer.errors.is_empty() => {
            // Which node's error ends the attempt is chance: nothing else is recorded.
            answer.scores.clear();
            answer.best.clear();
        }
        None => {
            answer.post_filter = post_filter(PodView::new(cluster, pod), &diagnosis);
            answer.message = diagnosis.message(cluster);
            answer.preemption = Some(preempt(profile, cluster, pod, &diagnosis));
        }
    }
    (answer, choice)
}

/// The errors of the device plugin, each once.
fn device_errors(diagnosis: &Diagnosis) -> Vec<String> {
    let is_error = |verdict: &&Verdict| {
        verdict.rejection.code == Code::Error && verdict.plugin == *dynamic_resources::NAME
    };
    let verdicts = diagnosis.rejected.iter().map(|(_, verdict)| verdict);
    let mut errors: Vec<String> =
        verdicts.filter(is_error).map(|verdict| verdict.rejection.message()).collect();
    errors.sort();
    errors.dedup();
    errors
}

fn post_filter(pod: PodView<'_>, diagnosis: &Diagnosis) -> Option<PostFilterAnswer> {
    if diagnosis.rejected_early.is_some() {
        return None;
    }
    let rejected = diagnosis.rejected.iter().map(|(row, verdict)| (*row, &verdict.rejection));
    let remedy = dynamic_resources::remedy(pod, rejected)?;
    let key = |claim: &ResourceClaim| format!("{}/{}", claim.namespace, claim.name);
    let mut clears: Vec<String> = remedy.clears.iter().map(|claim| key(claim)).collect();
    clears.sort();
    Some(PostFilterAnswer {
        code: Code::Unschedulable.text().into(),
        plugin: dynamic_resources::NAME.into(),
        reasons: vec![remedy.reason()?.into()],
        deletes: remedy.deletes.filter(|_| clears.is_empty()).into_iter().map(key).collect(),
        clears,
    })
}

fn preempt(profile: &Profile, cluster: &Cluster, pod: PodRow, diagnosis: &Diagnosis) -> PreemptionAnswer {
    let outcome = preemption::evaluate(profile, cluster, pod, diagnosis);
    let name = |row: NodeRow| cluster.nodes().name(row).to_string();
    let candidates = outcome
        .candidates
        .iter()
        .map(|c| {
            let mut victims: Vec<String> =
                c.victims.iter().map(|&v| cluster.pods().entry(v).pod.key()).collect();
            victims.sort();
            CandidateAnswer {
                node: name(c.node),
                victims,
                pdb_violations: i64::try_from(c.violations).unwrap_or(i64::MAX),
            }
        })
        .collect();
    PreemptionAnswer {
        eligible: outcome.ineligible.is_none(),
        message: outcome.ineligible.map_or(outcome.message, str::to_string),
        candidates,
        best: preemption::best(&outcome.candidates, cluster).iter().map(|c| name(c.node)).collect(),
    }
}

fn from_verdict(verdict: &Verdict) -> Status {
    status(&verdict.plugin, &verdict.rejection)
}

fn status(plugin: &str, rejection: &Rejection) -> Status {
    Status {
        code: rejection.code.text().into(),
        plugin: plugin.into(),
        reasons: sorted_reasons(rejection).into_iter().map(str::to_string).collect(),
    }
}
