//! The live scheduler.
