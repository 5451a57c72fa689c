//! Workload files: which objects there are, which pods are to be placed, and what changes meanwhile.
//!
//! The form follows upstream's scheduler_perf: a list of ops over templates, with parameters by size. `bench/README.md`
//! describes it; `bench/workloads/` holds the files that come with the program.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::expression::{Expression, Variables};

/// What is wrong with a workload file, or with what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// The text is not a workload.
    #[error("{file}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// What was found and what is allowed, with the line.
        message: String,
    },
    /// A field has no sense.
    #[error("{file}: {path}: {message}")]
    Field {
        /// The file.
        file: String,
        /// The path of the field, as in `ops[2].createPods.template`.
        path: String,
        /// What was found and what is allowed.
        message: String,
    },
    /// There is no workload of that name.
    #[error("no workload is named \"{name}\"; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
}

/// A workload, as read from its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workload {
    /// Its name, in lower case.
    pub name: String,
    /// What it measures, in a sentence.
    pub summary: String,
    /// The scheduler_perf test whose shape it has.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Manifests by name: inline, or the path of a file beside the workload.
    pub templates: BTreeMap<String, Value>,
    /// Parameters by size; a value is a number or an expression over `n`, the number of nodes that was asked for.
    pub sizes: BTreeMap<String, BTreeMap<String, Number>>,
    /// What happens, in order.
    pub ops: Vec<Op>,
    /// Where it was read from, for messages.
    #[serde(skip)]
    pub file: String,
}

/// A number, or an expression that gives one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A number.
    Plain(i64),
    /// An expression.
    Text(String),
}

impl Number {
    /// Compiles it.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn compile(&self, parameters: &BTreeMap<String, i64>) -> Result<Expression, String> {
        match self {
            Number::Plain(n) => Ok(Expression::Number(*n)),
            Number::Text(text) => Expression::parse(text, parameters),
        }
    }
}

/// One step of a workload.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Op {
    /// Namespaces `PREFIX-0`, `PREFIX-1`, …
    CreateNamespaces(CreateNamespaces),
    /// Nodes.
    CreateNodes(CreateNodes),
    /// Pods, to be placed or running already.
    CreatePods(CreatePods),
    /// Objects of any other kind.
    CreateObjects(CreateObjects),
    /// Changes while the measured pods that follow are placed.
    Churn(Churn),
    /// All pods that wait are asked about, in the order of the queue.
    Barrier(Barrier),
}

/// `createNamespaces`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateNamespaces {
    /// How many.
    pub count: Number,
    /// What their names begin with.
    pub prefix: String,
    /// Their template; without one they have no labels.
    #[serde(default)]
    pub template: Option<String>,
}

/// `createNodes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateNodes {
    /// How many.
    pub count: Number,
    /// Their template. The label `kubernetes.io/hostname` is set to the node's name.
    pub template: String,
    /// What their names begin with.
    #[serde(default = "node")]
    pub prefix: String,
    /// Templates of objects that each node brings, such as its `CSINode`.
    #[serde(default)]
    pub companions: Vec<String>,
}

/// `createPods`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePods {
    /// How many.
    pub count: Number,
    /// Their templates, used in turns.
    pub templates: Vec<String>,
    /// What their names begin with.
    pub prefix: String,
    /// Their namespace; may have holes.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Whether they count: the clock runs from the first measured pod on.
    #[serde(default)]
    pub measured: bool,
    /// They run already, on the node of this number (counted over all nodes in their order).
    #[serde(default)]
    pub on_node: Option<Number>,
    /// Whether each is asked about at once; otherwise they wait for the barrier and are asked by priority.
    #[serde(default = "yes")]
    pub at_once: bool,
    /// They are never asked about: a scheduling gate holds them.
    #[serde(default)]
    pub gated: bool,
    /// Templates of objects that each pod brings, such as its claim and volume.
    #[serde(default)]
    pub companions: Vec<String>,
}

/// `createObjects`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateObjects {
    /// How many.
    #[serde(default = "one")]
    pub count: Number,
    /// Their template.
    pub template: String,
    /// What their names begin with.
    pub prefix: String,
    /// Their namespace, where their kind has one; may have holes.
    #[serde(default = "default_namespace")]
    pub namespace: String,
}

/// `churn`: one round after every so many measured pods.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "mode", rename_all = "camelCase", deny_unknown_fields)]
pub enum Churn {
    /// A round creates one object of each template. Pods are asked about at once.
    Create {
        /// After how many measured pods a round comes.
        every: Number,
        /// What is created.
        templates: Vec<String>,
        /// The namespace of what is created.
        #[serde(default = "default_namespace")]
        namespace: String,
    },
    /// A round creates one object of each template, the next removes them again, and so on.
    Recreate {
        /// After how many measured pods a round comes.
        every: Number,
        /// What is created.
        templates: Vec<String>,
        /// The namespace of what is created.
        #[serde(default = "default_namespace")]
        namespace: String,
    },
    /// A round replaces a node by what another template makes of it.
    Update {
        /// After how many measured pods a round comes.
        every: Number,
        /// Which node, counted over all nodes in their order.
        node: Number,
        /// The templates, used in turns.
        templates: Vec<String>,
    },
    /// A round removes one pod, in the order of their numbers, until none is left.
    Delete {
        /// After how many measured pods a round comes.
        every: Number,
        /// The prefix of the pods.
        prefix: String,
        /// The namespace of the pods.
        #[serde(default = "default_namespace")]
        namespace: String,
    },
}

/// `barrier`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barrier {}

/// `n` is the number of nodes here: only `true` and `false` are booleans.
fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true })
}

fn node() -> String {
    "node".into()
}

fn default_namespace() -> String {
    "default".into()
}

fn yes() -> bool {
    true
}

fn one() -> Number {
    Number::Plain(1)
}

impl Workload {
    /// Reads a workload. `open` gives the text of a template's file, by the path that the workload names.
    ///
    /// # Errors
    /// When the text is not a workload, or a template cannot be read.
    pub fn parse(
        file: &str,
        text: &str,
        open: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Workload, WorkloadError> {
        let syntax = |message: String| WorkloadError::Syntax { file: file.to_string(), message };
        let mut workload: Workload = yaml(text).map_err(|e| syntax(e.to_string()))?;
        workload.file = file.to_string();
        for (name, manifest) in &mut workload.templates {
            let Value::String(path) = manifest else { continue };
            let field = |message: String| WorkloadError::Field {
                file: file.to_string(),
                path: format!("templates.{name}"),
                message,
            };
            let text = open(path).map_err(|e| field(format!("cannot read {path}: {e}")))?;
            *manifest = yaml(&text).map_err(|e| field(format!("{path}: {e}")))?;
        }
        Ok(workload)
    }

    /// The parameters of a size, where `n` is the number of nodes that was asked for.
    ///
    /// # Errors
    /// When there is no such size, or an expression in it is wrong.
    pub fn parameters(&self, size: &str, n: Option<i64>) -> Result<BTreeMap<String, i64>, WorkloadError> {
        let Some(values) = self.sizes.get(size) else {
            let known: Vec<&str> = self.sizes.keys().map(String::as_str).collect();
            let message = format!("has no size \"{size}\"; there are {}", known.join(", "));
            return Err(self.field("sizes", message));
        };
        let known: BTreeMap<String, i64> = n.map(|n| ("n".to_string(), n)).into_iter().collect();
        let mut parameters = known.clone();
        for (name, number) in values {
            let path = || format!("sizes.{size}.{name}");
            let value = number.compile(&known).map_err(|message| self.field(path(), message))?;
            let value = value.constant().ok_or_else(|| self.field(path(), "may not vary".into()))?;
            parameters.insert(name.clone(), value);
        }
        Ok(parameters)
    }

    pub(crate) fn field(&self, path: impl Into<String>, message: String) -> WorkloadError {
        WorkloadError::Field { file: self.file.clone(), path: path.into(), message }
    }

    pub(crate) fn count(
        &self,
        number: &Number,
        parameters: &BTreeMap<String, i64>,
        path: &str,
    ) -> Result<i64, WorkloadError> {
        let value = number.compile(parameters).map_err(|message| self.field(path, message))?;
        let value = match value {
            Expression::Number(n) => n,
            varies => varies.value(Variables::default()),
        };
        if value < 0 {
            return Err(self.field(path, format!("is {value}; expected 0 or more")));
        }
        Ok(value)
    }
}
