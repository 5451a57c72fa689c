//! The golden corpus: scenarios with the answers that upstream's own code gave, and the judge that compares.
//!
//! `conformance/README.md` describes the format. A scenario is a cluster and pods to place in order; for each pod the
//! engine's whole answer is compared: verdicts, reasons, scores, choice, message, preemption. Two corpora have other
//! lines: calls of the device allocator, and device selectors ([`devices`]).

pub mod answer;
pub mod compare;
pub mod devices;
pub mod family;
pub mod run;
pub mod scenario;
