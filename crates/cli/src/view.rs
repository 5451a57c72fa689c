//! `berth view`: shows the cluster in a browser and answers questions about it.

pub(crate) mod command_line;
pub(crate) mod offline;
mod recorded;

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use berth_journal::RECORDING;
use berth_live::RemotePage;
use berth_view::{Question, Server, Site};

use crate::changes::ChangeArgs;
use crate::failure::{Failure, words};
use crate::input::{self, InputArgs, SelectionArgs};
use crate::profiles::{self, ProfileArgs};
use crate::{notice, output};
use offline::Offline;
use recorded::Recorded;

const EXAMPLES: &str = "\
Examples:
  The cluster of kubectl, in a browser:
    berth view --open

  A cluster and a folder of manifests:
    berth view -f cluster.yaml -f apps/

  Start with a question: what happens if a zone is drained?
    berth view -f cluster.yaml --drain zone=eu-1a

  A recording of berth scheduler --record: what happened, and the cluster as it was at each decision
    berth view incident.rec

  What a running berth scheduler --ui knows
    kubectl port-forward -n kube-system deploy/berth-scheduler 10259 &
    berth view --scheduler https://127.0.0.1:10259 --insecure-skip-tls-verify

The objects are read once, at the start. Nothing is changed in a cluster. The page and its API need no other host.

Exit codes:
  2  the input or the command line cannot be used";

/// Show the cluster in a browser: a map of the nodes, the pending pods with their reasons, and answers to \"what if\"
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ViewArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// A recording of berth scheduler --record, which is shown over time. Other paths are read as those of -f: the shell
    /// expands a pattern after -f to several
    #[arg(value_name = "FILE")]
    pub more: Vec<PathBuf>,
    /// Objects in files that name no namespace belong to this one, as with kubectl apply
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    #[command(flatten)]
    pub changes: ChangeArgs,
    #[command(flatten)]
    pub profiles: ProfileArgs,
    /// Show what a running berth scheduler --ui knows, at this address, as in https://127.0.0.1:10259, with the credentials
    /// of the kubeconfig
    #[arg(long, value_name = "URL", conflicts_with_all = ["files", "kustomizations", "more", "live", "offline", "config", "algorithm", "weight"])]
    pub scheduler: Option<String>,
    /// With --scheduler: do not verify the scheduler's certificate, which is self-signed by default
    #[arg(long, requires = "scheduler")]
    pub insecure_skip_tls_verify: bool,
    /// The address to serve on; port 0 takes a free port. Everyone who reaches the address can read the objects
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Open the page in the browser of the desktop
    #[arg(long)]
    pub open: bool,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be used, or the address.
pub(crate) fn run(args: &ViewArgs) -> Result<ExitCode, Failure> {
    if let Some(url) = &args.scheduler {
        let site = remote(args, url)?;
        return serve(args, site, "");
    }
    if let Some(file) = recording(args)? {
        let source = Recorded::open(file)?;
        if !args.input.reading.quiet {
            source.warnings().iter().for_each(|warning| notice::warning(warning));
        }
        return serve(args, Site::new(Arc::new(source)), "#/over-time");
    }
    let quiet = args.input.reading.quiet;
    let configuration = profiles::configuration(&args.profiles, quiet)?;
    profiles::check_seed(&args.profiles, args.profiles.algorithm.as_slice(), quiet);
    let selection = SelectionArgs { namespace: args.namespace.clone(), selector: None };
    let objects = input::read(&args.input, &args.more, &selection)?;
    let title = command_line::title(&args.input, &args.more);
    let command = command_line::of(&args.input, &args.more, args.namespace.as_deref(), &args.profiles);
    if let Some(text) = args.changes.template_file() {
        return Err(Failure::input(format!(
            "--add {text}: the page takes only nodes of the cluster as templates"
        ))
        .hint("name one as --add COUNT=node/NAME, or add the nodes to the input with -f"));
    }
    let source = Offline::new(objects, configuration, args.profiles.clone(), title, command);
    input::check(source.evaluate(&Question::default())?.warnings(), &args.input.reading)?;
    let question = Question::of(args.changes.options());
    source.evaluate(&question)?; // a change that cannot be made is refused here and not on the page
    serve(args, Site::new(Arc::new(source)), &command_line::fragment(&question))
}

/// The page of a running scheduler.
fn remote(args: &ViewArgs, url: &str) -> Result<Site, Failure> {
    let (kubeconfig, context) = (args.input.kubeconfig.clone(), args.input.context.clone());
    let server = berth_live::Server { kubeconfig, context, master: Some(url.to_owned()) };
    let page = RemotePage::connect(&server, !args.insecure_skip_tls_verify);
    let page = page.map_err(|error| Failure::input(format!("--scheduler {url}: {error}")))?;
    Ok(Site::elsewhere(format!("scheduler at {url}"), Arc::new(page)))
}

/// The recording that is named, if one is.
///
/// # Errors
/// When other input is named beside it.
fn recording(args: &ViewArgs) -> Result<Option<&Path>, Failure> {
    let Some(file) = args.more.iter().chain(&args.input.files).find(|file| is_recording(file)) else {
        return Ok(None);
    };
    let inputs = args.more.len() + args.input.files.len() + args.input.kustomizations.len();
    let changes = args.changes.options();
    if inputs == 1 && changes.is_empty() {
        return Ok(Some(file));
    }
    let name = file.display();
    let problem = match changes.first() {
        Some((option, _)) => format!("{name} is a recording, and --{option} is given"),
        None => format!("{name} is a recording, and other input is named beside it"),
    };
    Err(Failure::input(problem).hint(format!("run: berth view {name}")))
}

/// Whether a file begins as a recording does. Nothing is read from pipes, whose contents can be read only once.
fn is_recording(file: &Path) -> bool {
    if !file.is_file() {
        return false;
    }
    let mut head = [0; RECORDING.len()];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *RECORDING
}

/// Serves the page until the process ends. `fragment` is the part of the address that names the first view.
fn serve(args: &ViewArgs, site: Site, fragment: &str) -> Result<ExitCode, Failure> {
    let server = Server::bind(args.listen).map_err(|error| Failure::input(error.to_string()))?;
    if !server.address().ip().is_loopback() && !args.input.reading.quiet {
        notice::warning(&format!(
            "everyone who reaches {} can read the objects; there is no authentication",
            server.address()
        ));
    }
    let url = format!("http://{}/{fragment}", server.address());
    output::text_out(&format!("{url}\n"))?;
    if args.open {
        open(&url);
    }
    server.run(site);
    Ok(ExitCode::SUCCESS)
}

/// Opens the page in a browser; says so if it cannot.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = command.spawn() {
        notice::warning(&format!("cannot open a browser with {program}: {}", words(&error)));
    }
}
