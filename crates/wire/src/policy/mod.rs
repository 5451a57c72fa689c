//! Objects that admission consults, and measurements.

mod limit_range;
mod metrics;
mod namespace;
mod priority;
mod runtime;

pub use limit_range::{LimitRange, LimitRangeItem, LimitScope};
pub use metrics::NodeMetrics;
pub use priority::PriorityClass;
pub use runtime::RuntimeClass;

pub(crate) use limit_range::LimitRangeWire;
pub(crate) use metrics::NodeMetricsWire;
pub(crate) use namespace::NamespaceWire;
pub(crate) use priority::PriorityClassWire;
pub(crate) use runtime::RuntimeClassWire;
