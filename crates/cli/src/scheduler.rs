//! `berth scheduler`: schedules the pods of a running cluster.

mod settings;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use berth_live::{End, LogFormat, Options, RecordTo, Server, Serving};

use crate::failure::Failure;
use crate::profiles;
use settings::LeaderArgs;

const EXAMPLES: &str = "\
Examples:
  In place of kube-scheduler, with its configuration and kubeconfig:
    berth scheduler --config /etc/kubernetes/scheduler.yaml --kubeconfig /etc/kubernetes/scheduler.conf

  Beside it, for pods that name one of the configuration's profiles in spec.schedulerName:
    berth scheduler --config berth.yaml --leader-elect-resource-name berth

  On a cluster to try things out, a line a decision:
    berth scheduler --leader-elect=false -v=2

Flags have the names and defaults that they have for kube-scheduler.

Exit codes:
  0  asked to end (SIGTERM, SIGINT)
  1  the lease was lost, or something broke: to be started again
  2  the configuration, the kubeconfig or the command line cannot be used";

/// Schedule the pods of a running cluster, in place of kube-scheduler or beside it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
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
    #[command(flatten)]
    leader: LeaderArgs,
    /// Where to serve health and metrics
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    bind_address: IpAddr,
    /// The port for that; 0 serves nothing
    #[arg(long, value_name = "PORT", default_value_t = 10259)]
    secure_port: u16,
    /// The certificate to serve with, and those of its issuers; without it, one is made
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// The certificate's key
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,
    /// A cluster that knows who may ask for metrics; without it, the one that is scheduled
    #[arg(long, value_name = "FILE")]
    authentication_kubeconfig: Option<PathBuf>,
    /// A cluster that knows what they may do; without it, the one that is scheduled
    #[arg(long, value_name = "FILE")]
    authorization_kubeconfig: Option<PathBuf>,
    /// Accepted: client certificates are not looked up in the cluster in any case
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    authentication_skip_lookup: Option<bool>,
    /// Accepted without effect: requests in flight are bounded, not requests a second
    #[arg(long, value_name = "N", hide = true)]
    kube_api_qps: Option<f32>,
    /// Accepted without effect, as --kube-api-qps
    #[arg(long, value_name = "N", hide = true)]
    kube_api_burst: Option<i32>,
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
}

impl SchedulerArgs {
    fn serving(&self) -> Option<Serving> {
        let server = |kubeconfig: &Option<PathBuf>| {
            kubeconfig.clone().map(|path| Server { kubeconfig: Some(path), master: None })
        };
        (self.secure_port != 0).then(|| Serving {
            address: SocketAddr::new(self.bind_address, self.secure_port),
            certificate: self.tls_cert_file.clone().zip(self.tls_private_key_file.clone()),
            authentication: server(&self.authentication_kubeconfig),
            authorization: server(&self.authorization_kubeconfig),
        })
    }
}

/// Runs the command.
///
/// # Errors
/// Where it cannot begin.
pub(crate) fn run(args: &SchedulerArgs) -> Result<ExitCode, Failure> {
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
        serving: args.serving(),
        record,
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
