//! Arguments of DynamicResources: how long it may take.

use crate::duration::Duration;
use crate::fields::Fields;

/// Limits on time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicResourcesArgs {
    /// For the search of devices on one node; zero means no limit.
    pub filter_timeout: Duration,
    /// For devices to become ready before binding; a second at least.
    pub binding_timeout: Duration,
}

impl Default for DynamicResourcesArgs {
    fn default() -> Self {
        Self { filter_timeout: Duration::from_seconds(10), binding_timeout: Duration::from_seconds(600) }
    }
}

impl DynamicResourcesArgs {
    pub(crate) const FIELDS: &[&str] = &["filterTimeout", "bindingTimeout"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let mut args = Self::default();
        if let Some(timeout) = fields.duration("filterTimeout") {
            args.filter_timeout = timeout;
        }
        if let Some(timeout) = fields.duration("bindingTimeout") {
            args.binding_timeout = timeout;
        }
        let shown = |timeout: Duration| format!("\"{timeout}\"");
        if args.filter_timeout < Duration::ZERO {
            let path = fields.at("filterTimeout");
            fields.sink().invalid(&path, shown(args.filter_timeout), "must be zero or positive");
        }
        if args.binding_timeout < Duration::from_seconds(1) {
            let path = fields.at("bindingTimeout");
            fields.sink().invalid(&path, shown(args.binding_timeout), "must be at least 1 second");
        }
        args
    }
}
