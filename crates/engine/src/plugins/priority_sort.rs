//! Orders the queue: higher priority first, then the pod that came first.
//!
//! - **QueueSort**: the queues of the scheduling loop and of the simulation order pods so. There is nothing to decide
//!   in the engine.
//! - **Depends on** the pod's priority and its arrival.
//! - **Upstream**: plugins/queuesort. No known difference.
//! - **Cost**: two comparisons.

use crate::plugin::registry::{ExtensionPoint, PluginEntry};

/// The plugin's name in configurations.
pub const NAME: &str = "PrioritySort";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::elsewhere(NAME, &[ExtensionPoint::QueueSort], "the queues of the shells")
        .in_default_profile(0);
