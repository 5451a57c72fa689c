//! `berth scheduler`: schedules the pods of a running cluster.

mod accepted;
mod gates;
mod serving;
mod settings;
#[cfg(test)]
mod tests;
mod ui;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use berth_engine::tie_break::TieBreak;
use berth_live::{End, LogFormat, Options, PageSource, RecordTo, Server};

use crate::failure::Failure;
use crate::profiles;
use accepted::AcceptedArgs;
use serving::ServingArgs;
use settings::LeaderArgs;

/// The release of kube-scheduler that Berth is compatible with.
const UPSTREAM: &str = "1.37";

const EXAMPLES: &str = "\
Examples:
  Replace kube-scheduler, with its configuration and kubeconfig:
    berth scheduler --config /etc/kubernetes/scheduler.yaml --kubeconfig /etc/kubernetes/scheduler.conf

  Run beside kube-scheduler, for pods whose spec.schedulerName is a profile of the configuration:
    berth scheduler --config berth.yaml --leader-elect-resource-name berth

  Try it on a test cluster, with a log line for each scheduling decision:
    berth scheduler --leader-elect=false -v=2

All flags of kube-scheduler 1.37 are accepted, with the same names and defaults. If a flag has no effect, a line in the log says so. If its value cannot be supported, the command is refused.

Exit codes:
  0  the process was stopped (SIGTERM, SIGINT)
  1  the lease was lost, or the scheduler panicked: start it again
  2  the configuration, the kubeconfig or the command line is invalid";

/// Schedule the pods of a running cluster, instead of kube-scheduler or beside it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct SchedulerArgs {
    /// Path to the configuration file, a KubeSchedulerConfiguration (v1) [default: the defaults of kube-scheduler]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Path to a kubeconfig file; ignored if the configuration names one [default: the service account of the pod, or
    /// else as kubectl]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Address of the Kubernetes API server (overrides any value in kubeconfig)
    #[arg(long, value_name = "URL")]
    master: Option<String>,
    /// Version to emulate (only 1.37 or kube=1.37)
    #[arg(long, value_name = "VERSION", hide = true)]
    emulated_version: Vec<String>,
    /// Feature gates as Name=true,Other=false (a value that would change where pods go is refused)
    #[arg(long, value_name = "GATES", value_delimiter = ',')]
    feature_gates: Vec<String>,
    /// Refused: /configz shows the configuration
    #[arg(long, value_name = "FILE", hide = true)]
    write_config_to: Option<PathBuf>,
    /// Which of several nodes with the best score is chosen: "hashed" chooses each equally often over many pods,
    /// "first-name" the first by name [default: as the configuration says, or else hashed]
    #[arg(long, value_name = "RULE", value_parser = profiles::tie_breaks())]
    tie_break: Option<TieBreak>,
    /// Record all inputs of the scheduler in this file, for berth replay. If it exists, a number is appended
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Size in MiB at which the recording continues in the next file; the newest files up to four times this size are
    /// kept
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    record_limit: u64,
    /// Verbosity of the log: 2 adds a line for each scheduling decision, 4 and more are for debugging
    #[arg(short, long = "v", value_name = "N", default_value_t = 0)]
    verbosity: u8,
    /// Format of the log on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    logging_format: String,
    /// Print the version
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    version: Option<String>,
    #[command(flatten)]
    leader: LeaderArgs,
    #[command(flatten)]
    serving: ServingArgs,
    #[command(flatten)]
    accepted: AcceptedArgs,
}

/// Lines for the log about the command line.
#[derive(Debug, Default)]
struct Remarks {
    /// Flags that have no effect, and whose effect is not needed.
    notes: Vec<String>,
    /// Flags that have no effect although a user may rely on it.
    warnings: Vec<String>,
}

impl SchedulerArgs {
    /// Notes the flags that have no effect.
    ///
    /// # Errors
    /// If a flag asks for something that is not available.
    fn check(&self, remarks: &mut Remarks) -> Result<(), Failure> {
        if self.write_config_to.is_some() {
            let problem = "--write-config-to: writing the configuration is not supported";
            return Err(Failure::input(problem).hint("read /configz of a running scheduler"));
        }
        for version in &self.emulated_version {
            if version.strip_prefix("kube=").unwrap_or(version) != UPSTREAM {
                let problem = format!("--emulated-version: {version} is not supported; only {UPSTREAM} is");
                return Err(Failure::input(problem));
            }
        }
        self.accepted.remark(remarks);
        gates::check(&self.feature_gates, remarks)
    }
}

/// Runs the command.
///
/// # Errors
/// If the scheduler cannot start.
pub(crate) fn run(args: &SchedulerArgs) -> Result<ExitCode, Failure> {
    if args.version.as_ref().is_some_and(|form| form != "false") {
        let _ = writeln!(std::io::stdout(), "berth {}", env!("CARGO_PKG_VERSION"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut remarks = Remarks::default();
    args.check(&mut remarks)?;
    let serving = args.serving.serving(&mut remarks)?;
    let mut configuration = match &args.config {
        Some(path) => profiles::read(path, false)?,
        None => berth_config::Configuration::default(),
    };
    profiles::break_ties(&mut configuration, args.tie_break);
    args.leader.apply(&mut configuration.leader_election)?;
    let named = Some(&configuration.client_connection.kubeconfig).filter(|path| !path.is_empty());
    let kubeconfig = named.map(PathBuf::from).or_else(|| args.kubeconfig.clone());
    let profiles = profiles::of(&configuration);
    let record = args.record.clone().map(|file| recorded(args, file)).transpose()?;
    let options = Options {
        server: Server { kubeconfig, context: None, master: args.master.clone() },
        configuration,
        profiles,
        page: args.serving.ui.then_some(ui::source as PageSource),
        serving,
        record,
        notes: remarks.notes,
        warnings: remarks.warnings,
        log_format: if args.logging_format == "json" { LogFormat::Json } else { LogFormat::Text },
        verbosity: args.verbosity,
    };
    match berth_live::run(options) {
        Ok(End::Asked) => Ok(ExitCode::SUCCESS),
        Ok(End::LeaseLost | End::Broken) => Ok(ExitCode::FAILURE),
        Err(error) => Err(Failure::input(error.to_string())),
    }
}

/// The settings of the recording. Certificates and keys in the configuration are not recorded.
fn recorded(args: &SchedulerArgs, file: PathBuf) -> Result<RecordTo, Failure> {
    let configuration = match &args.config {
        None => String::new(),
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| Failure::unreadable(&name, &error))?;
            let mut value: serde_json::Value = serde_saphyr::from_str(&text)
                .map_err(|error| Failure::input(format!("{name}: cannot be parsed as YAML: {error}")))?;
            for extender in
                value.get_mut("extenders").and_then(|list| list.as_array_mut()).into_iter().flatten()
            {
                if let Some(tls) = extender.get_mut("tlsConfig").and_then(|tls| tls.as_object_mut()) {
                    tls.retain(|key, _| !key.ends_with("Data"));
                }
            }
            value.to_string()
        }
    };
    let limit_bytes = args.record_limit << 20;
    Ok(RecordTo { file, limit_bytes, configuration, tie_break: args.tie_break })
}
