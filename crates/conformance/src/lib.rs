//! The golden corpus: scenarios with the answers that upstream's own code gave, and the judge that compares.
//!
//! `conformance/README.md` describes the format. A scenario is a cluster and pods to place in order; for each pod the
//! engine's whole answer is compared: verdicts, reasons, scores, choice, message, preemption.

pub mod answer;
pub mod compare;
pub mod family;
pub mod run;
pub mod scenario;
