//! Scenarios: what is in a cluster, and what a user then does.
//!
//! A file holds a list of scenarios; the file's name is that of the family. The README in the folder of the files has
//! the format.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::manifest::{Briefs, OWN};

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows, a sentence. No other one of the family has it.
    pub name: String,
    /// The name of its file.
    pub family: String,
    /// The name of its namespace, and of its nodes' label.
    pub id: String,
    /// It is one of the few that a plain `cargo test` plays.
    pub is_fast: bool,
    /// Seconds without any change after which the cluster is at rest.
    pub quiet: f64,
    /// What is not compared, and why.
    pub except: BTreeMap<Aspect, String>,
    /// Its nodes.
    pub nodes: Vec<Value>,
    /// The objects at the beginning.
    pub before: Vec<Value>,
    /// What a user does then.
    pub steps: Vec<Action>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Aspect {
    /// `berth simulate`, with the last step as the question.
    Release,
    /// The same in virtual time.
    Time,
    /// The nodes of the pods.
    Nodes,
    /// The order in which the pods of StatefulSets are made and deleted.
    Order,
}

/// What a user does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Objects are applied.
    Apply(Vec<Value>),
    /// A workload gets another size.
    Scale {
        /// As in `Deployment`.
        kind: String,
        /// Its name.
        name: String,
        /// The size.
        count: i32,
    },
    /// An object is deleted, with all that it owns.
    Delete {
        /// As in `Deployment`.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Something happens to a node.
    Node(NodeAction, String),
    /// A node is added.
    Add(Box<Value>),
    /// Seconds pass.
    Wait(u64),
}

/// What happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeAction {
    /// The machine fails.
    Fail,
    /// It works again.
    Recover,
    /// It takes no new pods.
    Cordon,
    /// It takes pods again.
    Uncordon,
    /// It is cordoned, and its pods are evicted.
    Drain,
    /// Its object is deleted.
    Remove,
}

impl Scenario {
    /// Its family and name.
    pub fn title(&self) -> String {
        format!("{}: {}", self.family, self.name)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    fast: bool,
    #[serde(default)]
    quiet: Option<f64>,
    #[serde(default)]
    except: BTreeMap<Aspect, String>,
    #[serde(default)]
    nodes: Nodes,
    before: Vec<Value>,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Nodes {
    Count(usize),
    Each(Vec<Node>),
}

impl Default for Nodes {
    fn default() -> Self {
        Self::Count(2)
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Node {
    cpu: Option<Value>,
    labels: BTreeMap<String, String>,
    taints: Vec<Value>,
    cordoned: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Step {
    apply: Option<Vec<Value>>,
    scale: Option<String>,
    delete: Option<String>,
    fail: Option<String>,
    recover: Option<String>,
    cordon: Option<String>,
    uncordon: Option<String>,
    drain: Option<String>,
    remove: Option<String>,
    add: Option<Node>,
    wait: Option<u64>,
}

/// The folder of the scenarios.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Reads all scenarios, by family and in the order of the files.
///
/// # Errors
/// If a file cannot be read or is wrong; the error names the scenario.
pub fn read_all() -> Result<Vec<Scenario>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let family = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file)?;
        let written: Vec<Written> =
            serde_saphyr::from_str(&text).with_context(|| format!("{family}.yaml"))?;
        let mut names = BTreeSet::new();
        for (at, written) in written.into_iter().enumerate() {
            let name = written.name.clone();
            let in_family = || format!("{family}.yaml: {name}");
            ensure!(names.insert(name.clone()), "{}: the name is taken", in_family());
            all.push(scenario(written, &family, at).with_context(in_family)?);
        }
    }
    Ok(all)
}

fn scenario(written: Written, family: &str, place: usize) -> Result<Scenario> {
    let id = &*format!("{family}-{place}");
    let nodes = match written.nodes {
        Nodes::Count(count) => vec![Node::default(); count],
        Nodes::Each(nodes) => nodes,
    };
    let mut reader = Reader { id, briefs: Briefs::default(), nodes: 0 };
    let nodes = nodes.iter().map(|brief| reader.node(brief)).collect();
    let before = reader.manifests(&written.before)?;
    let steps = written.steps.into_iter().map(|step| reader.step(step)).collect::<Result<Vec<_>>>()?;
    ensure!(!steps.is_empty(), "there are no steps");
    let (name, is_fast) = (written.name, written.fast);
    let quiet = written.quiet.unwrap_or(2.5);
    let (id, family) = (id.to_owned(), family.to_owned());
    Ok(Scenario { name, family, id, is_fast, quiet, except: written.except, nodes, before, steps })
}

struct Reader<'a> {
    id: &'a str,
    briefs: Briefs,
    nodes: usize,
}

impl Reader<'_> {
    fn manifests(&mut self, briefs: &[Value]) -> Result<Vec<Value>> {
        briefs.iter().map(|brief| self.briefs.manifest(brief, self.id)).collect()
    }

    fn node(&mut self, brief: &Node) -> Value {
        let mut labels = json!({OWN: self.id, "topology.kubernetes.io/zone": self.id});
        for (key, value) in &brief.labels {
            labels[key] = json!(value);
        }
        let size = json!({"cpu": brief.cpu.clone().unwrap_or(json!(4)), "memory": "8Gi", "pods": "110"});
        let name = self.node_name(&format!("n{}", self.nodes));
        self.nodes += 1;
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
            "spec": {"taints": brief.taints, "unschedulable": brief.cordoned},
            "status": {"capacity": size, "allocatable": size},
        })
    }

    /// The name on the control plane of a node that a scenario calls `n0` and so on.
    fn node_name(&self, short: &str) -> String {
        format!("{}-{short}", self.id)
    }

    fn step(&mut self, step: Step) -> Result<Action> {
        let mut found = Vec::new();
        if let Some(briefs) = &step.apply {
            found.push(Action::Apply(self.manifests(briefs)?));
        }
        if let Some(text) = &step.scale {
            let (object, count) = text.split_once('=').context("scale: KIND/NAME=N is expected")?;
            let (kind, name) = object.split_once('/').context("scale: KIND/NAME=N is expected")?;
            found.push(Action::Scale { kind: kind.to_owned(), name: name.to_owned(), count: count.parse()? });
        }
        if let Some(text) = &step.delete {
            let (kind, name) = text.split_once('/').context("delete: KIND/NAME is expected")?;
            found.push(Action::Delete { kind: kind.to_owned(), name: name.to_owned() });
        }
        let of_nodes = [
            (NodeAction::Fail, step.fail),
            (NodeAction::Recover, step.recover),
            (NodeAction::Cordon, step.cordon),
            (NodeAction::Uncordon, step.uncordon),
            (NodeAction::Drain, step.drain),
            (NodeAction::Remove, step.remove),
        ];
        for (action, node) in of_nodes {
            found.extend(node.map(|node| Action::Node(action, self.node_name(&node))));
        }
        if let Some(brief) = &step.add {
            found.push(Action::Add(Box::new(self.node(brief))));
        }
        found.extend(step.wait.map(Action::Wait));
        match found.len() {
            1 => Ok(found.remove(0)),
            count => bail!("a step has one action, and this one has {count}"),
        }
    }
}
