//! Binds a pod to the chosen node.
//!
//! - **Bind**: the shell binds: the live scheduler posts a Binding, a simulation notes the node. There is nothing to
//!   decide, so the engine knows the plugin by name only.
//! - **Upstream**: plugins/defaultbinder. No known difference.
//! - **Cost**: nothing.

use crate::plugin::registry::{ExtensionPoint, PluginEntry};

/// The plugin's name in configurations.
pub const NAME: &str = "DefaultBinder";

/// The registry entry.
pub const ENTRY: PluginEntry =
    PluginEntry::elsewhere(NAME, &[ExtensionPoint::Bind], "the shells").in_default_profile(0);
