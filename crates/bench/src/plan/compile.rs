//! From a workload to a program: parameters filled in, templates compiled, names of nodes known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::churn::{Churning, Every};
use super::steps::{CreateSteps, NodeNames, PodSteps};
use crate::expression::Expression;
use crate::template::Template;
use crate::workload::{Churn, CreateNodes, CreatePods, Number, Op, Workload, WorkloadError};

/// Kinds without a namespace; all others get one.
const CLUSTER_KINDS: [&str; 9] = [
    "Node",
    "Namespace",
    "PersistentVolume",
    "StorageClass",
    "CSINode",
    "CSIDriver",
    "PriorityClass",
    "DeviceClass",
    "ResourceSlice",
];

/// A workload at one size.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) ops: Vec<Compiled>,
    pub(super) nodes: NodeNames,
    pub(super) measured: i64,
}

#[derive(Debug)]
pub(super) enum Compiled {
    Create(CreateSteps),
    Pods(Arc<PodSteps>),
    Churn(Churning),
    Barrier,
}

/// What compiling an op needs.
struct Scope<'a> {
    workload: &'a Workload,
    parameters: BTreeMap<String, i64>,
    path: String,
}

impl Program {
    pub(super) fn compile(workload: &Workload, size: &str, n: Option<i64>) -> Result<Self, WorkloadError> {
        let parameters = workload.parameters(size, n)?;
        let mut scope = Scope { workload, parameters, path: String::new() };
        let mut program = Program { ops: Vec::new(), nodes: NodeNames::default(), measured: 0 };
        let mut prefixes = BTreeSet::new();
        let mut pods = BTreeMap::new();
        for (at, op) in workload.ops.iter().enumerate() {
            scope.path = format!("ops[{at}].{}", op_name(op));
            let compiled = match op {
                Op::CreateNodes(nodes) => {
                    let steps = scope.nodes(nodes)?;
                    scope.unique(&mut prefixes, "node", &nodes.prefix)?;
                    program.nodes.add(&nodes.prefix, steps.count);
                    Compiled::Create(steps)
                }
                Op::CreateNamespaces(op) => Compiled::Create(scope.create(
                    &op.count,
                    &op.prefix,
                    scope.namespace_manifest(op.template.as_deref())?,
                    "",
                    true,
                )?),
                Op::CreateObjects(op) => {
                    let manifest = scope.manifest(&op.template, None)?;
                    Compiled::Create(scope.create(&op.count, &op.prefix, manifest, &op.namespace, false)?)
                }
                Op::CreatePods(op) => {
                    scope.unique(&mut prefixes, &op.namespace, &op.prefix)?;
                    let steps = scope.pods(op)?;
                    pods.insert((op.namespace.clone(), op.prefix.clone()), steps.count);
                    if steps.measured {
                        program.measured += steps.count;
                    }
                    Compiled::Pods(Arc::new(steps))
                }
                Op::Churn(churn) => Compiled::Churn(scope.churn(churn, at, &pods)?),
                Op::Barrier(_) => Compiled::Barrier,
            };
            program.ops.push(compiled);
        }
        if program.measured == 0 {
            return Err(workload.field("ops", "measures nothing: no createPods has measured: true".into()));
        }
        Ok(program)
    }
}

fn op_name(op: &Op) -> &'static str {
    match op {
        Op::CreateNamespaces(_) => "createNamespaces",
        Op::CreateNodes(_) => "createNodes",
        Op::CreatePods(_) => "createPods",
        Op::CreateObjects(_) => "createObjects",
        Op::Churn(_) => "churn",
        Op::Barrier(_) => "barrier",
    }
}

impl Scope<'_> {
    fn error(&self, field: &str, message: String) -> WorkloadError {
        self.workload.field(format!("{}.{field}", self.path), message)
    }

    fn unique(
        &self,
        seen: &mut BTreeSet<(String, String)>,
        space: &str,
        prefix: &str,
    ) -> Result<(), WorkloadError> {
        if seen.insert((space.to_string(), prefix.to_string())) {
            return Ok(());
        }
        Err(self.error("prefix", format!("\"{prefix}\" is taken by an earlier op; names would repeat")))
    }

    fn count(&self, number: &Number) -> Result<i64, WorkloadError> {
        self.workload.count(number, &self.parameters, &format!("{}.count", self.path))
    }

    /// A template's manifest, checked to be an object, of the kind where one is given.
    fn manifest(&self, name: &str, kind: Option<&str>) -> Result<Map<String, Value>, WorkloadError> {
        let Some(manifest) = self.workload.templates.get(name) else {
            let known: Vec<&str> = self.workload.templates.keys().map(String::as_str).collect();
            let message = format!("no template is named \"{name}\"; there are {}", known.join(", "));
            return Err(self.error("template", message));
        };
        let path = |field: &str| format!("templates.{name}{field}");
        let Value::Object(fields) = manifest else {
            return Err(self.workload.field(path(""), "is no object; expected a manifest".into()));
        };
        let found = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
        match kind {
            Some(kind) if kind != found => {
                let message = format!("is \"{found}\"; {} needs {kind}", self.path);
                Err(self.workload.field(path(".kind"), message))
            }
            _ if found.is_empty() => Err(self.workload.field(path(".kind"), "is missing".into())),
            _ => Ok(fields.clone()),
        }
    }

    /// Compiles a manifest under its object's name and namespace, unless it has its own.
    fn template(&self, name: &str, mut fields: Map<String, Value>) -> Result<Template, WorkloadError> {
        let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default().to_string();
        let metadata = child(&mut fields, "metadata");
        metadata.entry("name").or_insert(json!("${name}"));
        if !CLUSTER_KINDS.contains(&kind.as_str()) {
            metadata.entry("namespace").or_insert(json!("${namespace}"));
        }
        let compiled = Template::compile(&Value::Object(fields), &self.parameters);
        compiled.map_err(|(at, message)| self.workload.field(format!("templates.{name}.{at}"), message))
    }

    fn text(&self, text: &str, field: &str) -> Result<Template, WorkloadError> {
        Template::compile_text(text, &self.parameters).map_err(|message| self.error(field, message))
    }

    fn companions(&self, names: &[String]) -> Result<Vec<Template>, WorkloadError> {
        names.iter().map(|name| self.template(name, self.manifest(name, None)?)).collect()
    }

    fn namespace_manifest(&self, template: Option<&str>) -> Result<Map<String, Value>, WorkloadError> {
        match template {
            Some(name) => self.manifest(name, Some("Namespace")),
            None => Ok(Map::from_iter([
                ("apiVersion".to_string(), json!("v1")),
                ("kind".to_string(), json!("Namespace")),
            ])),
        }
    }

    fn create(
        &self,
        count: &Number,
        prefix: &str,
        manifest: Map<String, Value>,
        namespace: &str,
        short: bool,
    ) -> Result<CreateSteps, WorkloadError> {
        Ok(CreateSteps {
            count: self.count(count)?,
            prefix: prefix.to_string(),
            short,
            namespace: self.text(namespace, "namespace")?,
            template: self.template(prefix, manifest)?,
            companions: Vec::new(),
        })
    }

    fn nodes(&self, op: &CreateNodes) -> Result<CreateSteps, WorkloadError> {
        Ok(CreateSteps {
            count: self.count(&op.count)?,
            prefix: op.prefix.clone(),
            short: false,
            namespace: self.text("", "namespace")?,
            template: self.node_template(&op.template)?,
            companions: self.companions(&op.companions)?,
        })
    }

    fn node_template(&self, name: &str) -> Result<Template, WorkloadError> {
        let mut manifest = self.manifest(name, Some("Node"))?;
        let labels = child(child(&mut manifest, "metadata"), "labels");
        labels.insert("kubernetes.io/hostname".into(), json!("${name}"));
        let status = child(&mut manifest, "status");
        if let Some(capacity) = status.get("capacity").cloned() {
            status.entry("allocatable").or_insert(capacity);
        }
        self.template(name, manifest)
    }

    fn pods(&self, op: &CreatePods) -> Result<PodSteps, WorkloadError> {
        if op.templates.is_empty() {
            return Err(self.error("templates", "is empty".into()));
        }
        if op.measured && (op.on_node.is_some() || op.gated) {
            return Err(self
                .error("measured", "goes with pods that are asked about: not with onNode or gated".into()));
        }
        let on_node = op
            .on_node
            .as_ref()
            .map(|node| node.compile(&self.parameters).map_err(|message| self.error("onNode", message)));
        let templates = op.templates.iter().map(|name| self.pod_template(name, op.on_node.is_some()));
        Ok(PodSteps {
            count: self.count(&op.count)?,
            prefix: op.prefix.clone(),
            namespace: self.text(&op.namespace, "namespace")?,
            on_node: on_node.transpose()?,
            exists: op.on_node.is_some() || op.gated,
            at_once: op.at_once,
            measured: op.measured,
            templates: templates.collect::<Result<_, _>>()?,
            companions: self.companions(&op.companions)?,
        })
    }

    /// A pod's template, and the expression of its priority.
    pub(super) fn pod_template(
        &self,
        name: &str,
        bound: bool,
    ) -> Result<(Template, Expression), WorkloadError> {
        let mut manifest = self.manifest(name, Some("Pod"))?;
        child(&mut manifest, "metadata").insert("uid".into(), json!("${namespace}.${name}"));
        let spec = child(&mut manifest, "spec");
        let priority = match spec.get("priority") {
            Some(Value::String(text)) => Expression::parse(text.trim_start_matches('='), &self.parameters)
                .map_err(|message| self.workload.field(format!("templates.{name}.spec.priority"), message))?,
            Some(Value::Number(number)) => Expression::Number(number.as_i64().unwrap_or(0)),
            _ => Expression::Number(0),
        };
        if bound {
            spec.insert("nodeName".into(), json!("${node}"));
            child(&mut manifest, "status").insert("phase".into(), json!("Running"));
        }
        Ok((self.template(name, manifest)?, priority))
    }

    fn churn(
        &self,
        churn: &Churn,
        at: usize,
        pods: &BTreeMap<(String, String), i64>,
    ) -> Result<Churning, WorkloadError> {
        let every = |number: &Number| {
            let path = format!("{}.every", self.path);
            let every = self.workload.count(number, &self.parameters, &path)?;
            Every::new(every).ok_or_else(|| self.workload.field(path, "is 0; expected 1 or more".into()))
        };
        Ok(match churn {
            Churn::Create { every: n, templates, namespace } => {
                Churning::create(every(n)?, false, namespace, at, self.churn_objects(templates)?)
            }
            Churn::Recreate { every: n, templates, namespace } => {
                Churning::create(every(n)?, true, namespace, at, self.churn_objects(templates)?)
            }
            Churn::Update { every: n, node, templates } => {
                let node = node.compile(&self.parameters).map_err(|m| self.error("node", m))?;
                let templates: Result<Vec<_>, _> = templates.iter().map(|t| self.node_template(t)).collect();
                let templates = templates?;
                if templates.is_empty() {
                    return Err(self.error("templates", "is empty".into()));
                }
                Churning::Update { every: every(n)?, node, templates }
            }
            Churn::Delete { every: n, prefix, namespace } => {
                let Some(&count) = pods.get(&(namespace.clone(), prefix.clone())) else {
                    let message = format!("no earlier createPods makes \"{prefix}\" pods in {namespace}");
                    return Err(self.error("prefix", message));
                };
                Churning::Delete {
                    every: every(n)?,
                    prefix: prefix.clone(),
                    namespace: namespace.clone(),
                    count,
                }
            }
        })
    }

    /// Kind, name and template of what churn creates.
    fn churn_objects(&self, names: &[String]) -> Result<Vec<(String, String, Template)>, WorkloadError> {
        names
            .iter()
            .map(|name| {
                let manifest = self.manifest(name, None)?;
                let kind = manifest["kind"].as_str().unwrap_or_default().to_string();
                let template = match kind.as_str() {
                    "Pod" => self.pod_template(name, false)?.0,
                    "Node" => self.node_template(name)?,
                    _ => self.template(name, manifest)?,
                };
                Ok((kind, name.clone(), template))
            })
            .collect()
    }
}

/// The object in a field, made if it is not there or is something else.
fn child<'a>(fields: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = fields.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(inner) => inner,
        _ => unreachable!("made an object just now"),
    }
}
