//! Bugs that are injected on purpose, one at a time. The invariants must find each of them.
//!
//! They are between the loop and its world, or in a plugin. The loop itself is the one that ships.

use std::sync::Arc;

use berth_engine::effect::Write;
use berth_engine::profile::Profile;
use berth_flow::{Action, Answer, Failure, FailureKind, Input, Request, SchedulingLoop, Ticket};
use berth_model::object::{Kind, Object};
use berth_model::volume::SELECTED_NODE;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectedBug {
    /// A pod is bound twice.
    DoubleBind,
    /// A pod never enters the queue.
    LostPod,
    /// Some running pods are not counted.
    Overcommit,
    /// No event requeues a pod.
    MissedWakeUp,
    /// A scheduler that has lost the lease does not receive that.
    BindAfterLostLease,
    /// Some answers are lost, so that requests stay in flight.
    Leak,
    /// A nomination is never cleared.
    StaleNomination,
    /// Objects that a new listing does not name are kept.
    RelistKept,
    /// A filter plugin does not run.
    FilterLeftOut,
    /// A pod whose eviction was requested does not count as terminating.
    EvictionForgotten,
    /// The update of a claim that has lost its selected node is not delivered.
    ReservationKept,
    /// Nominations by other processes are not delivered.
    NominationOverlooked,
    /// Changes of assigned pods requeue no pod.
    PodChangeIgnored,
    /// A scheduler that waits for an extender does not receive that it has lost the lease.
    ExtenderOutlivesLease,
    /// A change of a pod is not delivered while extenders are asked about it.
    ChangeLostWhileExtending,
    /// Devices that are being written to a claim do not count as allocated.
    DevicesForgotten,
}

impl InjectedBug {
    /// All bugs.
    pub const ALL: [Self; 16] = [
        Self::DoubleBind,
        Self::LostPod,
        Self::Overcommit,
        Self::MissedWakeUp,
        Self::BindAfterLostLease,
        Self::Leak,
        Self::StaleNomination,
        Self::RelistKept,
        Self::FilterLeftOut,
        Self::EvictionForgotten,
        Self::ReservationKept,
        Self::NominationOverlooked,
        Self::PodChangeIgnored,
        Self::ExtenderOutlivesLease,
        Self::ChangeLostWhileExtending,
        Self::DevicesForgotten,
    ];

    /// The input that the loop receives instead; `None`: none.
    pub(crate) fn of_input(&mut self, mut input: Input, flow: &SchedulingLoop) -> Option<Input> {
        if *self == Self::NominationOverlooked
            && let Input::Applied(Object::Pod(manifest)) = &mut input
        {
            manifest.pod.nominated_node = None;
        }
        let spoilt = match (&*self, &input) {
            (Self::LostPod, Input::Applied(Object::Pod(pod))) => {
                pod.pod.name.ends_with('3') && pod.pod.node.is_none()
            }
            (Self::Overcommit, Input::Applied(Object::Pod(pod))) => {
                pod.pod.node.is_some() && &*pod.pod.spec.scheduler_name != "default-scheduler"
            }
            (Self::ChangeLostWhileExtending, Input::Applied(Object::Pod(pod))) => {
                let pod = &pod.pod;
                pod.node.is_none() && flow.place_of(&pod.spec.namespace, &pod.name) == Some("extending")
            }
            (Self::Leak, Input::Reply(Ticket(ticket), Ok(Answer::Done))) => ticket % 7 == 0,
            (Self::RelistKept, Input::Listing(kind)) => *kind == Kind::Pod,
            (Self::ReservationKept, Input::Applied(Object::Claim(claim))) => {
                let known = flow.scheduler().cluster().storage().claim(&claim.namespace, &claim.name);
                known.is_some_and(|known| {
                    known.annotations.contains_key(SELECTED_NODE)
                        && !claim.annotations.contains_key(SELECTED_NODE)
                })
            }
            _ => false,
        };
        (!spoilt).then_some(input)
    }

    /// The actions that are sent instead.
    pub(crate) fn of_action(&mut self, action: Action) -> Vec<Action> {
        match (&*self, &action.request) {
            (Self::DoubleBind, Request::Bind { .. }) if action.ticket.0.is_multiple_of(5) => {
                vec![action.clone(), action]
            }
            (Self::StaleNomination, Request::SetStatus { nominated_node: Some(node), pod, .. })
                if node.is_empty() =>
            {
                let request = Request::SetStatus { pod: pod.clone(), condition: None, nominated_node: None };
                vec![Action { ticket: action.ticket, request }]
            }
            _ => vec![action],
        }
    }

    /// An input that the loop receives when this action is sent, and the reference model does not.
    pub(crate) fn secret(self, action: &Action) -> Option<Input> {
        let forgets = match self {
            Self::EvictionForgotten => matches!(action.request, Request::Evict { .. }),
            Self::DevicesForgotten => {
                matches!(action.request, Request::Write(Write::ReserveDevices(_)))
            }
            _ => false,
        };
        let refused = || Failure { kind: FailureKind::Refused, message: "injected".to_owned() };
        forgets.then(|| Input::Reply(action.ticket, Err(refused())))
    }

    /// Whether a scheduler does not receive that it has lost the lease.
    pub(crate) fn hides_lost_lease(self, flow: &SchedulingLoop) -> bool {
        match self {
            Self::BindAfterLostLease => true,
            Self::ExtenderOutlivesLease => flow.pending_pods().any(|pod| pod.place == "extending"),
            _ => false,
        }
    }

    /// Injects the bug into a profile.
    pub(crate) fn spoil(self, profile: &mut Profile) {
        if self == Self::FilterLeftOut {
            profile.filter.retain(|plugin| plugin.name() != "TaintToleration");
        }
        if matches!(self, Self::MissedWakeUp | Self::PodChangeIgnored) {
            let only_changes = self == Self::PodChangeIgnored;
            for plugin in profile.pre_filter.iter_mut().chain(&mut profile.filter) {
                *plugin =
                    Arc::new(crate::never_requeues::NeverRequeues { plugin: plugin.clone(), only_changes });
            }
        }
    }
}
