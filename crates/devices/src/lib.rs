//! Dynamic resource allocation: which devices a claim gets.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod cel;
