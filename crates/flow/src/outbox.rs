//! Actions and reports that the shell has not taken yet, and requests whose replies are awaited.

use std::collections::BTreeMap;

use berth_engine::ids::PodRow;
use berth_model::Str;

use crate::action::{Action, Event, PodRef, Request, Ticket};
use crate::report::Report;

/// A request that was sent and not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InFlight {
    pub(crate) pod: PodRow,
    /// Rows are used again. The reply is only for the pod with this uid.
    pub(crate) uid: Str,
    pub(crate) kind: RequestKind,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// The binding of the pod.
    Bind,
    /// The write of an effect that PreBind needs, in this attempt; the effect is an index.
    PreBind { attempt: u32, effect: usize },
    /// The pod's condition or nominated node.
    Status,
    /// The eviction of a victim for the pod.
    Evict { victim: PodRef },
    /// Devices that keep the pod from every node are given up.
    GiveUp,
    /// A call of an extender, in this attempt.
    Extend { attempt: u32 },
}

/// What the shell has to take, and what it has to answer.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    actions: Vec<Action>,
    reports: Vec<Report>,
    in_flight: BTreeMap<Ticket, InFlight>,
    last_ticket: u64,
}

impl Outbox {
    /// Sends a request. Its reply is matched to `in_flight`.
    pub(crate) fn send(&mut self, request: Request, in_flight: InFlight) {
        let ticket = self.next_ticket();
        self.in_flight.insert(ticket, in_flight);
        self.actions.push(Action { ticket, request });
    }

    /// Records an event.
    pub(crate) fn emit(&mut self, event: Event) {
        let ticket = self.next_ticket();
        self.actions.push(Action { ticket, request: Request::Emit(event) });
    }

    pub(crate) fn report(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// Reports a warning.
    pub(crate) fn warn(&mut self, text: String) {
        self.reports.push(Report::Warning(text));
    }

    /// Takes the request that a reply answers; `None` if it was answered before.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<InFlight> {
        self.in_flight.remove(&ticket)
    }

    /// The number of requests whose replies are awaited.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn drain_actions(&mut self) -> impl Iterator<Item = Action> + '_ {
        self.actions.drain(..)
    }

    pub(crate) fn drain_reports(&mut self) -> impl Iterator<Item = Report> + '_ {
        self.reports.drain(..)
    }

    /// Whether the shell has nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.reports.is_empty()
    }

    fn next_ticket(&mut self) -> Ticket {
        self.last_ticket = self.last_ticket.wrapping_add(1); // 64 bits do not wrap around in the life of a process
        Ticket(self.last_ticket)
    }
}
