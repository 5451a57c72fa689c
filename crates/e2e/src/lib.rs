//! Real control planes on loopback, and what a scheduler must do there.
