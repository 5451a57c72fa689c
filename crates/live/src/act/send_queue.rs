//! The order in which requests are sent.
//!
//! Requests for the same pod are sent one after the other, so that a late condition never overtakes a binding. Bindings
//! and their preparations are sent before conditions.

use std::collections::{BTreeMap, VecDeque};

use berth_flow::{Action, Request};
use berth_model::Str;

/// The limit on conditions in flight, so that bindings can be sent at once.
const CONDITIONS: usize = 16;

/// The pod that a request concerns, by its uid, if it concerns one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    uid: Option<Str>,
    urgent: bool,
}

/// The requests that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    urgent: VecDeque<(Subject, Action)>,
    conditions: VecDeque<(Subject, Action)>,
    conditions_running: usize,
    /// The pods with a request in flight, and the requests that wait for its end.
    busy: BTreeMap<Str, VecDeque<(Subject, Action)>>,
}

impl SendQueue {
    /// Adds a request.
    pub(super) fn push(&mut self, action: Action) {
        let (uid, urgent) = match &action.request {
            Request::Bind { pod, .. } => (Some(pod.uid.clone()), true),
            Request::SetStatus { pod, .. } => (Some(pod.uid.clone()), false),
            Request::Evict { victim, .. } => (Some(victim.uid.clone()), true),
            _ => (None, true),
        };
        let subject = Subject { uid, urgent };
        if let Some(uid) = &subject.uid {
            if let Some(waiting) = self.busy.get_mut(uid) {
                waiting.push_back((subject, action));
                return;
            }
            self.busy.insert(uid.clone(), VecDeque::new());
        }
        self.make_ready(subject, action);
    }

    fn make_ready(&mut self, subject: Subject, action: Action) {
        let queue = if subject.urgent { &mut self.urgent } else { &mut self.conditions };
        queue.push_back((subject, action));
    }

    /// The next request to send, if one may be sent now.
    pub(super) fn next(&mut self) -> Option<(Subject, Action)> {
        if let Some(urgent) = self.urgent.pop_front() {
            return Some(urgent);
        }
        if self.conditions_running >= CONDITIONS {
            return None;
        }
        let next = self.conditions.pop_front()?;
        self.conditions_running += 1;
        Some(next)
    }

    /// Notes that a request was answered.
    pub(super) fn done(&mut self, subject: Subject) {
        if !subject.urgent {
            self.conditions_running -= 1;
        }
        let Some(uid) = subject.uid else { return };
        match self.busy.get_mut(&uid).and_then(VecDeque::pop_front) {
            Some((subject, action)) => self.make_ready(subject, action),
            None => {
                self.busy.remove(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use berth_flow::{PodRef, Ticket};

    use super::*;

    fn pod(uid: &str) -> PodRef {
        PodRef { namespace: "n".into(), name: uid.into(), uid: uid.into() }
    }

    fn bind(ticket: u64, uid: &str) -> Action {
        Action { ticket: Ticket(ticket), request: Request::Bind { pod: pod(uid), node: "n1".into() } }
    }

    fn condition(ticket: u64, uid: &str) -> Action {
        let request = Request::SetStatus { pod: pod(uid), condition: None, nominated_node: None };
        Action { ticket: Ticket(ticket), request }
    }

    #[test]
    fn bindings_go_first() {
        let mut sending = SendQueue::default();
        for action in [condition(1, "a"), bind(2, "b"), bind(3, "c")] {
            sending.push(action);
        }
        let sent: Vec<u64> =
            std::iter::from_fn(|| sending.next()).map(|(_, action)| action.ticket.0).collect();
        assert_eq!(sent, [2, 3, 1]);
    }

    #[test]
    fn a_pod_has_one_request_in_flight() {
        let mut sending = SendQueue::default();
        for action in [condition(1, "a"), bind(2, "a"), bind(3, "b")] {
            sending.push(action);
        }
        let (_, first) = sending.next().unwrap();
        let (subject, second) = sending.next().unwrap();
        assert_eq!((first.ticket.0, second.ticket.0, sending.next()), (3, 1, None));
        sending.done(subject);
        assert_eq!(sending.next().unwrap().1.ticket.0, 2);
    }

    #[test]
    fn conditions_leave_room_for_bindings() {
        let mut sending = SendQueue::default();
        (0..40).for_each(|i| sending.push(condition(i, &format!("p{i}"))));
        let sent: Vec<Subject> = std::iter::from_fn(|| sending.next()).map(|(subject, _)| subject).collect();
        assert_eq!(sent.len(), CONDITIONS);
        sent.into_iter().take(3).for_each(|subject| sending.done(subject));
        assert_eq!(std::iter::from_fn(|| sending.next()).count(), 3);
        assert_eq!(sending.busy.len(), 37);
    }
}
