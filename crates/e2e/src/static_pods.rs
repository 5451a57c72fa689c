//! The part of a kubelet that runs schedulers as static pods: each is a process that runs while its file is there, and a
//! mirror pod in the API.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::client::Client;
use crate::object::with;
use crate::scheduler::{Kind, program};
use berth_up::process::{Process, log_file};

/// What ended by itself is started again after so long.
const BACKOFF: Duration = Duration::from_secs(1);
/// Where mirrors are.
const MIRRORS: &str = "/api/v1/namespaces/kube-system/pods";

/// The static pods of one node.
pub struct StaticPods {
    /// What is `/etc/kubernetes` on a machine of its own.
    pub root: PathBuf,
    api: Client,
    node: String,
    /// All that serve, serve here: there is one network, and nobody else must be in the way.
    port: u16,
    running: BTreeMap<String, Running>,
    ending: Vec<Process>,
}

struct Running {
    process: Process,
    since: Instant,
    manifest: Value,
}

impl StaticPods {
    /// A node without static pods; files are in `root`.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(root: PathBuf, api: Client, node: &str, port: u16) -> Result<Self> {
        fs::create_dir_all(root.join("manifests"))?;
        let (running, ending) = (BTreeMap::new(), Vec::new());
        Ok(Self { root, api, node: node.to_owned(), port, running, ending })
    }

    /// Looks at the files, and starts and ends what they say.
    ///
    /// # Errors
    /// A manifest cannot be read, or the server refuses its mirror.
    pub fn look(&mut self) -> Result<()> {
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(self.root.join("manifests"))? {
            there.insert(entry?.file_name().to_string_lossy().into_owned());
        }
        let gone: Vec<String> = self.running.keys().filter(|file| !there.contains(*file)).cloned().collect();
        for file in gone {
            let Some(mut pod) = self.running.remove(&file) else { continue };
            pod.process.terminate()?;
            self.ending.push(pod.process);
            self.api.delete(&format!("{MIRRORS}/{}", self.mirror_name(&pod.manifest)))?;
        }
        self.ending.retain_mut(|process| process.alive().is_ok());
        for file in there {
            let Some(pod) = self.running.get_mut(&file) else {
                self.start(&file)?;
                continue;
            };
            if pod.process.alive().is_err() && pod.since.elapsed() > BACKOFF {
                let manifest = pod.manifest.clone();
                self.run(&file, manifest)?;
            }
        }
        Ok(())
    }

    fn start(&mut self, file: &str) -> Result<()> {
        let path = self.root.join("manifests").join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: Value = serde_saphyr::from_str(&text)?;
        self.api.create(MIRRORS, &self.mirror(&manifest))?;
        self.run(file, manifest)
    }

    fn run(&mut self, file: &str, manifest: Value) -> Result<()> {
        let container = &manifest["spec"]["containers"][0];
        let words = ["command", "args"].iter().flat_map(|field| container[field].as_array());
        let mut words: Vec<String> =
            words.flatten().filter_map(Value::as_str).map(|w| self.here(w)).collect();
        let kind = if words.first().is_some_and(|word| word == "kube-scheduler") {
            words.remove(0);
            Kind::Upstream
        } else {
            Kind::Berth // the image's own command
        };
        words.push(format!("--secure-port={}", self.port));
        let name = manifest["metadata"]["name"].as_str().context("a pod without a name")?;
        let process = Process::start(name, &program(kind)?, &words, &self.root)?;
        self.running.insert(file.to_owned(), Running { process, since: Instant::now(), manifest });
        Ok(())
    }

    fn here(&self, word: &str) -> String {
        word.replace("/etc/kubernetes", &self.root.display().to_string())
    }

    /// The log of a pod.
    pub fn log(&self, pod: &str) -> PathBuf {
        log_file(&self.root, pod)
    }

    fn mirror_name(&self, manifest: &Value) -> String {
        format!("{}-{}", manifest["metadata"]["name"].as_str().unwrap_or_default(), self.node)
    }

    fn mirror(&self, manifest: &Value) -> Value {
        let change = json!({
            "metadata": {
                "name": self.mirror_name(manifest), "namespace": "kube-system",
                "annotations": {"kubernetes.io/config.mirror": "1"},
            },
            "spec": {"nodeName": self.node},
        });
        with(manifest.clone(), change)
    }
}

/// The blocks of commands under a heading of a page, in their order.
///
/// # Errors
/// The page has no such heading.
pub fn commands(page: &Path, heading: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let (_, section) = text
        .split_once(&format!("\n{heading}\n"))
        .with_context(|| format!("{} has no {heading}", page.display()))?;
    let section = section.split("\n##").next().unwrap_or_default();
    let (mut blocks, mut block) = (Vec::new(), None::<String>);
    for line in section.lines().map(str::trim) {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(_), "```") => blocks.extend(block.take()),
            (Some(text), line) => text.extend([line, "\n"]),
            (None, _) => {}
        }
    }
    Ok(blocks)
}
