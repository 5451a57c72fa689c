//! Preemption.
