//! Beginning anew: with another file of the recording, or after a fault.
//!
//! A panic in the flow is a fault of Berth's. What it leaves behind may be half changed, so nothing of it is used: the
//! requests under way are waited for, a new flow lists the cluster from the start, and the pod or object that was at hand
//! is kept away from it. All others go on.

use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use berth_flow::{Flow, Input, Ticket};
use berth_model::object::ObjectKey;
use berth_wire::Decoder;

use super::intake::failed;
use super::{LAST_WORK, Turn};
use crate::message::Message;
use crate::record::Recording;

/// Requests are answered or given up after so long.
const LAST_ANSWER: Duration = Duration::from_secs(40);
/// The flows of one process are told apart by these bits of their tickets.
const ERA_BITS: u32 = 48;

/// A ticket that no other flow's reply can be taken for.
pub(super) fn marked(ticket: Ticket, era: u64) -> Ticket {
    Ticket(ticket.0 | era << ERA_BITS)
}

/// The flow's own ticket; none where it is that of another flow.
pub(super) fn unmarked(ticket: Ticket, era: u64) -> Option<Ticket> {
    let mark = era << ERA_BITS;
    (ticket.0 >> ERA_BITS == mark >> ERA_BITS).then_some(Ticket(ticket.0 ^ mark))
}

impl Turn {
    /// Goes on in the next file of the recording, if it is time for it. `false`: no pod must be tried until it is so.
    pub(super) fn turn_the_page(&mut self) -> bool {
        if !self.recording.as_ref().is_some_and(Recording::is_full) {
            return true;
        }
        if self.flow.in_flight() > 0 {
            return false;
        }
        // What is being prepared is decided again.
        let leads = self.flow.leads();
        self.tell(Input::Leads(false));
        self.tell(Input::Leads(leads));
        if !self.flow.is_quiet() {
            return false;
        }
        if let Some(recording) = &mut self.recording {
            recording.next_file();
        }
        let inputs = self.flow.restate();
        self.flow = Flow::new(self.settings.clone());
        for input in inputs {
            self.tell(input);
        }
        true
    }

    /// An attempt broke off.
    pub(super) fn attempt_broke(&mut self) {
        let Some(pod) = self.flow.trying().cloned() else {
            // No pod to blame: whatever it is, it would happen again.
            resume_unwind(Box::new("the flow broke without trying a pod"));
        };
        tracing::error!(%pod, "an attempt broke off: the pod is left aside until it is made anew, all else begins anew");
        let note = "the scheduler failed in the middle of an attempt; the pod is left aside".to_owned();
        let event = failed(pod.clone(), self.teller.profile(0), note);
        self.recorder.record(event, crate::clock::unix_micros());
        self.quarantine.put_pod(pod.uid);
        self.begin_anew();
    }

    /// Taking an object broke off.
    pub(super) fn object_broke(&mut self, key: ObjectKey) {
        tracing::error!(
            "taking {key} broke off: it is left aside until it is made anew, all else begins anew"
        );
        self.quarantine.put_object(key);
        self.begin_anew();
    }

    fn begin_anew(&mut self) {
        let mut leads = self.flow.leads();
        let limit = Instant::now() + LAST_ANSWER;
        while self.open > 0 {
            // A pod that is being bound must not be seen as one that is not.
            let patience = limit.saturating_duration_since(Instant::now());
            match self.inbox.recv_timeout(patience) {
                Ok(Message::Input(input)) => match *input {
                    Input::Reply(..) => self.open -= 1,
                    Input::Leads(now) => leads = now,
                    _ => {}
                },
                Ok(Message::Stop) => self.stop_at = Some(Instant::now() + LAST_WORK),
                // Watches tell all of it again, and whoever asks may ask again.
                Ok(Message::Watched(_) | Message::Ask(..)) => {}
                Err(_) => break,
            }
        }
        self.open = 0;
        self.flow = Flow::new(self.settings.clone());
        self.decoder = Decoder::new();
        if let Some(recording) = &mut self.recording {
            recording.next_file();
        }
        self.era.send_modify(|era| *era += 1);
        self.teller.quarantined(self.quarantine.len());
        self.tell(Input::Leads(leads));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_to_another_flow_is_known_by_its_ticket() {
        for era in [0, 1, 7] {
            let ticket = marked(Ticket(5), era);
            assert_eq!(unmarked(ticket, era), Some(Ticket(5)));
            assert_eq!(unmarked(ticket, era + 1), None);
        }
    }
}
