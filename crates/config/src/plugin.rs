//! Which plugins a configuration may name.
//!
//! The engine's registry lists them ([`berth_engine::plugins::REGISTRY`]). Beside them there are names of plugins that
//! upstream removed.

pub use berth_engine::plugins::{REGISTRY, find};
pub use berth_engine::registry::{ExtensionPoint, PluginEntry};

/// Plugins that version v1 removed; upstream names them in an error of their own.
pub(crate) const REMOVED: [&str; 4] = ["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"];

/// Upstream's words for a plugin in [`REMOVED`].
pub(crate) const REMOVED_WORDS: &str = "was invalid in version \"v1\" \
    (KubeSchedulerConfiguration is version \"kubescheduler.config.k8s.io/v1\")";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_removed_name_is_registered() {
        assert!(REMOVED.iter().all(|name| find(name).is_none()));
    }
}
