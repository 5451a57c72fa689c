//! `cargo xtask fit-judge`: `berth fit` beside cluster-capacity.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use berth_e2e::{fit_judge, testbed};

/// Counts the pods of crates/e2e/fit with both programs on one control plane.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program cluster-capacity of github.com/kubernetes-sigs/cluster-capacity (make build)
    #[arg(long, value_name = "FILE")]
    cluster_capacity: PathBuf,
}

/// The exit code is 1 if the counts differ.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    testbed::build(&["etcd", "kube-apiserver", "kube-controller-manager"].map(String::from))?;
    let verdicts = fit_judge::run(&args.cluster_capacity)?;
    println!("| pod | berth fit | cluster-capacity | nodes | seconds, berth | seconds, cluster-capacity |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for verdict in &verdicts {
        let nodes = if verdict.same_nodes() { "equal" } else { "differ" };
        let (reference, nodes, took) = match &verdict.reference {
            Ok(count) => (count.pods.to_string(), nodes, format!("{:.2}", count.took.as_secs_f64())),
            Err(error) => (error.lines().next().unwrap_or("no answer").to_owned(), "-", "-".to_owned()),
        };
        let (pods, own) = (verdict.berth.pods, verdict.berth.took.as_secs_f64());
        println!("| {} | {pods} | {reference} | {nodes} | {own:.2} | {took} |", verdict.name);
    }
    let equal = verdicts.iter().filter(|verdict| verdict.agrees()).count();
    println!("\n{equal} of {} counts are equal", verdicts.len());
    for verdict in verdicts.iter().filter(|verdict| !verdict.is_recorded()) {
        println!("{}: pods.yaml has {:?}", verdict.name, verdict.recorded);
    }
    Ok(ExitCode::from(u8::from(equal < verdicts.len())))
}
