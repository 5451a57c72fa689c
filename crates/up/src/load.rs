//! Loads the objects of another cluster into a new control plane, before its controllers run.
//!
//! Running pods stay on their nodes: owners are created before what they own, with the uids translated, so that the
//! controllers find what they would create. StatefulSets and DaemonSets know their pods by a revision that only their
//! controller can compute, so it runs for a moment, while there are neither nodes nor replicas.

mod portable;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::api::{Api, Change};
use crate::nodes;
use crate::process::Process;
use crate::running::now_millis;
use portable::{REVISION, Uids, claim_key, left_out, portable, stage};

pub use read::{Source, read};

/// How many requests are in flight.
const WIDTH: usize = 64;
/// The stage after which the revisions are known.
const CONTROLLERS: u8 = 3;
/// The time that a controller has for the first revisions.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// How many objects of each kind.
    pub created: BTreeMap<String, usize>,
    /// How many objects were left out, by kind and reason.
    pub left_out: BTreeMap<String, usize>,
}

/// Where the objects of a kind are: the path of the group, the plural, whether they have a namespace.
#[derive(Clone, Debug)]
struct Resource {
    group: String,
    plural: String,
    is_namespaced: bool,
}

struct Loader<'a> {
    runtime: &'a Runtime,
    api: &'a Api,
    version: &'a str,
    resources: HashMap<(String, String), Resource>,
    uids: Uids,
    nodes: HashSet<String>,
    loaded: Loaded,
}

/// Creates the objects. `revise` starts the controllers of StatefulSets and DaemonSets alone.
///
/// # Errors
/// If the API server refuses an object: the error names its file, its name and the reason.
pub fn load(
    runtime: &Runtime,
    api: &Api,
    version: &str,
    sources: &[Source],
    revise: impl FnOnce() -> Result<Process>,
) -> Result<Loaded> {
    let names = sources.iter().filter(|source| source.object["kind"] == "Node");
    let nodes = names.map(|source| text(&source.object["metadata"]["name"]).to_owned()).collect();
    let mut loader = Loader {
        runtime,
        api,
        version,
        resources: HashMap::new(),
        uids: Uids::new(),
        nodes,
        loaded: Loaded::default(),
    };
    let mut stages: BTreeMap<u8, Vec<&Source>> = BTreeMap::new();
    for source in sources {
        let kind = text(&source.object["kind"]);
        let why =
            if stage(kind).is_none() { Some("controllers create it") } else { left_out(&source.object) };
        match (stage(kind), why) {
            (Some(stage), None) => stages.entry(stage).or_default().push(source),
            (_, why) => {
                let why = format!("{kind}: {}", why.unwrap_or_default());
                *loader.loaded.left_out.entry(why).or_default() += 1;
            }
        }
    }
    loader.namespaces(sources)?;
    let mut revisions = HashMap::new();
    let mut revise = Some(revise);
    for (stage, sources) in &stages {
        if *stage > CONTROLLERS
            && let Some(revise) = revise.take()
        {
            revisions = loader.revisions(&stages, revise)?;
        }
        loader.create(sources, &revisions)?;
    }
    loader.scale(&stages)?;
    Ok(loader.loaded)
}

impl Loader<'_> {
    /// Creates the namespaces that objects need, each with the service account that pods need.
    fn namespaces(&self, sources: &[Source]) -> Result<()> {
        let mut names: BTreeSet<&str> =
            sources.iter().map(|source| text(&source.object["metadata"]["namespace"])).collect();
        names.remove("");
        names.insert("default");
        let namespaces = names.iter().map(|name| {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            ("/api/v1/namespaces".to_owned(), object)
        });
        self.runtime.block_on(self.api.ensure_all(namespaces.collect()))?;
        let accounts = names.iter().map(|name| {
            let object =
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
            (format!("/api/v1/namespaces/{name}/serviceaccounts"), object)
        });
        self.runtime.block_on(self.api.ensure_all(accounts.collect()))
    }

    /// Creates the objects of a stage, some at the same time.
    fn create(&mut self, sources: &[&Source], revisions: &HashMap<String, String>) -> Result<()> {
        let mut changes = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            let path = self.list_of(source)?;
            let old = text(&source.object["metadata"]["uid"]).to_owned();
            let mut object = portable(source.object.clone(), &self.uids, |name| self.nodes.contains(name));
            match text(&object["kind"]) {
                "Node" => object = nodes::complete(object, index, self.version, now_millis()),
                "StatefulSet" => object["spec"]["replicas"] = json!(0),
                "Pod" => revise(&mut object, revisions),
                _ => {}
            }
            changes.push((source, old, Change::create(path, object)));
        }
        let api = self.api;
        let requests = stream::iter(changes).map(|(source, old, change)| async move {
            let answer = api.send(&change).await;
            if let Err(kube::Error::Api(status)) = &answer
                && status.code == 409
            {
                return Ok(None); // the new control plane has its own: namespaces, priority classes
            }
            let meta = &change.body["metadata"];
            let named = || {
                let name = [text(&meta["namespace"]), text(&meta["name"])].join("/");
                format!("{}: {} {}", source.place, text(&change.body["kind"]), name.trim_start_matches('/'))
            };
            let made = answer.with_context(named)?;
            let new = text(&made["metadata"]["uid"]).to_owned();
            let by_name = claim_key(text(&meta["namespace"]), text(&meta["name"]));
            anyhow::Ok(Some((old, by_name, new, text(&change.body["kind"]).to_owned())))
        });
        let made: Vec<_> = self.runtime.block_on(requests.buffer_unordered(WIDTH).try_collect())?;
        for (old, by_name, new, kind) in made.into_iter().flatten() {
            if kind == "PersistentVolumeClaim" {
                self.uids.insert(by_name, new.clone());
            }
            *self.loaded.created.entry(kind).or_default() += 1;
            self.uids.insert(old, new);
        }
        Ok(())
    }

    /// Lets the controllers of StatefulSets and DaemonSets compute the revisions; returns the label of the pods by the
    /// uid of their owner.
    fn revisions(
        &self,
        stages: &BTreeMap<u8, Vec<&Source>>,
        start: impl FnOnce() -> Result<Process>,
    ) -> Result<HashMap<String, String>> {
        let controllers = stages.get(&CONTROLLERS).into_iter().flatten();
        let needed = controllers
            .filter(|source| matches!(text(&source.object["kind"]), "StatefulSet" | "DaemonSet"))
            .count();
        if needed == 0 {
            return Ok(HashMap::new());
        }
        let mut process = start()?;
        let begin = Instant::now();
        loop {
            process.alive()?;
            let list = self.runtime.block_on(self.api.get("/apis/apps/v1/controllerrevisions"))?;
            let items = list.and_then(|list| list["items"].as_array().cloned()).unwrap_or_default();
            let known: HashMap<String, String> = (items.iter())
                .map(|revision| {
                    let meta = &revision["metadata"];
                    let owner = &meta["ownerReferences"][0];
                    // The pods of a StatefulSet have the name of the revision, those of a DaemonSet its label.
                    let label = if owner["kind"] == "StatefulSet" {
                        &meta["name"]
                    } else {
                        &meta["labels"][REVISION]
                    };
                    (text(&owner["uid"]).to_owned(), text(label).to_owned())
                })
                .collect();
            if known.len() >= needed {
                return Ok(known);
            }
            if begin.elapsed() > PATIENCE {
                bail!("only {} of {needed} StatefulSets and DaemonSets have a revision", known.len());
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Gives StatefulSets their replicas, which now have their pods.
    fn scale(&self, stages: &BTreeMap<u8, Vec<&Source>>) -> Result<()> {
        for source in stages.get(&CONTROLLERS).into_iter().flatten() {
            let object = &source.object;
            if object["kind"] != "StatefulSet" {
                continue;
            }
            let meta = &object["metadata"];
            let namespace = namespace(meta);
            let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{}", text(&meta["name"]));
            let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
            let change = Change::merge(path, json!({"spec": {"replicas": replicas}}));
            self.runtime.block_on(self.api.send(&change)).with_context(|| source.place.clone())?;
        }
        Ok(())
    }

    /// The path of the list that the object belongs to.
    fn list_of(&mut self, source: &Source) -> Result<String> {
        let object = &source.object;
        let key = (text(&object["apiVersion"]).to_owned(), text(&object["kind"]).to_owned());
        if !self.resources.contains_key(&key) {
            self.discover(&key.0)?;
        }
        let Some(resource) = self.resources.get(&key) else {
            bail!("{}: this API server has no kind {} of {}", source.place, key.1, key.0)
        };
        let Resource { group, plural, is_namespaced } = resource;
        if !is_namespaced {
            return Ok(format!("{group}/{plural}"));
        }
        Ok(format!("{group}/namespaces/{}/{plural}", namespace(&object["metadata"])))
    }

    /// Asks which kinds a version of an API group has.
    fn discover(&mut self, version: &str) -> Result<()> {
        let group =
            if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let list = self.runtime.block_on(self.api.get(&group))?;
        let list = list.with_context(|| format!("this API server has no API {version}"))?;
        let resources = list["resources"].as_array();
        ensure!(resources.is_some(), "the API server does not say what {version} has");
        for resource in resources.into_iter().flatten() {
            let plural = text(&resource["name"]);
            if plural.contains('/') {
                continue; // a part of an object, such as its status
            }
            let key = (version.to_owned(), text(&resource["kind"]).to_owned());
            let is_namespaced = resource["namespaced"] == true;
            self.resources
                .insert(key, Resource { group: group.clone(), plural: plural.to_owned(), is_namespaced });
        }
        Ok(())
    }
}

/// Gives a pod the revision that its controller knows.
fn revise(pod: &mut Value, revisions: &HashMap<String, String>) {
    let owners = pod["metadata"]["ownerReferences"].as_array();
    let revision = owners.into_iter().flatten().find_map(|owner| revisions.get(text(&owner["uid"])));
    if let Some(revision) = revision.cloned() {
        pod["metadata"]["labels"][REVISION] = json!(revision);
    }
}

fn namespace(meta: &Value) -> &str {
    meta["namespace"].as_str().filter(|name| !name.is_empty()).unwrap_or("default")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
