//! Colours, which never carry a meaning alone.

use anstyle::{AnsiColor, Style};

pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const FULL: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const QUIET: Style = Style::new().dimmed();

/// A node that is so full: 1 is full.
pub(crate) fn utilization(share: f64) -> Style {
    match share {
        share if share > 1.0 => BAD,
        share if share > 0.8 => FULL,
        _ => GOOD,
    }
}
