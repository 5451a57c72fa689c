//! `berth snapshot`: the objects of a running cluster that decide, as a file for `berth simulate` and `berth explain`.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use berth_live::{Server, SnapshotError};

use crate::failure::Failure;
use crate::notice;

const EXAMPLES: &str = "\
Examples:
  Save the present state of the cluster, and explain a pod later:
    berth snapshot -o cluster.json
    berth explain shop/cart-7d9f -f cluster.json

  What if there were three more nodes?
    berth snapshot | berth simulate -f - -f three-nodes.yaml

The output has no environment variables, commands, probes, Secrets or ConfigMaps, and only the annotations that decide.";

/// Write the objects of a running cluster that scheduling depends on, as input for simulate and explain
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SnapshotArgs {
    /// The file to write: a List in JSON, one object on each line [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The kubeconfig of the cluster [default: the one that kubectl uses]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The address of the API server; overrides the kubeconfig
    #[arg(long, value_name = "URL")]
    master: Option<String>,
    /// Also write this annotation, for example one with a weight for the algorithm weighted-least-load; may be repeated
    #[arg(long, value_name = "KEY")]
    annotation: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When the cluster cannot be listed, or the file cannot be written.
pub(crate) fn run(args: &SnapshotArgs) -> Result<ExitCode, Failure> {
    let server = Server {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
        master: args.master.clone(),
    };
    let (name, out): (String, Box<dyn Write>) = match &args.output {
        None => ("stdout".to_owned(), Box::new(io::stdout().lock())),
        Some(path) => {
            let name = path.display().to_string();
            let file = File::create(path).map_err(|error| Failure::unreadable(&name, &error))?;
            (name, Box::new(file))
        }
    };
    let mut out = BufWriter::new(out);
    let written = write(&server, &args.annotation, &mut out);
    match written {
        // A reader that stops early, such as `head`, is not an error.
        Err(SnapshotError::System(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(SnapshotError::System(error)) => Err(Failure::unreadable(&name, &error)),
        Err(error) => Err(Failure::input(error.to_string())),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

fn write(server: &Server, annotations: &[String], out: &mut impl Write) -> Result<(), SnapshotError> {
    let head = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n";
    let mut before = head;
    let take = |object: &str| {
        out.write_all(before.as_bytes())?;
        before = ",\n";
        out.write_all(object.as_bytes())
    };
    berth_live::snapshot(server, annotations, take, notice::warning)?;
    if before == head {
        out.write_all(head.as_bytes())?;
    }
    out.write_all(b"\n]}\n")?;
    Ok(out.flush()?)
}
