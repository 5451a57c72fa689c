//! Flags of kube-scheduler that have no effect here. They are accepted, so that its command lines keep working, and
//! named in the log, so that no user relies on them.

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

use super::Remarks;

/// A flag without effect.
struct Accepted {
    name: &'static str,
    /// The name of its value; `None` for a boolean flag.
    value: Option<&'static str>,
    why: &'static str,
    /// Whether a user may rely on its effect.
    is_missed: bool,
}

const fn unneeded(name: &'static str, value: Option<&'static str>, why: &'static str) -> Accepted {
    Accepted { name, value, why, is_missed: false }
}

const fn missed(name: &'static str, value: Option<&'static str>, why: &'static str) -> Accepted {
    Accepted { name, value, why, is_missed: true }
}

const HTTP: &str = "only HTTP/1.1 is served";
const IN_FLIGHT: &str = "the number of requests in flight is limited, not the number per second";
const METRICS: &str = "all metrics are served with all their labels";
const NO_PROFILING: &str = "profiling is not available";
const ONE_LOG: &str = "the log is one unbuffered stream on stderr";

const ACCEPTED: [Accepted; 20] = [
    unneeded("kube-api-qps", Some("N"), IN_FLIGHT),
    unneeded("kube-api-burst", Some("N"), IN_FLIGHT),
    unneeded("kube-api-content-type", Some("TYPE"), "requests to the API server are JSON"),
    unneeded("profiling", None, NO_PROFILING),
    unneeded("contention-profiling", None, NO_PROFILING),
    unneeded("disable-http2-serving", None, HTTP),
    unneeded("http2-max-streams-per-connection", Some("N"), HTTP),
    unneeded("permit-address-sharing", None, "SO_REUSEADDR is always used"),
    unneeded("min-compatibility-version", Some("VERSION"), "there are no other compatibility versions"),
    unneeded("show-hidden-metrics-for-version", Some("VERSION"), "no metric is hidden"),
    unneeded("log-flush-frequency", Some("TIME"), "each line is written immediately"),
    missed("log-json-info-buffer-size", Some("SIZE"), ONE_LOG),
    missed("log-json-split-stream", None, ONE_LOG),
    missed("log-text-info-buffer-size", Some("SIZE"), ONE_LOG),
    missed("log-text-split-stream", None, ONE_LOG),
    missed("vmodule", Some("PATTERN=N,..."), "-v applies to the whole log"),
    missed("disabled-metrics", Some("NAMES"), METRICS),
    missed("allow-metric-labels", Some("MAP"), METRICS),
    missed("allow-metric-labels-manifest", Some("FILE"), METRICS),
    missed(
        "pod-max-in-unschedulable-pods-duration",
        Some("TIME"),
        "a pending pod is retried after five minutes at the latest",
    ),
];

/// The flags without effect that the command line has.
#[derive(Debug, Default)]
pub(super) struct AcceptedArgs(Vec<&'static str>);

impl AcceptedArgs {
    /// Notes why each of them has no effect.
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
                .help_heading("Flags of kube-scheduler without effect");
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
