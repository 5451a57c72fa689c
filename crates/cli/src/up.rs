//! `berth up`: a real control plane on this machine, with simulated nodes and a scheduler.

mod manage;
mod page;
mod start;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use berth_model::execution::duration_millis;
use berth_model::quantity::Quantity;
use berth_up::instance::DEFAULT_NAME;

use crate::failure::Failure;
use start::StartArgs;

const EXAMPLES: &str = "\
Examples:
  A control plane with five nodes, until Ctrl-C:
    berth up

  In a second terminal:
    export KUBECONFIG=$(berth up kubeconfig)
    kubectl create deployment web --image=web --replicas=10
    kubectl get pods -o wide

  In the background, with 100 nodes, and with upstream's scheduler beside it under another name:
    berth up --detach --nodes 100
    berth up --detach --nodes 100 --name upstream --scheduler upstream
    berth up stop upstream

The components etcd, kube-apiserver and kube-controller-manager are upstream's own programs. They listen on 127.0.0.1 only. The nodes are simulated: no container is started, and pods run and end as their commands and annotations say.

Exit codes:
  0  the control plane was stopped
  1  a component ended again and again
  2  a component is missing or does not start, or the command line is invalid";

/// Run a real control plane on this machine, with simulated nodes and Berth as its scheduler
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct UpArgs {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    start: StartArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the control planes
    List,
    /// Stop a control plane; its objects stay in its folder
    Stop(Which),
    /// Print the log of a component
    Logs {
        /// etcd, kube-apiserver, kube-controller-manager or scheduler [default: the names of all logs]
        component: Option<String>,
        #[command(flatten)]
        which: Named,
    },
    /// Print the path of the kubeconfig of a control plane
    Kubeconfig(Which),
    /// Replace this process with a component that ends with its parent
    #[command(hide = true)]
    Exec {
        /// The process id of the parent
        parent: u32,
        /// The program of the component
        program: PathBuf,
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

/// A control plane, as the argument of a command.
#[derive(Debug, clap::Args)]
struct Which {
    /// Name of the control plane
    #[arg(default_value = DEFAULT_NAME)]
    name: String,
}

/// A control plane, as a flag.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// Name of the control plane
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME)]
    pub(crate) name: String,
}

/// Runs the command.
///
/// # Errors
/// If the control plane cannot start, or there is none.
pub(crate) fn run(args: &UpArgs) -> Result<ExitCode, Failure> {
    match &args.verb {
        None => return start::run(&args.start),
        Some(Verb::List) => manage::list()?,
        Some(Verb::Stop(which)) => manage::stop(&which.name)?,
        Some(Verb::Logs { component, which }) => manage::logs(&which.name, component.as_deref())?,
        Some(Verb::Kubeconfig(which)) => manage::kubeconfig(&which.name)?,
        Some(Verb::Exec { parent, program, args }) => {
            let error = berth_up::process::replace(*parent, program, args);
            return error.map(|never| match never {}).map_err(broken);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An error of the control plane as a failure of the command.
pub(crate) fn broken(error: anyhow::Error) -> Failure {
    Failure::input(format!("{error:#}"))
}

/// Reads a duration of at least a second.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let millis = duration_millis(text).filter(|millis| *millis >= 1_000);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| "expected a duration of at least 1s, such as 8s".to_owned())
}

/// Reads a positive quantity such as `8`, `500m` or `32Gi`.
pub(crate) fn quantity(text: &str) -> Result<String, String> {
    match Quantity::parse(text) {
        Ok(quantity) if !quantity.is_negative() && !quantity.is_zero() => Ok(text.to_owned()),
        _ => Err("expected a positive quantity, such as 8, 500m or 32Gi".to_owned()),
    }
}
