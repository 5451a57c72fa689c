//! What the flow's thread answers to those who ask.

use std::time::Instant;

use berth_flow::Flow;

use crate::message::Question;
use crate::teller::Teller;

/// Answers a question.
pub(crate) fn answer(flow: &mut Flow, teller: &Teller, _start: Instant, question: Question) -> String {
    match question {
        Question::Gauges => {
            teller.gauge(flow);
            String::new()
        }
    }
}
