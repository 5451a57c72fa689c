//! Extenders: servers that are asked about nodes and pods.
//!
//! ```text
//!   filter, one after the other ──▶ scores, all at once ──▶ put
//!                │ no node is left
//!                ▼
//!        preempt, one after the other ──▶ victims have to go
//! ```
//! Other pods go on meanwhile, so what extenders say is kept by node name, and the plugins are asked again before the pod
//! is put on a node.
//!
//! Upstream: `extender.go`, `schedule_one.go` (`findNodesThatPassExtenders`, `prioritizeNodes`), `preemption.go`
//! (`callExtenders`).

use std::collections::{BTreeMap, BTreeSet};

use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::name::PluginName;
use berth_engine::plugin::MAX_SCORE;
use berth_engine::preemption::{self, Candidate};
use berth_engine::scan::{self, Diagnosis};
use berth_engine::verdict::{Code, Rejection, Verdict};
use berth_model::Str;
use berth_model::pod::PodSpec;

use crate::action::{Call, PodRef, Request};
use crate::attempt::Unplaced;
use crate::flow::Flow;
use crate::input::{Answer, Failure, NodeVictims};
use crate::now::Now;
use crate::outbox::{Errand, Purpose};
use crate::report::Report;
use crate::settings::Extender;
use crate::step::Watch;
use crate::track::Stage;

/// The name that stands for all extenders among the plugins that reject a pod.
pub(crate) const EXTENDER: PluginName = PluginName::new("Extender");

/// The highest score that an extender gives.
const MAX_EXTENDER_SCORE: i64 = 10;

/// What extenders said about a pod so far.
#[derive(Debug, Default)]
pub(crate) struct Extending {
    step: Step,
    /// Nodes that no extender refused, of those that were asked about.
    left: Vec<Str>,
    refused: BTreeMap<Str, (String, Code)>,
    /// Sums of weighted scores, by node.
    scores: BTreeMap<Str, i64>,
    /// Who may go, as extenders left it.
    candidates: Vec<NodeVictims>,
    /// What is told of the pod if nobody may go.
    message: String,
    plugins: Vec<PluginName>,
    /// The number of changes of the cluster when the first extender was asked.
    since: u64,
}

/// What extenders are being asked; the number is that of the extender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Start,
    Filter(usize),
    Prioritize(usize),
    Preempt(usize),
}

/// One before the first extender.
const BEFORE_ALL: usize = usize::MAX;

impl Extender {
    fn is_interested(&self, spec: &PodSpec) -> bool {
        let containers = spec.init_containers.iter().chain(&spec.containers);
        let mut named = containers.flat_map(|c| c.requests.iter().chain(&c.limits)).map(|(name, _)| name);
        self.managed_resources.is_empty() || named.any(|name| self.managed_resources.contains(name))
    }
}

impl Flow {
    /// Whether a pod cannot be decided without asking.
    pub(crate) fn wants_extenders(&self, pod: PodRow) -> bool {
        !self.settings.extenders.is_empty()
            && (self.next_extender(pod, 0, |e| e.filters).is_some()
                || self.next_extender(pod, 0, |e| e.weight.is_some()).is_some())
    }

    /// Whether extenders have a say in who goes for a pod.
    pub(crate) fn wants_preempting_extenders(&self, pod: PodRow) -> bool {
        self.next_extender(pod, 0, |e| e.preempts).is_some()
    }

    /// The extender that binds a pod; `None`: the API server is asked.
    pub(crate) fn binding_extender(&self, pod: PodRow) -> Option<usize> {
        self.next_extender(pod, 0, |e| e.binds)
    }

    /// The first extender from a number on that does something, and for this pod.
    fn next_extender(&self, pod: PodRow, from: usize, does: impl Fn(&Extender) -> bool) -> Option<usize> {
        let spec = &self.scheduler.cluster().pods().class_of(pod).spec;
        let mut candidates = self.settings.extenders.iter().enumerate().skip(from);
        candidates.find(|(_, e)| does(e) && e.is_interested(spec)).map(|(at, _)| at)
    }

    /// Starts to ask about a pod that fits somewhere, by all that plugins know.
    pub(crate) fn extend(&mut self, now: Now, pod: PodRow) {
        let profile = self.track(pod).profile;
        let diagnosis = self.scheduler.diagnose(profile, pod);
        let left = self.names(&diagnosis.feasible);
        let since = self.scheduler.cluster().changes().next();
        self.set_stage(pod, Extending { left, since, ..Extending::default() });
        self.ask_next(now, pod, Step::Start);
    }

    fn names(&self, rows: &[NodeRow]) -> Vec<Str> {
        rows.iter().map(|&row| self.scheduler.cluster().nodes().name(row).clone()).collect()
    }

    fn set_stage(&mut self, pod: PodRow, extending: Extending) {
        if let Some(track) = self.tracks.get_mut(pod) {
            track.stage = Stage::Extending(Box::new(extending));
        }
    }

    /// Asks the next extender, or draws the conclusion where all were asked.
    fn ask_next(&mut self, now: Now, pod: PodRow, after: Step) {
        let next = match after {
            Step::Start => self.next_extender(pod, 0, |e| e.filters).map(Step::Filter),
            Step::Filter(at) => self.next_extender(pod, at + 1, |e| e.filters).map(Step::Filter),
            Step::Prioritize(at) => {
                self.next_extender(pod, at + 1, |e| e.weight.is_some()).map(Step::Prioritize)
            }
            Step::Preempt(at) => {
                self.next_extender(pod, at.wrapping_add(1), |e| e.preempts).map(Step::Preempt)
            }
        };
        let filtered = matches!(after, Step::Start | Step::Filter(_));
        let first_to_score = self.next_extender(pod, 0, |e| e.weight.is_some()).map(Step::Prioritize);
        let reference = self.track(pod).pod.clone();
        let Some(extending) = self.extending_mut(pod) else { return };
        if filtered && extending.left.is_empty() {
            return self.none_left(now, pod);
        }
        // A single node needs no scores.
        let several = extending.left.len() > 1;
        let next = next.or(first_to_score.filter(|_| filtered && several));
        let Some(step) = next else {
            return if matches!(after, Step::Preempt(_)) {
                self.evict_as_left(now, pod)
            } else {
                self.conclude(now, pod)
            };
        };
        let Some(extending) = self.extending_mut(pod) else { return };
        extending.step = step;
        let nodes = extending.left.clone();
        let candidates = extending.candidates.clone();
        let (extender, call) = match step {
            Step::Start => return,
            Step::Filter(at) => (at, Call::Filter { pod: reference.clone(), nodes }),
            Step::Prioritize(at) => (at, Call::Prioritize { pod: reference.clone(), nodes }),
            Step::Preempt(at) => (at, Call::Preempt { pod: reference.clone(), candidates }),
        };
        let attempt = self.queue.entry(pod).map_or(0, |entry| entry.attempts);
        let errand = Errand { pod, uid: reference.uid, purpose: Purpose::Extend { attempt } };
        self.outbox.ask(Request::Extend { extender, call }, errand);
    }

    fn extending_mut(&mut self, pod: PodRow) -> Option<&mut Extending> {
        match &mut self.tracks.get_mut(pod)?.stage {
            Stage::Extending(extending) => Some(extending),
            _ => None,
        }
    }

    /// An extender answered.
    pub(crate) fn extender_replied(
        &mut self,
        now: Now,
        pod: PodRow,
        attempt: u32,
        outcome: Result<Answer, Failure>,
    ) {
        if self.queue.entry(pod).is_none_or(|entry| entry.attempts != attempt) {
            return; // the reply belongs to an attempt that has ended
        }
        let Some(extending) = self.extending_mut(pod) else { return };
        let step = extending.step;
        let (Step::Filter(at) | Step::Prioritize(at) | Step::Preempt(at)) = step else { return };
        let weight = self.settings.extenders[at].weight.unwrap_or_default();
        match outcome {
            Ok(answer) => {
                let Some(extending) = self.extending_mut(pod) else { return };
                extending.learn(answer, weight);
            }
            Err(failure) => {
                let extender = &self.settings.extenders[at];
                // Scores are a wish, and so is an extender that may fail.
                let goes_on = extender.ignorable || matches!(step, Step::Prioritize(_));
                let text = format!("extender {} failed: {}", extender.name, failure.message);
                self.outbox.report(Report::Trouble(text));
                if !goes_on {
                    self.end_extending(pod);
                    return self.could_not_judge(now, pod, failure.message);
                }
            }
        }
        self.ask_next(now, pod, step);
    }

    /// Ends the attempt, so that replies of extenders have no effect any more.
    pub(crate) fn end_extending(&mut self, pod: PodRow) -> Extending {
        let Some(track) = self.tracks.get_mut(pod) else { return Extending::default() };
        match std::mem::replace(&mut track.stage, Stage::Queued) {
            Stage::Extending(extending) => *extending,
            stage => {
                track.stage = stage;
                Extending::default()
            }
        }
    }

    /// All extenders were asked and some nodes are left: the best of those that still fit is taken.
    fn conclude(&mut self, now: Now, pod: PodRow) {
        let extending = self.end_extending(pod);
        let diagnosis = self.assess_again(pod, &extending);
        let total = |(&node, &score): (&NodeRow, &i64)| {
            let name = self.scheduler.cluster().nodes().name(node);
            let extra = extending.scores.get(name).copied().unwrap_or_default();
            (node, score.saturating_add(extra.saturating_mul(MAX_SCORE / MAX_EXTENDER_SCORE)))
        };
        let totals: Vec<(NodeRow, i64)> =
            diagnosis.feasible.iter().zip(&diagnosis.totals).map(total).collect();
        let max = totals.iter().map(|(_, total)| *total).max();
        match totals.into_iter().find(|(_, total)| Some(*total) == max) {
            Some(landing) => self.put(now, pod, landing, &mut Watch { alternatives: 0, over: &mut |_| () }),
            None => {
                // What extenders left does not fit any more; they are asked again.
                let message = diagnosis.message(self.scheduler.cluster());
                self.not_placed(now, pod, Unplaced::rejected(message, vec![EXTENDER], None));
                self.try_at_once(pod);
            }
        }
    }

    /// Asks the plugins again, with what extenders said.
    fn assess_again(&self, pod: PodRow, extending: &Extending) -> Diagnosis {
        let cluster = self.scheduler.cluster();
        let profile = &self.scheduler.profiles()[self.track(pod).profile];
        let mut diagnosis = scan::diagnose(profile, cluster, pod);
        let left: BTreeSet<&Str> = extending.left.iter().collect();
        scan::narrow(profile, cluster, pod, &mut diagnosis, |row| {
            let name = cluster.nodes().name(row);
            if left.contains(name) {
                return None;
            }
            let not_asked = || ("node(s) came while extenders were asked".to_owned(), Code::Unschedulable);
            let (reason, code) = extending.refused.get(name).cloned().unwrap_or_else(not_asked);
            Some(Verdict { plugin: EXTENDER, rejection: Rejection::new(code, reason.into()) })
        });
        diagnosis
    }

    /// Extenders refused every node.
    fn none_left(&mut self, now: Now, pod: PodRow) {
        let extending = self.end_extending(pod);
        let diagnosis = self.assess_again(pod, &extending);
        let mut plugins: Vec<PluginName> = diagnosis.rejected.iter().map(|(_, v)| v.plugin.clone()).collect();
        plugins.sort_unstable();
        plugins.dedup();
        let message = diagnosis.message(self.scheduler.cluster());
        self.consider_preemption(now, pod, message, plugins, &diagnosis);
        if self.changed_since(extending.since) {
            self.retry_after_backoff(now, pod);
        }
    }

    /// Nothing fits: who would have to go, as plugins and extenders see it?
    pub(crate) fn consider_preemption(
        &mut self,
        now: Now,
        pod: PodRow,
        mut message: String,
        plugins: Vec<PluginName>,
        diagnosis: &Diagnosis,
    ) {
        let cluster = self.scheduler.cluster();
        let profile = &self.scheduler.profiles()[self.track(pod).profile];
        if !profile.preempts {
            return self.not_placed(now, pod, Unplaced::rejected(message, plugins, Some(None)));
        }
        let found = preemption::evaluate(profile, cluster, pod, diagnosis);
        if found.candidates.is_empty() {
            message.push_str(&found.suffix());
            let nominate = found.ineligible.is_none().then_some(None);
            let mut unplaced = Unplaced::rejected(message, plugins, nominate);
            unplaced.against_preemption = found.rejecting;
            return self.not_placed(now, pod, unplaced);
        }
        let candidates = found.candidates.iter().map(|c| self.named(c)).collect();
        let since = cluster.changes().next();
        self.set_stage(pod, Extending { candidates, message, plugins, since, ..Extending::default() });
        self.ask_next(now, pod, Step::Preempt(BEFORE_ALL));
    }

    fn named(&self, candidate: &Candidate) -> NodeVictims {
        let cluster = self.scheduler.cluster();
        let victims = candidate.victims.iter().map(|&row| {
            let pod = &cluster.pods().entry(row).pod;
            PodRef { namespace: pod.spec.namespace.clone(), name: pod.name.clone(), uid: pod.uid.clone() }
        });
        let node = cluster.nodes().name(candidate.node).clone();
        let violations = i64::try_from(candidate.violations).unwrap_or(i64::MAX);
        NodeVictims { node, victims: victims.collect(), violations }
    }

    /// The victims that all agree on have to go.
    fn evict_as_left(&mut self, now: Now, pod: PodRow) {
        let extending = self.end_extending(pod);
        let cluster = self.scheduler.cluster();
        let candidate = |named: &NodeVictims| {
            let node = cluster.nodes().find(&named.node)?;
            let row = |victim: &PodRef| {
                let row = self.tracks.find(&victim.namespace, &victim.name)?;
                (cluster.pods().entry(row).pod.uid == victim.uid).then_some(row)
            };
            let victims: Option<Vec<PodRow>> = named.victims.iter().map(row).collect();
            let violations = usize::try_from(named.violations).unwrap_or_default();
            Some(Candidate { node, victims: victims?, violations })
        };
        let candidates: Vec<Candidate> = extending.candidates.iter().filter_map(candidate).collect();
        let best = preemption::best(&candidates, cluster).first().copied().cloned();
        let nominate = best.as_ref().map(|best| Some(cluster.nodes().name(best.node).clone()));
        let Extending { mut message, plugins, since, .. } = extending;
        if let Some(best) = &best {
            message.push_str(&best.suffix(cluster));
        }
        let has_room = best.is_some_and(|best| self.evict_for(now, pod, &best));
        let lost = nominate.is_none() && self.changed_since(since);
        self.not_placed(now, pod, Unplaced::rejected(message, plugins, nominate));
        if has_room {
            self.try_at_once(pod);
        } else if lost {
            self.retry_after_backoff(now, pod);
        }
    }

    /// Whether anything changed in the cluster since a number of changes.
    fn changed_since(&self, since: u64) -> bool {
        self.scheduler.cluster().changes().next() != since
    }

    /// Events that happened while extenders were asked may have helped a pod that waits now, so it does not wait for another
    /// one. Upstream: the events of pods in flight (`active_queue.go`).
    fn retry_after_backoff(&mut self, now: Now, pod: PodRow) {
        if let Some(queue) = self.queue.wake(pod, now.millis) {
            self.report_queued(queue, "ScheduleAttemptFailure");
        }
    }
}

impl Extending {
    fn learn(&mut self, answer: Answer, weight: i64) {
        match answer {
            Answer::Done => {}
            Answer::Filtered { nodes, failed, unresolvable } => {
                let kept: BTreeSet<Str> = nodes.into_iter().collect();
                let gone = self.left.iter().filter(|node| !kept.contains(*node));
                for node in gone {
                    let (reason, code) = match (unresolvable.get(node), failed.get(node)) {
                        (Some(reason), _) => (reason.clone(), Code::UnschedulableAndUnresolvable),
                        (None, Some(reason)) => (reason.clone(), Code::Unschedulable),
                        (None, None) => (String::new(), Code::Unschedulable),
                    };
                    self.refused.insert(node.clone(), (reason, code));
                }
                self.left.retain(|node| kept.contains(node));
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
}
