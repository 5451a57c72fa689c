//! Binds a pod to the chosen node.
//!
//! - **Bind**: the shell does it: the live shell posts a Binding, a simulation notes the node. There is nothing to
//!   decide, so the engine knows the plugin by name only.
//! - **Upstream**: plugins/defaultbinder. No known difference.
//! - **Cost**: nothing.

use crate::plugin::Plugin;

/// The plugin's name in configurations.
pub const NAME: &str = "DefaultBinder";

/// The plugin; it has no arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultBinder;

impl Plugin for DefaultBinder {
    fn name(&self) -> &'static str {
        NAME
    }
}
