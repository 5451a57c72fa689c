//! Namespaces, the objects that admission consults, and measurements.

mod limit_range;
mod metrics;
mod namespace;
mod priority;
mod runtime;
