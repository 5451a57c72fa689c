//! Device decisions: the allocator alone, and selectors alone.

pub mod allocator;
pub mod selector;
mod shown;
