//! `berth scheduler`: schedules the pods of a running cluster.

mod accepted;
mod gates;
mod serving;
mod settings;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use berth_live::{End, LogFormat, Options, RecordTo, Server};

use crate::failure::Failure;
use crate::profiles;
use accepted::AcceptedArgs;
use serving::ServingArgs;
use settings::LeaderArgs;

/// The release of kube-scheduler that decides alike.
const UPSTREAM: &str = "1.37";

const EXAMPLES: &str = "\
Examples:
  In place of kube-scheduler, with its configuration and kubeconfig:
    berth scheduler --config /etc/kubernetes/scheduler.yaml --kubeconfig /etc/kubernetes/scheduler.conf

  Beside it, for pods that name one of the configuration's profiles in spec.schedulerName:
    berth scheduler --config berth.yaml --leader-elect-resource-name berth

  On a cluster to try things out, a line a decision:
    berth scheduler --leader-elect=false -v=2

All flags of kube-scheduler 1.37 are known, with its names and defaults. What has no effect here is named in the log; what cannot be had is refused.

Exit codes:
  0  asked to end (SIGTERM, SIGINT)
  1  the lease was lost, or something broke: to be started again
  2  the configuration, the kubeconfig or the command line cannot be used";

/// Schedule the pods of a running cluster, in place of kube-scheduler or beside it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct SchedulerArgs {
    /// A KubeSchedulerConfiguration (v1); without it, kube-scheduler's defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to reach the API server, if the configuration does not say; without it, the account of the pod that this runs in
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The address of the API server, in place of the kubeconfig's
    #[arg(long, value_name = "URL")]
    master: Option<String>,
    /// The release that is behaved like: 1.37, or kube=1.37
    #[arg(long, value_name = "VERSION", hide = true)]
    emulated_version: Vec<String>,
    /// Gates, as in Name=true,Other=false: taken where they say what is so here, refused where pods would go elsewhere
    #[arg(long, value_name = "GATES", value_delimiter = ',')]
    feature_gates: Vec<String>,
    /// Refused: /configz shows the configuration
    #[arg(long, value_name = "FILE", hide = true)]
    write_config_to: Option<PathBuf>,
    /// Record everything that decides into this file, for berth replay; where there is one, the next with a number appended
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// How large a file of the recording grows before the next one begins, in MiB; four times that is kept
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    record_limit: u64,
    /// How much is logged: 2 adds a line a decision, 4 and more are for looking for faults
    #[arg(short, long = "v", value_name = "N", default_value_t = 0)]
    verbosity: u8,
    /// How the log on stderr is written
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

/// What the log says of the command line.
#[derive(Debug, Default)]
struct Remarks {
    /// What has no effect, and is needed by nobody.
    notes: Vec<String>,
    /// What has no effect, and may be missed by somebody.
    warnings: Vec<String>,
}

impl SchedulerArgs {
    /// Says what has no effect.
    ///
    /// # Errors
    /// What cannot be had.
    fn check(&self, remarks: &mut Remarks) -> Result<(), Failure> {
        if self.write_config_to.is_some() {
            let problem = "--write-config-to: the configuration is not written";
            return Err(Failure::input(problem).hint("ask a running scheduler for /configz"));
        }
        for version in &self.emulated_version {
            if version.strip_prefix("kube=").unwrap_or(version) != UPSTREAM {
                let problem = format!("--emulated-version: {version}: Berth decides as {UPSTREAM} does");
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
/// Where it cannot begin.
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
    args.leader.apply(&mut configuration.leader_election)?;
    let named = Some(&configuration.client_connection.kubeconfig).filter(|path| !path.is_empty());
    let kubeconfig = named.map(PathBuf::from).or_else(|| args.kubeconfig.clone());
    let profiles = profiles::of(&configuration);
    let record = args.record.clone().map(|file| recorded(args, file)).transpose()?;
    let options = Options {
        server: Server { kubeconfig, master: args.master.clone() },
        configuration,
        profiles,
        serving,
        record,
        notes: remarks.notes,
        warnings: remarks.warnings,
        log_format: if args.logging_format == "json" { LogFormat::Json } else { LogFormat::Text },
        verbosity: args.verbosity,
    };
    match berth_live::run(options) {
        Ok(End::Asked) => Ok(ExitCode::SUCCESS),
        Ok(End::Deposed | End::Broken) => Ok(ExitCode::FAILURE),
        Err(error) => Err(Failure::input(error.to_string())),
    }
}

/// What is recorded where. Keys that the configuration holds do not enter the recording.
fn recorded(args: &SchedulerArgs, file: PathBuf) -> Result<RecordTo, Failure> {
    let configuration = match &args.config {
        None => String::new(),
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| Failure::unreadable(&name, &error))?;
            let mut value: serde_json::Value = serde_saphyr::from_str(&text)
                .map_err(|error| Failure::input(format!("{name}: cannot be read as YAML: {error}")))?;
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
    Ok(RecordTo { file, limit_bytes: args.record_limit << 20, configuration })
}
