//! Namespaces, objects that admission and controllers consult, and measurements.

mod autoscaler;
mod limit_range;
mod metrics;
mod namespace;
mod priority;
mod quota;
mod runtime;
