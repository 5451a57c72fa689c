//! The log: lines on stderr, as text or as JSON.
//!
//! The verbosity (`-v`) means what it means for kube-scheduler: 0 is for what an operator must know, 2 adds a line for
//! each scheduling decision, 4 and more are for debugging.

use std::io::IsTerminal;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The target of the lines about scheduling decisions.
pub(crate) const DECISION: &str = "berth::decision";

/// The format of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// JSON for programs: one object a line.
    Json,
}

/// Starts the log, unless the process has one already.
pub(crate) fn start(format: LogFormat, verbosity: u8) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter(verbosity))).try_init();
}

fn filter(verbosity: u8) -> Targets {
    let (own, others) = match verbosity {
        0..=3 => (LevelFilter::INFO, LevelFilter::WARN),
        4..=5 => (LevelFilter::DEBUG, LevelFilter::INFO),
        6..=7 => (LevelFilter::TRACE, LevelFilter::DEBUG),
        _ => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    let decisions = if verbosity < 2 { LevelFilter::OFF } else { LevelFilter::INFO };
    let targets =
        Targets::new().with_default(others).with_target("berth", own).with_target(DECISION, decisions);
    // A kubeconfig that accepts any certificate is a choice of the user; kube warns of it with every connection.
    if verbosity < 4 { targets.with_target("kube_client::client::tls", LevelFilter::ERROR) } else { targets }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn decisions_are_logged_from_two_on() {
        for (verbosity, logged) in [(0, false), (1, false), (2, true), (4, true)] {
            assert_eq!(filter(verbosity).would_enable(DECISION, &Level::INFO), logged, "-v={verbosity}");
        }
        assert!(filter(0).would_enable("berth_live::watch", &Level::INFO));
        assert!(!filter(0).would_enable("kube_client::client", &Level::INFO));
    }
}
