//! The pod, or the pods, that are meant.

use std::collections::BTreeSet;
use std::fmt;

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;
use berth_model::pod::Pod;
use berth_sim::report::WorkloadRef;
use berth_sim::selection::Selection;

use crate::failure::Failure;
use crate::human;

/// How many of the candidates are named.
const NAMED: usize = 10;

/// What kubectl calls pods, and the workloads that have pods: the kind, then its short names. The kind in lower case,
/// its plural, and both followed by a group are understood too.
const KINDS: [(&str, &[&str]); 8] = [
    ("Pod", &["po"]),
    ("Deployment", &["deploy"]),
    ("ReplicaSet", &["rs"]),
    ("StatefulSet", &["sts"]),
    ("DaemonSet", &["ds"]),
    ("Job", &[]),
    ("CronJob", &["cj"]),
    ("ReplicationController", &["rc"]),
];

/// What is explained.
#[derive(Debug)]
pub(super) enum Target {
    /// One pod.
    Pod(PodRow),
    /// The pods of a workload, or those that are selected.
    Group(Group),
}

/// Pods that are explained together.
#[derive(Debug)]
pub(super) enum Group {
    /// Those of a workload.
    Workload { kind: String, namespace: String, name: String },
    /// Those that are selected.
    Selected(Selection),
}

impl Group {
    /// Whether a pod belongs to the group.
    pub(super) fn contains(&self, pod: &Pod) -> bool {
        match self {
            Self::Selected(selection) => selection.matches(pod),
            Self::Workload { kind, namespace, name } => {
                *pod.spec.namespace == **namespace
                    && WorkloadRef::of(pod).is_some_and(|of| of.kind == *kind && is_of(&of, name))
            }
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Selected(selection) => write!(f, "pods {selection}"),
            Self::Workload { kind, namespace, name } => {
                write!(f, "{kind} {namespace}/{name}")
            }
        }
    }
}

/// Finds what is meant: a pod by name, `namespace/name` or `pod/name`; a workload, as in `deploy/web`; or all selected
/// pods.
///
/// # Errors
/// When nothing or more than one has the name.
pub(super) fn target(
    cluster: &Cluster,
    wanted: Option<&str>,
    selection: &Selection,
) -> Result<Target, Failure> {
    let pods = Pods { cluster, selection };
    let Some(wanted) = wanted else {
        return match pods.all().next() {
            Some(_) => Ok(Target::Group(Group::Selected(selection.clone()))),
            None => Err(Failure::input(format!("no pod is selected by: {selection}"))),
        };
    };
    let (before, name) = match wanted.split_once('/') {
        Some((before, name)) => (Some(before), name),
        None => (None, wanted),
    };
    let named = pods.named(before, name);
    if let Some(kind) = before.filter(|_| named.is_empty()).and_then(|word| pods.kind(word)) {
        return match &*kind {
            "Pod" => pods.one(None, name, wanted).map(Target::Pod),
            _ => pods.workload(&kind, name).map(Target::Group),
        };
    }
    pods.one(before, name, wanted).map(Target::Pod)
}

/// Finds a pod as [`target`] does; of a workload the first pod by name that is pending, or else the first by name.
///
/// # Errors
/// When nothing or more than one has the name.
pub(crate) fn pod(cluster: &Cluster, wanted: &str) -> Result<PodRow, Failure> {
    let selection = Selection::default();
    let group = match target(cluster, Some(wanted), &selection)? {
        Target::Pod(row) => return Ok(row),
        Target::Group(group) => group,
    };
    let pods = Pods { cluster, selection: &selection };
    let members = pods.all().filter(|(_, pod)| group.contains(pod));
    let first = members.min_by_key(|(_, pod)| (pod.node.is_some(), pod.name.clone()));
    first.map(|(row, _)| row).ok_or_else(|| Failure::input(format!("no pod belongs to {group}")))
}

/// The pods among which one is looked for.
struct Pods<'c> {
    cluster: &'c Cluster,
    selection: &'c Selection,
}

impl<'c> Pods<'c> {
    fn all(&self) -> impl Iterator<Item = (PodRow, &'c Pod)> {
        let pods = self.cluster.pods();
        let all = pods.rows().map(|row| (row, &pods.entry(row).pod));
        all.filter(|(_, pod)| self.selection.matches(pod))
    }

    fn named(&self, namespace: Option<&str>, name: &str) -> Vec<(PodRow, &'c Pod)> {
        let is_meant = |pod: &Pod| *pod.name == *name && namespace.is_none_or(|n| *n == *pod.spec.namespace);
        self.all().filter(|(_, pod)| is_meant(pod)).collect()
    }

    /// The pod of this name.
    fn one(&self, namespace: Option<&str>, name: &str, wanted: &str) -> Result<PodRow, Failure> {
        let found = self.named(namespace, name);
        if let [(row, _)] = found.as_slice() {
            return Ok(*row);
        }
        let mut names: Vec<String> = found.iter().map(|(_, pod)| pod.key()).collect();
        names.sort();
        if let Some(first) = names.first() {
            let text = format!("{} pods are named {wanted:?}: {}", names.len(), human::list(&names, NAMED));
            return Err(Failure::input(text).hint(format!("name one as {first}")));
        }
        let is_close = |pod: &Pod| {
            !name.is_empty() && pod.name.contains(name) && namespace.is_none_or(|n| *n == *pod.spec.namespace)
        };
        let close = self.all().filter(|(_, pod)| is_close(pod)).map(|(_, pod)| pod.key());
        let mut close: Vec<String> = close.collect();
        close.sort();
        let selected =
            if self.selection.is_everything() { String::new() } else { format!(" ({})", self.selection) };
        let failure =
            Failure::input(format!("no pod is named {wanted:?} among {}{selected}", self.all().count()));
        let of = |pod: &Pod| WorkloadRef::of(pod).filter(|of| of.name == name);
        let workload = self
            .all()
            .find_map(|(_, pod)| of(pod))
            .map(|of| format!("; berth explain {}/{name} explains all of them", of.kind.to_lowercase()));
        Err(match close.as_slice() {
            [] => failure.hint("berth simulate -o wide lists the pods"),
            names => failure.hint(format!(
                "there is {}{}",
                human::list(names, NAMED),
                workload.unwrap_or_default()
            )),
        })
    }

    /// The kind that kubectl calls so, or a kind of custom resources that have pods.
    fn kind(&self, word: &str) -> Option<String> {
        let word = word.split('.').next().unwrap_or(word).to_lowercase();
        let is_kind = |kind: &str| {
            let kind = kind.to_lowercase();
            word == kind || word.strip_suffix('s') == Some(&kind)
        };
        let known = KINDS.iter().find(|(kind, short)| is_kind(kind) || short.contains(&&*word));
        let known = known.map(|(kind, _)| (*kind).to_owned());
        known.or_else(|| {
            self.all()
                .filter_map(|(_, pod)| WorkloadRef::of(pod))
                .map(|of| of.kind)
                .find(|kind| is_kind(kind))
        })
    }

    /// The pods of the workload of this name.
    fn workload(&self, kind: &str, name: &str) -> Result<Group, Failure> {
        // The pods of a CronJob belong to its Jobs.
        let kind = if kind == "CronJob" { "Job" } else { kind };
        let of = |pod: &Pod| WorkloadRef::of(pod).filter(|of| of.kind == kind);
        let members = self.all().filter(|(_, pod)| of(pod).is_some_and(|of| is_of(&of, name)));
        let namespaces: BTreeSet<&str> = members.map(|(_, pod)| &*pod.spec.namespace).collect();
        let namespaces: Vec<&str> = namespaces.into_iter().collect();
        match namespaces.as_slice() {
            [namespace] => Ok(Group::Workload {
                kind: kind.to_owned(),
                namespace: (*namespace).to_owned(),
                name: name.to_owned(),
            }),
            [] => {
                let others = self.all().filter_map(|(_, pod)| Some((&*pod.spec.namespace, of(pod)?.name)));
                let others: BTreeSet<String> =
                    others.map(|(namespace, name)| format!("{namespace}/{name}")).collect();
                let others: Vec<String> = others.into_iter().collect();
                let failure = Failure::input(format!("no pod belongs to {kind} {name}"));
                Err(match others.as_slice() {
                    [] => failure,
                    others => failure.hint(format!("{kind}s with pods: {}", human::list(others, NAMED))),
                })
            }
            several => Err(Failure::input(format!(
                "{kind} {name} has pods in {} namespaces: {}",
                several.len(),
                human::list(several, NAMED)
            ))
            .hint(format!("choose one with -n {}", several[0]))),
        }
    }
}

/// Whether a workload has this name, or is a Job of the CronJob of this name.
fn is_of(workload: &WorkloadRef, name: &str) -> bool {
    workload.name == name
        || workload.kind == "Job"
            && workload.name.rsplit_once('-').is_some_and(|(cron_job, number)| {
                cron_job == name && number.chars().all(|letter| letter.is_ascii_digit())
            })
}
