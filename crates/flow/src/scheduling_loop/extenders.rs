//! Extenders: servers that filter and score nodes, filter victims, and bind.
//!
//! ```text
//!   filter, one after the other ──▶ score, one after the other ──▶ assume
//!                │ no node is left
//!                ▼
//!        preempt, one after the other ──▶ victims are evicted
//! ```
//! Other pods are scheduled meanwhile. The answers of extenders are therefore kept by node name. If the cluster or the
//! pod has changed, the plugins are asked again before the pod is assumed or victims are evicted.
//!
//! Upstream: `extender.go`, `schedule_one.go` (`findNodesThatPassExtenders`, `prioritizeNodes`), `preemption.go`
//! (`callExtenders`).

use berth_engine::ids::PodRow;
use berth_engine::name::PluginName;
use berth_engine::preemption::{self, Candidate};
use berth_engine::scan::{self, Diagnosis};
use berth_model::Str;

use super::SchedulingLoop;
use super::attempt::SchedulingFailure;
use crate::action::{Call, PodRef, Request};
use crate::extender_state::{ExtenderCall, ExtenderState};
use crate::input::{Answer, Failure, NodeVictims, Now};
use crate::outbox::{InFlight, RequestKind};
use crate::queue::EXTENDER;
use crate::report::AttemptObserver;
use crate::settings::Extender;

impl SchedulingLoop {
    /// Whether extenders filter or score nodes for a pod.
    pub(super) fn wants_extenders(&self, pod: PodRow) -> bool {
        !self.settings.extenders.is_empty()
            && (self.next_extender(pod, 0, |e| e.filters).is_some()
                || self.next_extender(pod, 0, |e| e.weight.is_some()).is_some())
    }

    /// Whether extenders filter candidates for preemption for a pod.
    pub(super) fn wants_preempting_extenders(&self, pod: PodRow) -> bool {
        self.next_extender(pod, 0, |e| e.preempts).is_some()
    }

    /// The extender that binds a pod; `None`: the API server is asked.
    pub(super) fn binding_extender(&self, pod: PodRow) -> Option<usize> {
        self.next_extender(pod, 0, |e| e.binds)
    }

    /// The first extender from an index on that does something for this pod.
    fn next_extender(&self, pod: PodRow, from: usize, does: impl Fn(&Extender) -> bool) -> Option<usize> {
        let spec = &self.scheduler.cluster().pods().class_of(pod).spec;
        let mut extenders = self.settings.extenders.iter().enumerate().skip(from);
        extenders.find(|(_, e)| does(e) && e.is_interested(spec)).map(|(at, _)| at)
    }

    fn generation(&self) -> u64 {
        self.scheduler.cluster().changes().next()
    }

    /// Starts to ask extenders about a pod that fits on some nodes according to the plugins.
    pub(super) fn ask_extenders(&mut self, now: Now, pod: PodRow) {
        let profile = self.pending_pod(pod).profile();
        let diagnosis = self.scheduler.diagnose(profile, pod);
        let nodes = self.scheduler.cluster().nodes();
        let passed = diagnosis.feasible.iter().map(|&row| nodes.name(row).clone()).collect();
        let state = ExtenderState::for_nodes(passed, diagnosis, self.generation());
        self.pods.begin_extending(pod, state);
        self.ask_next(now, pod, None);
    }

    /// The call that follows another one; `None` if all extenders have answered.
    fn next_call(&self, pod: PodRow, after: Option<ExtenderCall>, several: bool) -> Option<ExtenderCall> {
        use ExtenderCall::{Filter, Preempt, Prioritize};
        let filter = |from| self.next_extender(pod, from, |e| e.filters).map(Filter);
        // A single node needs no scores.
        let prioritize = |from| self.next_extender(pod, from, |e| e.weight.is_some()).map(Prioritize);
        let first_score = || prioritize(0).filter(|_| several);
        match after {
            None => filter(0).or_else(first_score),
            Some(Filter(at)) => filter(at.saturating_add(1)).or_else(first_score),
            Some(Prioritize(at)) => prioritize(at.saturating_add(1)),
            Some(Preempt(at)) => self.next_extender(pod, at.saturating_add(1), |e| e.preempts).map(Preempt),
        }
    }

    /// Asks the next extender after a call, or decides if all were asked.
    fn ask_next(&mut self, now: Now, pod: PodRow, after: Option<ExtenderCall>) {
        let Some(state) = self.pods.extending_mut(pod) else { return };
        let filters = matches!(after, None | Some(ExtenderCall::Filter(_)));
        if filters && state.passed().is_empty() {
            return self.no_node_left(now, pod);
        }
        let several = state.passed().len() > 1;
        match self.next_call(pod, after, several) {
            Some(call) => self.send_call(pod, call),
            None if matches!(after, Some(ExtenderCall::Preempt(_))) => self.evict_accepted(now, pod),
            None => self.assume_best(now, pod),
        }
    }

    fn send_call(&mut self, pod: PodRow, call: ExtenderCall) {
        let reference = self.pending_pod(pod).pod().clone();
        let Some(state) = self.pods.extending_mut(pod) else { return };
        state.begin_call(call);
        let (uid, nodes) = (reference.uid.clone(), || state.passed().to_vec());
        let (extender, call) = match call {
            ExtenderCall::Filter(at) => (at, Call::Filter { pod: reference, nodes: nodes() }),
            ExtenderCall::Prioritize(at) => (at, Call::Prioritize { pod: reference, nodes: nodes() }),
            ExtenderCall::Preempt(at) => {
                (at, Call::Preempt { pod: reference, candidates: state.candidates().to_vec() })
            }
        };
        let kind = RequestKind::Extend { attempt: self.queue.attempts(pod) };
        self.outbox.send(Request::Extend { extender, call }, InFlight { pod, uid, kind });
    }

    /// An extender answered.
    pub(super) fn extender_replied(
        &mut self,
        now: Now,
        pod: PodRow,
        attempt: u32,
        outcome: Result<Answer, Failure>,
    ) {
        if self.queue.info(pod).is_none_or(|info| info.attempts() != attempt) {
            return; // the reply belongs to an attempt that has ended
        }
        let Some(state) = self.pods.extending_mut(pod) else { return };
        let Some(call) = state.call() else { return };
        let (ExtenderCall::Filter(at) | ExtenderCall::Prioritize(at) | ExtenderCall::Preempt(at)) = call;
        let extender = &self.settings.extenders[at];
        match outcome {
            Ok(answer) => state.add_answer(answer, extender.weight.unwrap_or_default()),
            Err(failure) => {
                // Upstream ignores the failure of a score call, and of an extender that is ignorable.
                let is_ignored = extender.ignorable || matches!(call, ExtenderCall::Prioritize(_));
                self.outbox.warn(format!("extender {} failed: {}", extender.name, failure.message));
                if !is_ignored {
                    self.pods.end_extending(pod);
                    let failure = SchedulingFailure::error(failure.message);
                    return self.scheduling_failed(now, pod, failure);
                }
            }
        }
        self.ask_next(now, pod, Some(call));
    }

    /// All extenders have answered and some nodes are left: assumes the pod on the best of those that still fit.
    fn assume_best(&mut self, now: Now, pod: PodRow) {
        let Some(mut state) = self.pods.end_extending(pod) else { return };
        let diagnosis = self.diagnosis_with_extenders(pod, &mut state);
        let nodes = self.scheduler.cluster().nodes();
        let totals = diagnosis.feasible.iter().zip(&diagnosis.totals);
        let totals = totals.map(|(&node, &total)| state.total(nodes.name(node), total));
        let totals: Vec<i64> = totals.collect();
        match diagnosis.choice_by(&totals) {
            Some(placement) => {
                let mut observer = AttemptObserver { alternatives: 0, on_step_done: &mut |_| () };
                self.assume_and_bind(now, pod, placement, &mut observer);
            }
            None => {
                // The nodes that extenders accepted do not fit any more. The pod is tried again.
                let message = diagnosis.message(self.scheduler.cluster());
                let failure = SchedulingFailure::unschedulable(message, vec![EXTENDER], None);
                self.scheduling_failed(now, pod, failure);
                self.activate(pod);
            }
        }
    }

    /// The answers of plugins and extenders. The plugins are asked again only if the cluster has changed.
    fn diagnosis_with_extenders(&self, pod: PodRow, state: &mut ExtenderState) -> Diagnosis {
        let cluster = self.scheduler.cluster();
        let profile = &self.scheduler.profiles()[self.pending_pod(pod).profile()];
        let kept = state.take_diagnosis(self.generation());
        let mut diagnosis = kept.unwrap_or_else(|| scan::diagnose(profile, cluster, pod));
        let verdict = state.verdicts();
        scan::narrow(profile, cluster, pod, &mut diagnosis, |row| verdict(cluster.nodes().name(row)));
        diagnosis
    }

    /// Extenders have refused every node.
    fn no_node_left(&mut self, now: Now, pod: PodRow) {
        let Some(mut state) = self.pods.end_extending(pod) else { return };
        let diagnosis = self.diagnosis_with_extenders(pod, &mut state);
        let mut plugins: Vec<PluginName> =
            diagnosis.rejected.iter().map(|(_, verdict)| verdict.plugin.clone()).collect();
        plugins.sort_unstable();
        plugins.dedup();
        let message = diagnosis.message(self.scheduler.cluster());
        self.preempt_with_extenders(now, pod, (message, plugins), &diagnosis);
        if !state.is_current(self.generation()) {
            // Upstream: the events of pods in flight (`active_queue.go`).
            self.requeue_after_backoff(now, pod);
        }
    }

    /// A pod fits on no node. Looks for candidates for preemption, and asks extenders about them.
    pub(super) fn preempt_with_extenders(
        &mut self,
        now: Now,
        pod: PodRow,
        (mut message, plugins): (String, Vec<PluginName>),
        diagnosis: &Diagnosis,
    ) {
        let cluster = self.scheduler.cluster();
        let profile = &self.scheduler.profiles()[self.pending_pod(pod).profile()];
        if !profile.preempts {
            let failure = SchedulingFailure::unschedulable(message, plugins, Some(None));
            return self.scheduling_failed(now, pod, failure);
        }
        let found = preemption::evaluate(profile, cluster, pod, diagnosis);
        if found.candidates.is_empty() {
            message.push_str(&found.suffix());
            let nominate = found.ineligible.is_none().then_some(None);
            let mut failure = SchedulingFailure::unschedulable(message, plugins, nominate);
            failure.preemption_plugins = found.rejecting;
            return self.scheduling_failed(now, pod, failure);
        }
        let candidates = found.candidates.iter().map(|candidate| self.node_victims(candidate)).collect();
        let state = ExtenderState::for_candidates(candidates, message, plugins, self.generation());
        self.pods.begin_extending(pod, state);
        match self.next_extender(pod, 0, |e| e.preempts) {
            Some(at) => self.send_call(pod, ExtenderCall::Preempt(at)),
            None => self.evict_accepted(now, pod),
        }
    }

    fn node_victims(&self, candidate: &Candidate) -> NodeVictims {
        let cluster = self.scheduler.cluster();
        let victims = candidate.victims.iter().map(|&row| PodRef::of(&cluster.pods().entry(row).pod));
        let node = cluster.nodes().name(candidate.node).clone();
        let violations = i64::try_from(candidate.violations).unwrap_or(i64::MAX);
        NodeVictims { node, victims: victims.collect(), violations }
    }

    /// Evicts the victims of the best candidate that all extenders have accepted. If the cluster or the pod has changed
    /// since the candidates were found, only those count whose evictions still help.
    fn evict_accepted(&mut self, now: Now, pod: PodRow) {
        let Some(mut state) = self.pods.end_extending(pod) else { return };
        let cluster = self.scheduler.cluster();
        let candidate = |named: &NodeVictims| {
            let node = cluster.nodes().find(&named.node)?;
            let row = |victim: &PodRef| {
                let row = self.pods.find(&victim.namespace, &victim.name)?;
                (cluster.pods().entry(row).pod.uid == victim.uid).then_some(row)
            };
            let victims: Option<Vec<PodRow>> = named.victims.iter().map(row).collect();
            let violations = usize::try_from(named.violations).unwrap_or_default();
            Some(Candidate { node, victims: victims?, violations })
        };
        let mut candidates: Vec<Candidate> = state.candidates().iter().filter_map(candidate).collect();
        let is_current = state.is_current(self.generation());
        if !is_current {
            let profile = &self.scheduler.profiles()[self.pending_pod(pod).profile()];
            preemption::retain_helpful(profile, cluster, pod, &mut candidates);
        }
        let best = preemption::best(&candidates, cluster).first().copied().cloned();
        let nominate: Option<Option<Str>> =
            best.as_ref().map(|best| Some(cluster.nodes().name(best.node).clone()));
        let (mut message, plugins) = state.take_rejection();
        if let Some(best) = &best {
            message.push_str(&best.suffix(cluster));
        }
        let has_room = best.is_some_and(|best| self.evict_for(now, pod, &best));
        let missed_events = nominate.is_none() && !is_current;
        self.scheduling_failed(now, pod, SchedulingFailure::unschedulable(message, plugins, nominate));
        if has_room {
            self.activate(pod);
        } else if missed_events {
            // Upstream: the events of pods in flight (`active_queue.go`).
            self.requeue_after_backoff(now, pod);
        }
    }
}
