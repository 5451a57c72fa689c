//! What extenders have answered about a pod so far.

use std::collections::{BTreeMap, BTreeSet};

use berth_engine::name::PluginName;
use berth_engine::plugin::MAX_SCORE;
use berth_engine::scan::Diagnosis;
use berth_engine::verdict::{Code, Rejection, Verdict};
use berth_model::Str;

use crate::input::{Answer, NodeVictims};
use crate::queue::EXTENDER;

/// The highest score that an extender gives. Upstream: `extender/v1` (`MaxExtenderPriority`).
const MAX_EXTENDER_SCORE: i64 = 10;

/// The call that is in flight. The number is the index of the extender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtenderCall {
    Filter(usize),
    Prioritize(usize),
    Preempt(usize),
}

/// What extenders have answered about a pod in this attempt.
#[derive(Debug)]
pub(crate) struct ExtenderState {
    call: Option<ExtenderCall>,
    /// The nodes that no extender has refused, of those that extenders were asked about.
    passed: Vec<Str>,
    refused: BTreeMap<Str, (String, Code)>,
    /// The sums of weighted scores, by node.
    scores: BTreeMap<Str, i64>,
    /// The candidates for preemption that extenders have accepted so far.
    candidates: Vec<NodeVictims>,
    /// Why the pod fits on no node, if extenders are asked about preemption.
    message: String,
    plugins: Vec<PluginName>,
    /// The number of changes of the cluster when the first extender was asked.
    generation: u64,
    /// The answers of the plugins at that time.
    diagnosis: Option<Diagnosis>,
    /// Whether the pod itself has changed since then. A pod that is on no node is no part of the cluster's changes.
    pod_changed: bool,
}

impl ExtenderState {
    /// Extenders are asked about nodes that passed all filters, when the cluster had had this number of changes.
    pub(crate) fn for_nodes(passed: Vec<Str>, diagnosis: Diagnosis, generation: u64) -> Self {
        Self { passed, diagnosis: Some(diagnosis), ..Self::empty(generation) }
    }

    /// Extenders are asked about candidates for preemption. `message` and `plugins` say why the pod fits on no node.
    pub(crate) fn for_candidates(
        candidates: Vec<NodeVictims>,
        message: String,
        plugins: Vec<PluginName>,
        generation: u64,
    ) -> Self {
        Self { candidates, message, plugins, ..Self::empty(generation) }
    }

    fn empty(generation: u64) -> Self {
        Self {
            call: None,
            passed: Vec::new(),
            refused: BTreeMap::new(),
            scores: BTreeMap::new(),
            candidates: Vec::new(),
            message: String::new(),
            plugins: Vec::new(),
            generation,
            diagnosis: None,
            pod_changed: false,
        }
    }

    /// The call that is in flight; `None` before the first one.
    pub(crate) fn call(&self) -> Option<ExtenderCall> {
        self.call
    }

    /// A call is sent.
    pub(crate) fn begin_call(&mut self, call: ExtenderCall) {
        self.call = Some(call);
    }

    /// The nodes that no extender has refused.
    pub(crate) fn passed(&self) -> &[Str] {
        &self.passed
    }

    /// The candidates for preemption that extenders have accepted so far.
    pub(crate) fn candidates(&self) -> &[NodeVictims] {
        &self.candidates
    }

    /// The pod has changed while extenders are asked about it.
    pub(crate) fn on_pod_changed(&mut self) {
        self.pod_changed = true;
    }

    /// Whether neither the pod nor the cluster has changed since the first extender was asked. `generation` is the
    /// number of changes of the cluster now.
    pub(crate) fn is_current(&self, generation: u64) -> bool {
        !self.pod_changed && self.generation == generation
    }

    /// Takes the answers of the plugins, if nothing has changed since they were given.
    pub(crate) fn take_diagnosis(&mut self, generation: u64) -> Option<Diagnosis> {
        let is_current = self.is_current(generation);
        self.diagnosis.take().filter(|_| is_current)
    }

    /// Takes the message and the plugins that say why the pod fits on no node.
    pub(crate) fn take_rejection(&mut self) -> (String, Vec<PluginName>) {
        (std::mem::take(&mut self.message), std::mem::take(&mut self.plugins))
    }

    /// Adds an extender's answer; `weight` multiplies its scores.
    pub(crate) fn add_answer(&mut self, answer: Answer, weight: i64) {
        match answer {
            Answer::Done => {}
            Answer::Filtered { nodes, failed, unresolvable } => {
                let passed: BTreeSet<Str> = nodes.into_iter().collect();
                for node in self.passed.iter().filter(|node| !passed.contains(*node)) {
                    let (reason, code) = match (unresolvable.get(node), failed.get(node)) {
                        (Some(reason), _) => (reason.clone(), Code::UnschedulableAndUnresolvable),
                        (None, Some(reason)) => (reason.clone(), Code::Unschedulable),
                        (None, None) => (String::new(), Code::Unschedulable),
                    };
                    self.refused.insert(node.clone(), (reason, code));
                }
                self.passed.retain(|node| passed.contains(node));
            }
            Answer::Scores(scores) => {
                for (node, score) in scores {
                    let sum = self.scores.entry(node).or_default();
                    *sum = sum.saturating_add(score.saturating_mul(weight));
                }
            }
            Answer::Victims(candidates) => self.candidates = candidates,
        }
    }

    /// The extenders' verdict on nodes that passed all filters: `None` if they accept the node.
    pub(crate) fn verdicts(&self) -> impl Fn(&Str) -> Option<Verdict> {
        let passed: BTreeSet<&Str> = self.passed.iter().collect();
        move |node| {
            if passed.contains(node) {
                return None;
            }
            let not_asked = || ("node(s) came while extenders were asked".to_owned(), Code::Unschedulable);
            let (reason, code) = self.refused.get(node).cloned().unwrap_or_else(not_asked);
            Some(Verdict { plugin: EXTENDER, rejection: Rejection::new(code, reason.into()) })
        }
    }

    /// A node's total score with those of extenders, in the scale of plugins.
    pub(crate) fn total(&self, node: &Str, plugins: i64) -> i64 {
        let extenders = self.scores.get(node).copied().unwrap_or_default();
        plugins.saturating_add(extenders.saturating_mul(MAX_SCORE / MAX_EXTENDER_SCORE))
    }
}
