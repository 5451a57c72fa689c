//! A new flow: for the next file of the recording, or after a panic.
//!
//! A panic in the flow is a bug in Berth. The flow may be in an inconsistent state then, so it is dropped. The event
//! loop waits for the replies to its requests and creates a new flow, which lists the cluster from the start. The pod
//! or object that caused the panic is quarantined. All others are scheduled as before.

use std::panic::resume_unwind;
use std::time::Instant;

use berth_flow::{Input, SchedulingLoop, Ticket};
use berth_model::object::ObjectKey;
use berth_wire::Decoder;

use super::intake::failed;
use super::{EventLoop, LAST_WORK};
use crate::message::Message;
use crate::record::Recording;

/// The bits of a ticket above this one hold the epoch of its flow.
const EPOCH_BITS: u32 = 48;

/// A ticket with the epoch of its flow.
pub(super) fn tag(ticket: Ticket, epoch: u64) -> Ticket {
    Ticket(ticket.0 | epoch << EPOCH_BITS)
}

/// The ticket without the epoch; `None` if it is of another flow.
pub(super) fn untag(ticket: Ticket, epoch: u64) -> Option<Ticket> {
    let mark = epoch << EPOCH_BITS;
    (ticket.0 >> EPOCH_BITS == mark >> EPOCH_BITS).then_some(Ticket(ticket.0 ^ mark))
}

impl EventLoop {
    /// Continues in the next file of the recording, if this one is full. `false`: the requests in flight must be
    /// answered first, so no pod may be attempted.
    pub(super) fn rotate_recording(&mut self) -> bool {
        if !self.recording.as_ref().is_some_and(Recording::is_full) {
            return true;
        }
        if self.flow.in_flight() > 0 {
            return false;
        }
        // Pods whose volumes are being prepared are decided again.
        let leads = self.flow.leads();
        self.dispatch(Input::Leads(false));
        self.dispatch(Input::Leads(leads));
        if !self.flow.is_quiet() {
            return false;
        }
        if let Some(recording) = &mut self.recording {
            recording.next_file();
        }
        let inputs = self.flow.dump_inputs();
        self.flow = SchedulingLoop::new(self.settings.clone());
        for input in inputs {
            self.dispatch(input);
        }
        true
    }

    /// An attempt panicked.
    pub(super) fn attempt_panicked(&mut self) {
        let Some(pod) = self.flow.trying().cloned() else {
            // There is no pod to quarantine, so it would happen again.
            resume_unwind(Box::new("the flow panicked without a pod"));
        };
        tracing::error!(%pod, "scheduling attempt panicked; quarantining the pod until it is recreated and restarting the scheduling loop");
        let note =
            "the scheduler panicked while it attempted this pod; the pod is ignored until it is recreated"
                .to_owned();
        let event = failed(pod.clone(), self.reporter.profile(0), note);
        self.recorder.record(event, crate::clock::unix_micros());
        self.quarantine.put_pod(pod.uid);
        self.restart();
    }

    /// Decoding or applying an object panicked.
    pub(super) fn object_panicked(&mut self, key: ObjectKey) {
        tracing::error!(
            "processing {key} panicked; quarantining it until it is recreated and restarting the scheduling loop"
        );
        self.quarantine.put_object(key);
        self.restart();
    }

    fn restart(&mut self) {
        let mut leads = self.flow.leads();
        let epoch = self.epoch();
        let limit = Instant::now() + self.answer_limit;
        while self.open > 0 {
            // The next flow must not see a pod as unbound whose binding is in flight.
            let patience = limit.saturating_duration_since(Instant::now());
            match self.inbox.recv_timeout(patience) {
                Ok(Message::Input(input)) => match *input {
                    // A late reply to an older flow says nothing about this one's requests.
                    Input::Reply(ticket, _) if untag(ticket, epoch).is_some() => self.open -= 1,
                    Input::Leads(now) => leads = now,
                    _ => {}
                },
                Ok(Message::Written(kind, object)) => drop(self.own_writes.on_answer(kind, object)),
                Ok(Message::Stop) => self.stop_at = Some(Instant::now() + LAST_WORK),
                // Watches deliver everything again, and clients can repeat their queries.
                Ok(Message::Watch(_) | Message::Query(..) | Message::Copy(_)) => {}
                Err(_) => break,
            }
        }
        self.open = 0;
        self.flow = SchedulingLoop::new(self.settings.clone());
        self.decoder = Decoder::new();
        if let Some(recording) = &mut self.recording {
            recording.next_file();
        }
        self.epoch.send_modify(|epoch| *epoch += 1);
        self.reporter.quarantined(self.quarantine.len());
        self.dispatch(Input::Leads(leads));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_names_the_flow_that_it_is_of() {
        for epoch in [0, 1, 7] {
            let ticket = tag(Ticket(5), epoch);
            assert_eq!(untag(ticket, epoch), Some(Ticket(5)));
            assert_eq!(untag(ticket, epoch + 1), None);
        }
    }
}
