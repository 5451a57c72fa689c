//! `cargo xtask testbed`: upstream's components as programs, and a control plane by hand.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use berth_e2e::control_plane::{self, ControlPlane};
use berth_e2e::testbed;

/// Builds what end-to-end tests run on, or starts a control plane of it.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Programs to build: etcd, kube-apiserver, kube-scheduler, kube-controller-manager, loadgen, kwok, e2e.test; all
    /// if none is named
    names: Vec<String>,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Starts etcd and kube-apiserver in a folder
    Up {
        /// Where their files, logs and kubeconfigs are to be
        folder: PathBuf,
    },
    /// Ends what `up` has started there
    Down {
        /// The folder that was given to `up`
        folder: PathBuf,
    },
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.verb {
        None => {
            testbed::build(&args.names)?;
            println!("{}", testbed::bin().display());
        }
        Some(Verb::Up { folder }) => {
            std::fs::create_dir_all(folder)?;
            let plane = ControlPlane::start_in(&folder.canonicalize()?)?;
            println!("administrator: {}", plane.admin_kubeconfig().display());
            println!("scheduler:     {}", plane.scheduler_kubeconfig().display());
            plane.detach();
        }
        Some(Verb::Down { folder }) => control_plane::stop(folder)?,
    }
    Ok(ExitCode::SUCCESS)
}
