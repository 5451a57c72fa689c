//! What the flow wants done and has to tell, until the shell takes it.

use std::collections::BTreeMap;

use berth_engine::ids::PodRow;
use berth_model::Str;

use crate::action::{Action, Event, PodRef, Request, Ticket};
use crate::report::Report;

/// What is to be done once an action's reply is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) pod: PodRow,
    /// Rows are used again: the reply is for the pod of this uid.
    pub(crate) uid: Str,
    pub(crate) purpose: Purpose,
}

/// What an action was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To bind the pod.
    Bind,
    /// To prepare a volume for it, in this attempt.
    Volume { attempt: u32 },
    /// To write its condition or nominated node.
    Status,
    /// To evict a victim for it.
    Evict { victim: PodRef },
    /// To give up devices that keep it from every node.
    GiveUp,
    /// To ask an extender about it, in this attempt.
    Extend { attempt: u32 },
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) actions: Vec<Action>,
    pub(crate) reports: Vec<Report>,
    errands: BTreeMap<Ticket, Errand>,
    tickets: u64,
}

impl Outbox {
    /// Asks for something; the reply will find the errand.
    pub(crate) fn ask(&mut self, request: Request, errand: Errand) {
        let ticket = self.ticket();
        self.errands.insert(ticket, errand);
        self.actions.push(Action { ticket, request });
    }

    /// Records an event.
    pub(crate) fn emit(&mut self, event: Event) {
        let ticket = self.ticket();
        self.actions.push(Action { ticket, request: Request::Emit(event) });
    }

    /// Tells something.
    pub(crate) fn report(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// What a reply is for; `None` where it was answered already.
    pub(crate) fn claim(&mut self, ticket: Ticket) -> Option<Errand> {
        self.errands.remove(&ticket)
    }

    /// How many actions wait for their replies.
    pub(crate) fn in_flight(&self) -> usize {
        self.errands.len()
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }
}
