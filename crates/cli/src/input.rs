//! What is simulated: files, folders, kustomizations and stdin, over a running cluster if one is asked, become a
//! cluster with pods that are pending.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use berth_engine::algorithm::Algorithm;
use berth_live::Server;
use berth_model::manifests::Manifests;
use berth_model::object::Kind;
use berth_model::selector::LabelSelector;
use berth_sim::plan::PRICE;
use berth_sim::selection::Selection;
use berth_sim::world::World;
use berth_wire::{Loader, Problems, Rules, Warnings};

use crate::changes::ChangeArgs;
use crate::failure::{Failure, words};
use crate::notice;

mod folder;
mod kustomize;

/// More than the objects of any cluster take; endless input must come to an end.
const MAX_BYTES: u64 = 4 << 30;
/// How many problems and warnings are printed before the rest is only counted.
const PRINTED: usize = 20;

/// Where objects are read from.
#[derive(Debug, clap::Args)]
pub(crate) struct InputArgs {
    /// Kubernetes objects in YAML or JSON: a file, a folder (with all folders below it), or - for stdin. Repeat it to
    /// read several: manifests are applied over the objects of a cluster, as kubectl apply does. If no object is a
    /// node, the cluster that kubectl uses is read too
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// A kustomization, which kubectl or kustomize renders; may be repeated
    #[arg(short = 'k', long = "kustomize", value_name = "DIR")]
    pub kustomizations: Vec<PathBuf>,
    /// Read a running cluster, and apply the objects of -f and -k over it
    #[arg(long)]
    pub live: bool,
    /// The context of the kubeconfig whose cluster is read; implies --live
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// The kubeconfig of the cluster that is read; implies --live [default: the one that kubectl uses]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Read no running cluster, even if the input has no nodes
    #[arg(long, conflicts_with_all = ["live", "context", "kubeconfig"])]
    pub offline: bool,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Which pods are shown.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SelectionArgs {
    /// Show only pods of this namespace. Objects in files that name no namespace belong to it, as with kubectl apply
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Show only pods whose labels match, as in app=web,tier!=cache
    #[arg(short = 'l', long = "selector", value_name = "SELECTOR", value_parser = LabelSelector::parse)]
    pub selector: Option<LabelSelector>,
}

impl SelectionArgs {
    /// The pods that are shown.
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            namespace: self.namespace.as_deref().map(Into::into),
            selector: self.selector.clone().unwrap_or_default(),
        }
    }
}

/// How objects are read.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadingArgs {
    /// Do not print warnings
    #[arg(short, long)]
    pub quiet: bool,
    /// Treat warnings about the input as errors
    #[arg(long)]
    pub strict: bool,
    /// Rules for custom resources that make pods, added to the built-in ones (docs/workloads.md describes the format);
    /// may be repeated
    #[arg(long, value_name = "FILE")]
    pub workloads: Vec<PathBuf>,
}

impl ReadingArgs {
    /// A loader with the rules for custom resources.
    ///
    /// # Errors
    /// When a file with rules cannot be used.
    pub(crate) fn loader(&self) -> Result<Loader, Failure> {
        let mut rules = Rules::default();
        for path in &self.workloads {
            let name = path.display();
            let text = fs::read_to_string(path).map_err(|e| Failure::unreadable(&name.to_string(), &e))?;
            rules.add(&text).map_err(|error| Failure::input(format!("{name}: {error}")))?;
        }
        Ok(Loader::new().with_rules(rules))
    }
}

/// The objects of the input.
#[derive(Clone)]
pub(crate) struct Objects {
    /// The objects.
    pub manifests: Manifests,
    warnings: Warnings,
    /// Why no running cluster could be asked for its nodes.
    without_cluster: Option<String>,
    /// The warnings were printed already.
    quiet: bool,
}

/// Reads everything and makes it a cluster, changed as asked for, with pods that are pending. `more` are paths after
/// those of `-f`.
///
/// # Errors
/// Everything that cannot be read or used, in the order of the input; with `--strict` also all warnings.
pub(crate) fn world(
    args: &InputArgs,
    more: &[PathBuf],
    pods: &SelectionArgs,
    changes: &ChangeArgs,
) -> Result<World, Failure> {
    read(args, more, pods)?.world(&args.reading, changes)
}

/// Reads everything. `more` are paths after those of `-f`.
///
/// # Errors
/// Everything that cannot be read.
pub(crate) fn read(args: &InputArgs, more: &[PathBuf], pods: &SelectionArgs) -> Result<Objects, Failure> {
    let reading = &args.reading;
    let mut problems = Vec::new();
    let mut loader = reading.loader()?.with_namespace(pods.namespace.as_deref());
    let server = Server { kubeconfig: args.kubeconfig.clone(), context: args.context.clone(), master: None };
    let nothing_named = args.files.is_empty() && more.is_empty() && args.kustomizations.is_empty();
    if nothing_named && args.offline {
        return Err(Failure::input("nothing to read: --offline needs files (-f) or a kustomization (-k)"));
    }
    let asked_for = args.live || args.context.is_some() || args.kubeconfig.is_some();
    if nothing_named || asked_for {
        read_cluster(&mut loader, &server, reading).map_err(|failure| match !asked_for {
            true => failure.hint("name files with -f to read no cluster"),
            false => failure,
        })?;
    }
    let mut stdin_read = false;
    for path in args.files.iter().chain(more) {
        if path.as_os_str() == "-" {
            if std::mem::replace(&mut stdin_read, true) {
                problems.push("stdin (-) is given twice, but can be read only once".to_string());
            } else if let Some(bytes) = bytes("stdin", io::stdin().lock(), &mut problems) {
                loader.read("stdin", &bytes);
            }
        } else if let Some(problem) = folder::to_render_first(path) {
            problems.push(problem);
        } else if path.is_dir() {
            for file in folder::files(path, &mut problems) {
                if let Some(bytes) = open(&file, &mut problems) {
                    loader.read_from_folder(&file.display().to_string(), &bytes);
                }
            }
        } else if let Some(bytes) = open(path, &mut problems) {
            loader.read(&path.display().to_string(), &bytes);
        }
    }
    for folder in &args.kustomizations {
        match kustomize::render(folder) {
            Ok(text) => loader.read(&format!("{} (rendered)", folder.display()), &text),
            Err(problem) => problems.push(problem),
        }
    }
    let mut without_cluster = None;
    if !nothing_named && !args.offline && problems.is_empty() && loader.lacks(Kind::Node) {
        let name = server.name();
        match read_cluster(&mut loader, &server, reading) {
            Ok(()) if reading.quiet => {}
            Ok(()) => notice::note(&format!("the input has no nodes, so the cluster of {name} is read")),
            Err(failure) => without_cluster = failure.problems.into_iter().next(),
        }
    }
    match loader.finish() {
        Ok((manifests, warnings)) if problems.is_empty() => {
            Ok(Objects { manifests, warnings, without_cluster, quiet: false })
        }
        Ok(_) => Err(Failure::inputs(problems)),
        Err(found) => {
            problems.extend(listed(&found));
            Err(Failure::inputs(problems))
        }
    }
}

/// Lists the objects of a running cluster.
///
/// # Errors
/// When it cannot be listed.
fn read_cluster(loader: &mut Loader, server: &Server, reading: &ReadingArgs) -> Result<(), Failure> {
    let take = |json: &str| {
        loader.read_json_object("cluster", json);
        Ok(())
    };
    let tell = |text: &str| {
        if !reading.quiet {
            notice::warning(text);
        }
    };
    berth_live::snapshot(server, &[PRICE.to_owned()], take, tell)
        .map_err(|error| Failure::input(error.to_string()))
}

impl Objects {
    /// Objects that are known already, so that nothing about them is odd.
    pub(crate) fn known(manifests: Manifests) -> Self {
        Self { manifests, warnings: Warnings::default(), without_cluster: None, quiet: true }
    }

    /// The same objects, of which no warning is printed again.
    pub(crate) fn quietly(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Makes them a cluster, changed as asked for, with pods that are pending, and prints what is odd about it.
    ///
    /// # Errors
    /// Everything that cannot be used; with `--strict` also all warnings.
    pub(crate) fn world(self, reading: &ReadingArgs, changes: &ChangeArgs) -> Result<World, Failure> {
        let (quiet, without_cluster) = (self.quiet, self.without_cluster.clone());
        let mut world = self.admitted(changes)?;
        if world.cluster.nodes().is_empty() {
            let why = without_cluster.map(|why| format!("; no cluster could be asked: {why}"));
            world.warnings.add_general(format!(
                "the input has no nodes, so that every pod stays pending: add those of a cluster (kubectl get nodes \
                 -o json, or berth snapshot){}",
                why.unwrap_or_default()
            ));
        }
        if reading.strict || !quiet {
            check(&world.warnings, reading)?;
        }
        Ok(world)
    }

    /// Makes them a cluster, changed as asked for; its warnings are all that is odd about the input.
    ///
    /// # Errors
    /// What an API server would refuse, and changes of what does not exist.
    pub(crate) fn admitted(self, changes: &ChangeArgs) -> Result<World, Failure> {
        let now = self.now();
        let Self { mut manifests, mut warnings, .. } = self;
        let changes = changes.apply(&mut manifests)?;
        let world = World::admitted(manifests, now).map_err(|found| Failure::inputs(listed(&found)))?;
        let mut world = world.changed(changes);
        warnings.extend(std::mem::take(&mut world.warnings));
        world.warnings = warnings;
        Ok(world)
    }

    /// The objects with the changes made, for a run in time. Prints what is odd about the input.
    ///
    /// # Errors
    /// Changes of what does not exist; with `--strict` also all warnings.
    pub(crate) fn changed(self, reading: &ReadingArgs, changes: &ChangeArgs) -> Result<Manifests, Failure> {
        let Self { mut manifests, warnings, .. } = self;
        check(&warnings, reading)?;
        changes.apply(&mut manifests)?;
        Ok(manifests)
    }

    /// The time against which measurements are fresh or stale.
    pub(crate) fn now(&self) -> Option<i64> {
        time_of(&self.manifests)
    }
}

/// Prints warnings; with `--strict` they are errors.
///
/// # Errors
/// The warnings, with `--strict`.
pub(crate) fn check(warnings: &Warnings, reading: &ReadingArgs) -> Result<(), Failure> {
    if reading.strict && !warnings.is_empty() {
        let failure = Failure::inputs(warnings.iter().map(ToString::to_string).collect());
        return Err(failure.hint("--strict treats warnings as errors"));
    }
    if !reading.quiet {
        tell(warnings);
    }
    Ok(())
}

/// The time of the newest measurement, against which the others age: a file means the same tomorrow.
fn time_of(manifests: &Manifests) -> Option<i64> {
    manifests.node_metrics.iter().filter_map(|entry| entry.value.timestamp).max()
}

fn listed(found: &Problems) -> Vec<String> {
    let mut lines: Vec<_> = found.iter().take(PRINTED).map(ToString::to_string).collect();
    if found.len() > PRINTED {
        lines.push(format!("and {} more", found.len() - PRINTED));
    }
    lines
}

fn open(file: &Path, problems: &mut Vec<String>) -> Option<Vec<u8>> {
    match fs::File::open(file) {
        Ok(opened) => bytes(&file.display().to_string(), opened, problems),
        Err(error) => {
            let is_algorithm = file.to_str().is_some_and(|name| name.parse::<Algorithm>().is_ok());
            let hint = if is_algorithm { " (algorithms of --compare are separated by commas)" } else { "" };
            problems.push(format!("{}: {}{hint}", file.display(), words(&error)));
            None
        }
    }
}

fn bytes(name: &str, from: impl Read, problems: &mut Vec<String>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match from.take(MAX_BYTES + 1).read_to_end(&mut bytes) {
        Err(error) => problems.push(format!("{name}: {}", words(&error))),
        Ok(count) if count as u64 > MAX_BYTES => {
            problems.push(format!("{name}: larger than {} GiB", MAX_BYTES >> 30));
        }
        Ok(_) => return Some(bytes),
    }
    None
}

fn tell(warnings: &Warnings) {
    for warning in warnings.iter().take(PRINTED) {
        notice::warning(&warning.to_string());
    }
    if warnings.len() > PRINTED {
        notice::warning(&format!("and {} more (-o json lists all)", warnings.len() - PRINTED));
    }
}
