//! The state of a pod from the decision to its binding.
//!
//! ```text
//!   assumed ──▶ PreBind ──▶ sent ──▶ bound ──▶ (the watch delivers the bound pod)
//!                  │         │ ▲
//!                  │         ▼ │ again
//!                  │        lost          no answer came: the node stays taken until the result is known
//!                  ▼         ▼
//!                failed: the node is free again, the pod is tried again after its backoff
//! ```

use berth_engine::cluster::Cluster;
use berth_engine::scheduler::Reserved;
use berth_model::Str;
use berth_model::object::ObjectKey;

use crate::input::FailureKind;
use crate::queue::QueuedPodInfo;
use crate::reserved_effect::{ReservedEffect, retry};

/// A pod that is assumed on a node.
#[derive(Debug)]
pub(crate) struct Binding {
    node: Str,
    effects: Vec<ReservedEffect>,
    phase: Phase,
    assumed_at: u64,
    /// When PreBind was done, in milliseconds, if it had to wait.
    prepared_at: Option<u64>,
    attempts: u32,
    first_attempt: u64,
}

/// How far a binding is. Times are in milliseconds.
#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// PreBind: writes are sent, and plugins wait for what follows from them.
    PreBind {
        /// When PreBind fails.
        deadline: u64,
    },
    /// The binding is in flight, or is about to be sent.
    Sent {
        /// How many answers were lost.
        lost: u32,
    },
    /// No answer came: the pod may be bound. The binding is sent again.
    Lost {
        /// How many answers were lost.
        lost: u32,
        /// When it is sent again.
        retry_at: u64,
    },
    /// The API server has bound the pod. The watch has not delivered that yet.
    Bound,
    /// The API server says that the pod is bound already or deleted. The watch will deliver which.
    Conflict,
}

/// What the answer to a binding means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BindResult {
    /// The pod is bound.
    Bound,
    /// It is not known whether the pod is bound. The binding is sent again at this time.
    RetryAt(u64),
    /// The watch will deliver what became of the pod.
    AwaitWatch,
    /// The binding failed.
    Failed,
    /// The answer is not expected.
    Unexpected,
}

/// What an object that the watch delivered means for a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectOutcome {
    /// PreBind may have waited for objects of this kind.
    pub(crate) may_continue: bool,
    /// Pods that share a claim on devices may have waited for the write.
    pub(crate) settles: bool,
}

/// What a binding leaves behind when it ends.
#[derive(Debug, Default)]
pub(crate) struct Reverted {
    /// The effects whose writes may still be carried out, with their indexes. They stay applied.
    pub(crate) in_flight: Vec<(usize, ReservedEffect)>,
    /// Objects that are not changed, although what they stand for may help pods.
    pub(crate) settled: Vec<ObjectKey>,
}

/// Which time has come for a binding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// PreBind has taken too long.
    PreBindTimeout,
    /// The binding must be sent again.
    Retry,
    /// Writes of PreBind must be sent again.
    RetryWrites,
}

impl Binding {
    /// A binding that begins at `now` with PreBind, or is sent at once if no plugin has reserved anything.
    pub(crate) fn new(
        node: Str,
        reserved: Vec<Reserved>,
        info: Option<&QueuedPodInfo>,
        now: u64,
        timeout_millis: u64,
    ) -> Self {
        let phase = if reserved.is_empty() {
            Phase::Sent { lost: 0 }
        } else {
            Phase::PreBind { deadline: now.saturating_add(timeout_millis) }
        };
        Self {
            node,
            effects: reserved.into_iter().map(ReservedEffect::new).collect(),
            phase,
            assumed_at: now,
            prepared_at: None,
            attempts: info.map_or(0, QueuedPodInfo::attempts),
            first_attempt: info.and_then(QueuedPodInfo::first_attempt).unwrap_or(now),
        }
    }

    /// The node.
    pub(crate) fn node(&self) -> &Str {
        &self.node
    }

    /// The number of the attempt that chose the node.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether PreBind is in progress, so that no binding was sent.
    pub(crate) fn is_in_pre_bind(&self) -> bool {
        matches!(self.phase, Phase::PreBind { .. })
    }

    /// Whether the watches must still deliver what it depends on. Volumes and claims have watches of their own: PreBind
    /// may be done before each effect is delivered.
    pub(crate) fn awaits_objects(&self) -> bool {
        self.is_in_pre_bind() || self.effects.iter().any(|reserved| !reserved.is_delivered())
    }

    /// Whether nothing is in flight that another leader could not see: PreBind, or a binding whose answer was lost.
    pub(crate) fn ends_with_leadership(&self) -> bool {
        matches!(self.phase, Phase::PreBind { .. } | Phase::Lost { .. })
    }

    /// Whether this scheduler has sent a binding to this node.
    pub(crate) fn was_sent_to(&self, node: Option<&Str>) -> bool {
        node == Some(&self.node) && !self.is_in_pre_bind()
    }

    /// Whether the binding succeeded, and that was reported.
    pub(crate) fn is_bound(&self) -> bool {
        self.phase == Phase::Bound
    }

    /// When PreBind fails, in milliseconds.
    pub(crate) fn pre_bind_deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::PreBind { deadline } => Some(deadline),
            _ => None,
        }
    }

    /// A write of PreBind was answered. `false` if the answer belongs to an attempt that has ended.
    pub(crate) fn on_write_reply(&mut self, (attempt, effect): (u32, usize)) -> bool {
        let is_awaited = self.is_in_pre_bind() && self.attempts == attempt;
        match self.effects.get_mut(effect).filter(|_| is_awaited) {
            Some(reserved) => {
                reserved.on_write_answered();
                true
            }
            None => false,
        }
    }

    /// A write of PreBind failed with this kind of failure. Returns when it is sent again, if it is.
    pub(crate) fn on_write_failure(
        &mut self,
        (attempt, effect): (u32, usize),
        kind: FailureKind,
        now: u64,
    ) -> Option<u64> {
        let is_awaited = self.is_in_pre_bind() && self.attempts == attempt;
        self.effects.get_mut(effect).filter(|_| is_awaited)?.on_write_failed(kind, now)
    }

    /// Whether the watch tells that the write of an effect was carried out.
    pub(crate) fn is_known(&self, effect: usize) -> bool {
        self.effects.get(effect).is_some_and(ReservedEffect::is_known)
    }

    /// The effects whose writes are sent again now.
    pub(crate) fn take_lost_writes(&mut self, now: u64) -> Vec<usize> {
        let effects = self.effects.iter_mut().enumerate();
        effects.filter_map(|(at, reserved)| reserved.take_retry(now).then_some(at)).collect()
    }

    /// Whether all writes of PreBind have succeeded, and plugins are asked whether they must still wait.
    pub(crate) fn awaits_plugins(&self) -> bool {
        self.is_in_pre_bind() && self.effects.iter().all(ReservedEffect::is_written)
    }

    /// PreBind is done.
    pub(crate) fn mark_prepared(&mut self, now: u64) {
        self.prepared_at = Some(now);
    }

    /// The binding is sent now. Returns the node.
    pub(crate) fn mark_sent(&mut self) -> Str {
        let lost = if let Phase::Lost { lost, .. } = self.phase { lost } else { 0 };
        self.phase = Phase::Sent { lost };
        self.node.clone()
    }

    /// The binding was answered; `failure` is `None` if it succeeded. A scheduler that does not lead does not retry:
    /// the leader takes care of the pod.
    pub(crate) fn on_bind_reply(
        &mut self,
        failure: Option<FailureKind>,
        leads: bool,
        now: u64,
    ) -> BindResult {
        let Phase::Sent { lost } = self.phase else { return BindResult::Unexpected };
        let Some(kind) = failure else {
            self.phase = Phase::Bound;
            return BindResult::Bound;
        };
        match retry(kind, lost, now) {
            Some((lost, retry_at)) if leads => {
                self.phase = Phase::Lost { lost, retry_at };
                BindResult::RetryAt(retry_at)
            }
            // An earlier binding succeeded after all, or another scheduler's did.
            _ if kind == FailureKind::Conflict && lost > 0 => {
                self.phase = Phase::Conflict;
                BindResult::AwaitWatch
            }
            _ => BindResult::Failed,
        }
    }

    /// What must be done at this time.
    pub(crate) fn due(&self, now: u64) -> Option<Due> {
        match self.phase {
            Phase::PreBind { deadline } if deadline <= now => Some(Due::PreBindTimeout),
            Phase::PreBind { .. } => {
                let is_due = |reserved: &ReservedEffect| reserved.retry_is_due(now);
                self.effects.iter().any(is_due).then_some(Due::RetryWrites)
            }
            Phase::Lost { retry_at, .. } if retry_at <= now => Some(Due::Retry),
            _ => None,
        }
    }

    /// The effects, in the order in which they were applied.
    pub(crate) fn effects(&self) -> &[ReservedEffect] {
        &self.effects
    }

    /// The watch delivered an object. It may be older than the write of an effect, so an effect stays applied until the
    /// watch has delivered it.
    pub(crate) fn on_object(&mut self, cluster: &mut Cluster, key: &ObjectKey) -> ObjectOutcome {
        let may_continue = self.effects.iter().any(|reserved| reserved.effect().waits_for(key.kind));
        let mut settles = false;
        for reserved in &mut self.effects {
            settles |= reserved.on_object(cluster, key);
        }
        ObjectOutcome { may_continue, settles }
    }

    /// Milliseconds since the decision, since the decision until PreBind was done, and since the first attempt.
    pub(crate) fn durations(&self, now: u64) -> (u64, Option<u64>, u64) {
        (
            now.saturating_sub(self.assumed_at),
            self.prepared_at.map(|at| at.saturating_sub(self.assumed_at)),
            now.saturating_sub(self.first_attempt),
        )
    }

    /// Ends the binding: reverts the effects that the watch has not delivered, in reverse order.
    pub(crate) fn revert(self, cluster: &mut Cluster) -> Reverted {
        let mut reverted = Reverted::default();
        for (at, reserved) in self.effects.into_iter().enumerate().rev() {
            if reserved.holds_devices_in_flight() {
                reverted.in_flight.push((at, reserved));
            } else {
                reverted.settled.extend(reserved.revert(cluster));
            }
        }
        reverted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding() -> Binding {
        Binding::new("n".into(), Vec::new(), None, 0, 1_000)
    }

    #[test]
    fn a_lost_answer_keeps_the_binding_and_is_retried_later_each_time() {
        let mut binding = binding();
        for (now, retry_at) in [(0, 500), (500, 1_500), (1_500, 3_500)] {
            binding.mark_sent();
            let result = binding.on_bind_reply(Some(FailureKind::Unknown), true, now);
            assert_eq!(result, BindResult::RetryAt(retry_at));
            assert_eq!((binding.due(retry_at - 1), binding.due(retry_at)), (None, Some(Due::Retry)));
        }
    }

    #[test]
    fn a_conflict_is_a_failure_unless_an_answer_was_lost() {
        let mut first = binding();
        assert_eq!(first.on_bind_reply(Some(FailureKind::Conflict), true, 0), BindResult::Failed);
        let mut second = binding();
        second.on_bind_reply(Some(FailureKind::Unknown), true, 0);
        second.mark_sent();
        assert_eq!(second.on_bind_reply(Some(FailureKind::Conflict), true, 0), BindResult::AwaitWatch);
    }

    #[test]
    fn a_refusal_is_a_failure_unless_an_answer_was_lost() {
        let mut first = binding();
        assert_eq!(first.on_bind_reply(Some(FailureKind::Refused), true, 0), BindResult::Failed);
        let mut second = binding();
        second.on_bind_reply(Some(FailureKind::Unknown), true, 0);
        second.mark_sent();
        assert_eq!(second.on_bind_reply(Some(FailureKind::Refused), true, 500), BindResult::RetryAt(1_500));
        second.mark_sent();
        assert_eq!(second.on_bind_reply(Some(FailureKind::Gone), true, 1_500), BindResult::Failed);
    }

    #[test]
    fn a_lost_answer_fails_the_binding_of_a_scheduler_that_does_not_lead() {
        assert_eq!(binding().on_bind_reply(Some(FailureKind::Unknown), false, 0), BindResult::Failed);
    }
}
