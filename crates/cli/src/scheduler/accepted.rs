//! Flags of kube-scheduler that nothing depends on here: accepted, so that its command lines can be taken over, and told of
//! in the log, so that nobody counts on them.

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

use super::Remarks;

/// A flag without effect.
struct Accepted {
    name: &'static str,
    /// What it takes; nothing, where it is true or false.
    value: Option<&'static str>,
    why: &'static str,
    /// Whether somebody may miss what it does for kube-scheduler.
    is_missed: bool,
}

const fn unneeded(name: &'static str, value: Option<&'static str>, why: &'static str) -> Accepted {
    Accepted { name, value, why, is_missed: false }
}

const fn missed(name: &'static str, value: Option<&'static str>, why: &'static str) -> Accepted {
    Accepted { name, value, why, is_missed: true }
}

const HTTP: &str = "HTTP/1.1 is served, and nothing else";
const IN_FLIGHT: &str = "requests in flight are bounded, not requests a second";
const METRICS: &str = "all metrics are served, with all their labels";
const NO_PROFILING: &str = "profiles of the process are not served in any case";
const ONE_LOG: &str = "the log is one stream, on stderr, and not buffered";

const ACCEPTED: [Accepted; 20] = [
    unneeded("kube-api-qps", Some("N"), IN_FLIGHT),
    unneeded("kube-api-burst", Some("N"), IN_FLIGHT),
    unneeded("kube-api-content-type", Some("TYPE"), "the API server is spoken to in JSON"),
    unneeded("profiling", None, NO_PROFILING),
    unneeded("contention-profiling", None, NO_PROFILING),
    unneeded("disable-http2-serving", None, HTTP),
    unneeded("http2-max-streams-per-connection", Some("N"), HTTP),
    unneeded("permit-address-sharing", None, "addresses are shared so in any case"),
    unneeded("min-compatibility-version", Some("VERSION"), "nothing depends on it"),
    unneeded("show-hidden-metrics-for-version", Some("VERSION"), "no metric is hidden"),
    unneeded("log-flush-frequency", Some("TIME"), "each line is written at once"),
    missed("log-json-info-buffer-size", Some("SIZE"), ONE_LOG),
    missed("log-json-split-stream", None, ONE_LOG),
    missed("log-text-info-buffer-size", Some("SIZE"), ONE_LOG),
    missed("log-text-split-stream", None, ONE_LOG),
    missed("vmodule", Some("PATTERN=N,..."), "-v is for the whole log"),
    missed("disabled-metrics", Some("NAMES"), METRICS),
    missed("allow-metric-labels", Some("MAP"), METRICS),
    missed("allow-metric-labels-manifest", Some("FILE"), METRICS),
    missed(
        "pod-max-in-unschedulable-pods-duration",
        Some("TIME"),
        "a pod that waits is tried again after five minutes at the latest",
    ),
];

/// The flags without effect that were given.
#[derive(Debug, Default)]
pub(super) struct AcceptedArgs(Vec<&'static str>);

impl AcceptedArgs {
    /// Says why each of them has no effect.
    pub(super) fn remark(&self, remarks: &mut Remarks) {
        for flag in ACCEPTED.iter().filter(|flag| self.0.contains(&flag.name)) {
            let text = format!("--{} has no effect: {}", flag.name, flag.why);
            if flag.is_missed { remarks.warnings.push(text) } else { remarks.notes.push(text) }
        }
    }
}

impl clap::Args for AcceptedArgs {
    fn augment_args(command: Command) -> Command {
        ACCEPTED.iter().fold(command, |command, flag| {
            let arg = Arg::new(flag.name)
                .long(flag.name)
                .help(format!("No effect: {}", flag.why))
                .help_heading("Accepted from kube-scheduler's command lines");
            command.arg(match flag.value {
                Some(value) => arg.value_name(value).action(ArgAction::Append).allow_hyphen_values(true),
                None => arg
                    .value_name("BOOL")
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value("true")
                    .value_parser(BoolishValueParser::new())
                    .hide_possible_values(true),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for AcceptedArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
        Ok(Self(ACCEPTED.iter().map(|flag| flag.name).filter(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
