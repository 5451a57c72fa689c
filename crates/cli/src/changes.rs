//! Changes of the cluster that `simulate`, `explain` and `fit` take as flags, in the order in which they are given.

use std::fs;
use std::path::{Path, PathBuf};

use berth_controllers::autoscaler::Mode;
use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::node::TaintEffect;
use berth_model::selector::LabelSelector;
use berth_model::workload::WorkloadKind;
use berth_sim::change::untaint::TaintSet;
use berth_sim::change::{
    self, Change, Changes, DrainOptions, NewNodes, NodeQuery, NodeSet, NodeTemplate, Scale,
};
use berth_sim::world::autoscale;
use berth_wire::Loader;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::failure::Failure;

/// The workloads that can be scaled, with the names that kubectl knows.
pub(crate) const SCALED: [(WorkloadKind, &[&str]); 7] = [
    (WorkloadKind::Deployment, &["deploy", "deployment", "deployments", "deployment.apps"]),
    (WorkloadKind::StatefulSet, &["sts", "statefulset", "statefulsets", "statefulset.apps"]),
    (WorkloadKind::ReplicaSet, &["rs", "replicaset", "replicasets", "replicaset.apps"]),
    (WorkloadKind::ReplicationController, &["rc", "replicationcontroller", "replicationcontrollers"]),
    (WorkloadKind::Job, &["job", "jobs", "job.batch"]),
    (WorkloadKind::DaemonSet, &["ds", "daemonset", "daemonsets", "daemonset.apps"]),
    (WorkloadKind::CronJob, &["cj", "cronjob", "cronjobs", "cronjob.batch"]),
];

/// What the help calls the flags.
const HEADING: &str = "Changes of the cluster (repeatable; made in the given order)";

/// The flags as clap reads them.
#[derive(Debug, clap::Args)]
struct Flags {
    /// These nodes are gone, and their pods are made again by their controllers. NODES is a name, zone=ZONE or a label
    /// selector such as pool=spot,gpu!=a100
    #[arg(long, help_heading = HEADING, value_name = "NODES", value_parser = node_set)]
    without: Vec<NodeSet>,
    /// These nodes are cordoned: they take no new pods
    #[arg(long, help_heading = HEADING, value_name = "NODES", value_parser = node_set)]
    cordon: Vec<NodeSet>,
    /// These nodes are drained as kubectl drain --ignore-daemonsets does, after all other changes. Disruption budgets
    /// are respected; a drain that they block is reported, with exit code 1
    #[arg(long, help_heading = HEADING, value_name = "NODES", value_parser = node_set)]
    drain: Vec<NodeSet>,
    /// These taints are removed, as kubectl taint does: KEY, KEY:EFFECT or KEY=VALUE:EFFECT; @NODES after it names the
    /// nodes, as in dedicated=ml:NoSchedule@zone=a, and without it all nodes lose the taint
    #[arg(long, help_heading = HEADING, value_name = "TAINT[@NODES]", value_parser = taint_set)]
    untaint: Vec<TaintSet>,
    /// COUNT more nodes like the one in FILE, or like a node of the cluster (COUNT=node/NAME)
    #[arg(long, help_heading = HEADING, value_name = "COUNT=FILE", value_parser = addition)]
    add: Vec<Addition>,
    /// A workload gets another number of pods, as in deploy/web=20, sts/shop/db=3 or job/render=8 (parallelism)
    #[arg(long, help_heading = HEADING, value_name = "KIND/NAME=N", value_parser = scale)]
    scale: Vec<Scale>,
    /// The size that every HorizontalPodAutoscaler is assumed to choose: min, max, or the current one within these
    /// bounds [default: current]
    #[arg(long, help_heading = HEADING, value_name = "SIZE", value_parser = ["current", "min", "max"])]
    hpa: Option<String>,
    /// With --drain: also delete pods without a controller, which are lost
    #[arg(long, help_heading = HEADING, requires = "drain")]
    force: bool,
    /// With --drain: also delete pods with an emptyDir volume
    #[arg(long, help_heading = HEADING, requires = "drain")]
    delete_emptydir_data: bool,
}

/// A change whose template may have to be read first.
#[derive(Clone, Debug)]
enum Asked {
    Known(Change),
    Add(Addition),
}

/// Nodes to add.
#[derive(Clone, Debug)]
struct Addition {
    text: String,
    count: usize,
    template: String,
}

/// Changes of the cluster, in the order of the command line.
#[derive(Debug, Default)]
pub(crate) struct ChangeArgs {
    asked: Vec<Asked>,
    options: DrainOptions,
    /// The size that autoscalers are assumed to choose.
    autoscalers: Mode,
}

impl Args for ChangeArgs {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}

impl FromArgMatches for ChangeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Flags { without, cordon, drain, untaint, add, scale, hpa, force, delete_emptydir_data } =
            Flags::from_arg_matches(matches)?;
        let mut asked: Vec<(usize, Asked)> = Vec::new();
        let mut take = |flag: &str, all: Vec<Asked>| {
            asked.extend(matches.indices_of(flag).into_iter().flatten().zip(all));
        };
        let known = |change| Asked::Known(change);
        take("without", without.into_iter().map(Change::Without).map(known).collect());
        take("cordon", cordon.into_iter().map(Change::Cordon).map(known).collect());
        take("drain", drain.into_iter().map(Change::Drain).map(known).collect());
        take("untaint", untaint.into_iter().map(Change::Untaint).map(known).collect());
        take("add", add.into_iter().map(Asked::Add).collect());
        take("scale", scale.into_iter().map(Change::Scale).map(known).collect());
        asked.sort_by_key(|(at, _)| *at);
        let options = DrainOptions { force, delete_empty_dir: delete_emptydir_data };
        let autoscalers = match hpa.as_deref() {
            Some("min") => Mode::Min,
            Some("max") => Mode::Max,
            _ => Mode::Current,
        };
        Ok(Self { asked: asked.into_iter().map(|(_, change)| change).collect(), options, autoscalers })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl ChangeArgs {
    /// Whether there is a drain, which acts only after all pods were tried.
    pub(crate) fn has_drain(&self) -> bool {
        self.asked.iter().any(|asked| matches!(asked, Asked::Known(Change::Drain(_))))
    }

    /// Whether nodes are added.
    pub(crate) fn has_additions(&self) -> bool {
        self.asked.iter().any(|asked| matches!(asked, Asked::Add(_)))
    }

    /// The first addition of nodes whose template is a file, as in `3=node.yaml`.
    pub(crate) fn template_file(&self) -> Option<&str> {
        self.asked.iter().find_map(|asked| match asked {
            Asked::Add(addition) => addition.existing_node().is_none().then_some(&*addition.text),
            Asked::Known(_) => None,
        })
    }

    /// The changes as options of the command line and their values, in their order.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let option = |asked: &Asked| match asked {
            Asked::Known(Change::Without(set)) => ("without", set.text.clone()),
            Asked::Known(Change::Cordon(set)) => ("cordon", set.text.clone()),
            Asked::Known(Change::Drain(set)) => ("drain", set.text.clone()),
            Asked::Known(Change::Untaint(set)) => ("untaint", set.text.clone()),
            Asked::Known(Change::Add(new)) => ("add", new.text.clone()),
            Asked::Known(Change::Scale(scale)) => ("scale", scale.text.clone()),
            Asked::Add(addition) => ("add", addition.text.clone()),
        };
        let flag = |is_set: bool, name| is_set.then(|| (name, String::new()));
        let DrainOptions { force, delete_empty_dir } = self.options;
        let flags = [flag(force, "force"), flag(delete_empty_dir, "delete-emptydir-data")];
        let all = self.asked.iter().map(option).chain(flags.into_iter().flatten());
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The same changes without the nodes that are added.
    pub(crate) fn without_additions(&self) -> Self {
        let others = self.asked.iter().filter(|asked| !matches!(asked, Asked::Add(_)));
        Self { asked: others.cloned().collect(), ..*self }
    }

    /// Changes what was read.
    ///
    /// # Errors
    /// When a template cannot be read, or a change names what does not exist; all such problems are listed.
    pub(crate) fn apply(&self, manifests: &mut Manifests) -> Result<Changes, Failure> {
        autoscale(manifests, self.autoscalers);
        if self.asked.is_empty() {
            return Ok(Changes::default());
        }
        let change = |asked: &Asked| match asked {
            Asked::Known(change) => Ok(change.clone()),
            Asked::Add(addition) => addition.read().map(Change::Add),
        };
        let changes = self.asked.iter().map(change).collect::<Result<Vec<_>, _>>()?;
        change::apply(manifests, &changes, self.options).map_err(Failure::inputs)
    }
}

impl Addition {
    /// The name of the node of the cluster that is the template, if it is no file.
    fn existing_node(&self) -> Option<&str> {
        self.template.strip_prefix("node/").filter(|_| !Path::new(&self.template).exists())
    }

    /// Reads the template.
    fn read(&self) -> Result<NewNodes, Failure> {
        let template = match self.existing_node() {
            Some(name) => NodeTemplate::Existing(name.into()),
            None => read_template(&PathBuf::from(&self.template))?,
        };
        Ok(NewNodes { text: self.text.clone(), count: self.count, template })
    }
}

fn read_template(path: &Path) -> Result<NodeTemplate, Failure> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| Failure::unreadable(&name, &error))?;
    let mut loader = Loader::new();
    loader.read(&name, &bytes);
    let (mut manifests, _) = loader
        .finish()
        .map_err(|problems| Failure::inputs(problems.iter().map(ToString::to_string).collect()))?;
    let count = manifests.nodes.len();
    match (manifests.nodes.pop(), count) {
        (Some(entry), 1) => Ok(NodeTemplate::Node(Box::new(entry.value), entry.place)),
        _ => Err(Failure::input(format!(
            "{name}: holds {count} nodes, but --add takes exactly one as a template"
        ))
        .hint("kubectl get node NAME -o yaml writes one; --add COUNT=node/NAME takes one of the cluster")),
    }
}

/// Reads `node/NAME`, `NAME` or a label selector.
pub(crate) fn node_set(text: &str) -> Result<NodeSet, String> {
    let query = match text.split_once('/') {
        Some(("node" | "nodes" | "no", name)) if !name.contains('=') => NodeQuery::Name(name.into()),
        _ if text.contains(['=', '!', ',', '(', '<', '>', ' ']) => {
            NodeQuery::Labels(LabelSelector::parse(text).map_err(|error| error.to_string())?)
        }
        _ => NodeQuery::Name(text.into()),
    };
    if query == NodeQuery::Name(Str::default()) {
        return Err("expected a node's name or a label selector".to_owned());
    }
    Ok(NodeSet { text: text.to_owned(), query })
}

/// Reads `KEY[=VALUE][:EFFECT][@NODES]`.
fn taint_set(text: &str) -> Result<TaintSet, String> {
    let expected =
        || "expected KEY, KEY:EFFECT or KEY=VALUE:EFFECT, as in dedicated=ml:NoSchedule".to_owned();
    let (taint, nodes) = match text.split_once('@') {
        Some((taint, nodes)) => (taint, Some(node_set(nodes)?)),
        None => (text, None),
    };
    let (label, effect) = match taint.split_once(':') {
        Some((label, effect)) => (label, Some(effect)),
        None => (taint, None),
    };
    let effect = match effect {
        None => None,
        Some("NoSchedule") => Some(TaintEffect::NoSchedule),
        Some("PreferNoSchedule") => Some(TaintEffect::PreferNoSchedule),
        Some("NoExecute") => Some(TaintEffect::NoExecute),
        Some(other) => {
            return Err(format!("{other:?} is no effect; there is NoSchedule, PreferNoSchedule, NoExecute"));
        }
    };
    let (key, value) = match label.split_once('=') {
        Some((key, value)) => (key, Some(value.into())),
        None => (label, None),
    };
    if key.is_empty() {
        return Err(expected());
    }
    Ok(TaintSet { text: text.to_owned(), key: key.into(), value, effect, nodes })
}

/// Reads `COUNT=FILE`.
fn addition(text: &str) -> Result<Addition, String> {
    let expected = || "expected COUNT=FILE, as in 3=node.yaml, or COUNT=node/NAME".to_owned();
    let (count, template) = text.split_once('=').ok_or_else(expected)?;
    let count = count.trim().parse().ok().filter(|count| (1..=1_000_000).contains(count));
    let (Some(count), false) = (count, template.is_empty()) else { return Err(expected()) };
    Ok(Addition { text: text.to_owned(), count, template: template.to_owned() })
}

/// Reads `KIND/NAME=N` or `KIND/NAMESPACE/NAME=N`.
pub(crate) fn scale(text: &str) -> Result<Scale, String> {
    let expected = || "expected KIND/NAME=N or KIND/NAMESPACE/NAME=N, as in deploy/web=20".to_owned();
    let (object, count) = text.rsplit_once('=').ok_or_else(expected)?;
    let count = count.trim().parse().ok().filter(|count: &i32| *count >= 0).ok_or_else(expected)?;
    let parts: Vec<&str> = object.split('/').collect();
    let (kind, namespace, name) = match parts.as_slice() {
        [kind, name] => (kind, None, name),
        [kind, namespace, name] => (kind, Some(Str::from(*namespace)), name),
        _ => return Err(expected()),
    };
    let is_named = |(_, names): &&(WorkloadKind, &[&str])| names.contains(&kind.to_lowercase().as_str());
    let Some((kind, _)) = SCALED.iter().find(is_named) else {
        let names: Vec<&str> = SCALED.iter().map(|(_, names)| names[0]).collect();
        return Err(format!("{kind:?} is no kind of workload; there is {}", names.join(", ")));
    };
    Ok(Scale { text: text.to_owned(), kind: *kind, namespace, name: (*name).into(), count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_or_selected() {
        let name = |text: &str| NodeQuery::Name(text.into());
        assert_eq!(node_set("node/n1").unwrap().query, name("n1"));
        assert_eq!(node_set("n1.example").unwrap().query, name("n1.example"));
        for selector in ["zone=a", "example.com/pool=spot", "node.x/y=z", "!gpu", "a in (b,c)"] {
            assert!(matches!(node_set(selector).unwrap().query, NodeQuery::Labels(_)), "{selector}");
        }
        for wrong in ["", "node/", "=a"] {
            assert!(node_set(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn taints_have_a_key_and_perhaps_more() {
        let read = taint_set("gpu=a100:NoExecute@zone=a").unwrap();
        assert_eq!((&*read.key, read.value.as_deref()), ("gpu", Some("a100")));
        assert_eq!(read.effect, Some(TaintEffect::NoExecute));
        assert_eq!(read.nodes.unwrap().text, "zone=a");
        let read = taint_set("example.com/spot").unwrap();
        assert_eq!((&*read.key, read.value, read.effect, read.nodes), ("example.com/spot", None, None, None));
        for wrong in ["", ":NoSchedule", "=a", "gpu:Never", "gpu@"] {
            assert!(taint_set(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_and_additions_need_all_parts() {
        let read = scale("deploy/shop/web=20").unwrap();
        assert_eq!((read.kind, read.count, &*read.name), (WorkloadKind::Deployment, 20, "web"));
        assert_eq!(read.namespace.as_deref(), Some("shop"));
        for wrong in ["web=3", "deploy/web", "deploy/web=-1", "deploy/web=x", "pod/a=1", "a/b/c/d=1"] {
            assert!(scale(wrong).is_err(), "{wrong}");
        }
        assert_eq!(addition("3=a=b.yaml").unwrap().template, "a=b.yaml");
        for wrong in ["node.yaml", "0=a", "x=a", "3="] {
            assert!(addition(wrong).is_err(), "{wrong}");
        }
    }
}
