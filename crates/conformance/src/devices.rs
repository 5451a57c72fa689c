//! Device decisions: the allocator alone, and selectors alone.

pub mod allocator;
pub mod claims;
pub mod selector;
pub mod shown;
