//! Pods as objects, and the templates that controllers make pods from.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Str;
use crate::affinity::{PodAffinity, PodAffinityTerm, WeightedPodAffinityTerm};
use crate::execution::Execution;
use crate::labels::Labels;
use crate::object::{Kind, ObjectKey};
use crate::pod::{Controller, Pod, PodSpec};
use crate::pod_level::PodLevel;
use crate::selector::{LabelSelector, Operator, Requirement};
use crate::volume::Claim;

/// A pod as it was read, with what only other objects can tell about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodManifest {
    /// The pod, with the API's defaults applied.
    pub pod: Pod,
    /// `status.phase` is `Succeeded` or `Failed`: the pod no longer holds anything on its node.
    pub finished: bool,
    /// `metadata.generation`: which version of the spec it is; 0 if the source has none.
    pub generation: i64,
    /// What a scheduler said of it last (the condition `PodScheduled`).
    pub scheduled: Option<ScheduledCondition>,
    /// What admission sets from other objects.
    pub admission: Admission,
    /// The claims that its ephemeral volumes are made of, named after the volumes.
    pub ephemeral_claims: Vec<Claim>,
    /// It has an `emptyDir` volume: its contents are lost when the pod is deleted.
    pub has_empty_dir: bool,
    /// What it does on its node. Only simulations need it.
    pub execution: Arc<Execution>,
}

impl PodManifest {
    /// A running or pending pod of which no more is known.
    pub fn of(pod: Pod) -> Self {
        Self {
            pod,
            finished: false,
            generation: 0,
            scheduled: None,
            admission: Admission::default(),
            ephemeral_claims: Vec::new(),
            has_empty_dir: false,
            execution: Execution::shared(Execution::default()),
        }
    }

    /// What distinguishes the pod from all other objects.
    pub fn key(&self) -> ObjectKey {
        let (namespace, name) = (self.pod.spec.namespace.clone(), self.pod.name.clone());
        ObjectKey { kind: Kind::Pod, namespace, name }
    }
}

/// The condition `PodScheduled` of a pod's status: what a scheduler said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledCondition {
    /// `True`, `False` or `Unknown`.
    pub status: Str,
    /// Why it is false, in one word; empty if it is true.
    pub reason: Str,
    /// Why it is false, in a sentence.
    pub message: Str,
}

/// What the API server's admission looks at when it creates a pod, beside the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Admission {
    /// Whether `spec.priority` was set, so that no priority class can change it.
    pub has_priority: bool,
    /// `spec.priorityClassName`.
    pub priority_class: Option<Str>,
    /// `spec.runtimeClassName`.
    pub runtime_class: Option<Str>,
    /// `spec.resources` as it is written, if it sets something.
    pub pod_level: Option<PodLevel>,
}

/// `v1.PodTemplateSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodTemplate {
    /// `metadata.labels`.
    pub labels: Labels,
    /// `spec`.
    pub spec: SpecTemplate,
    /// All that scheduling does not look at. `None` if the source has only a part of it, as a snapshot has.
    pub rest: Option<Box<TemplateRest>>,
}

/// What a pod template has beside all that scheduling looks at. It only matters whether it changes: then a rollout
/// replaces the pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateRest {
    /// `metadata.annotations`.
    pub annotations: Labels,
    /// All other fields, without the defaults of the API server, as JSON with sorted keys.
    pub fields: Str,
}

impl PodTemplate {
    /// What admission will look at, beside the spec.
    pub fn admission(&self) -> &Admission {
        &self.spec.admission
    }

    /// Whether pods of this template must be replaced by pods of the desired one.
    pub fn is_outdated(&self, desired: &Self) -> bool {
        self.spec != desired.spec || self.labels != desired.labels || self.has_other_rest(desired)
    }

    /// Whether fields differ that scheduling does not look at. Annotations that the desired template does not have were
    /// added by others (as by `kubectl rollout restart`), and `kubectl apply` keeps them.
    fn has_other_rest(&self, desired: &Self) -> bool {
        let (Some(own), Some(desired)) = (&self.rest, &desired.rest) else { return false };
        let is_missing = |(key, value): (&Str, &Str)| own.annotations.get(key) != Some(value);
        own.fields != desired.fields || desired.annotations.iter().any(is_missing)
    }

    /// Whether pods of this template need not be replaced by pods of the desired one, apart from the value of one
    /// label.
    pub fn equals_but_for_label(&self, desired: &Self, key: &str) -> bool {
        let labels = |template: &Self| -> Labels {
            template
                .labels
                .iter()
                .filter(|(k, _)| &***k != key)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        self.spec == desired.spec && labels(self) == labels(desired) && !self.has_other_rest(desired)
    }

    /// The claims that the pods' ephemeral volumes are made of, named after the volumes.
    pub fn ephemeral_claims(&self) -> &[Claim] {
        &self.spec.ephemeral_claims
    }

    /// `spec.nodeName`: the node that all pods of the template are bound to from the start.
    pub fn node(&self) -> Option<&Str> {
        self.spec.node.as_ref()
    }

    /// The spec of a pod made from the template, with the labels that the controller gives it: affinity terms with
    /// `matchLabelKeys` refer to them.
    pub fn spec(&self, namespace: Str, labels: Labels, controller: Option<Controller>) -> PodSpec {
        self.spec.clone().complete(namespace, labels, controller)
    }
}

/// A pod spec before it belongs to a pod: without name, labels and controller, and without what labels add to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecTemplate {
    /// The spec; [`complete`](Self::complete) fills in namespace, labels, controller and pod affinity.
    pub spec: PodSpec,
    /// `affinity.podAffinity`.
    pub pod_affinity: AffinityTemplate,
    /// `affinity.podAntiAffinity`.
    pub pod_anti_affinity: AffinityTemplate,
    /// `nodeName`.
    pub node: Option<Str>,
    /// What admission looks at.
    pub admission: Admission,
    /// The claims of ephemeral volumes, named after the volumes.
    pub ephemeral_claims: Vec<Claim>,
    /// It has an `emptyDir` volume.
    pub has_empty_dir: bool,
    /// What the pods do on their nodes. Only simulations need it.
    pub execution: Arc<Execution>,
}

/// Whether the containers of a pod are started again when they end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Always: the pod never ends.
    #[default]
    Always,
    /// If they fail.
    OnFailure,
    /// Never.
    Never,
}

impl SpecTemplate {
    /// The spec of a pod with this identity.
    pub fn complete(self, namespace: Str, labels: Labels, controller: Option<Controller>) -> PodSpec {
        PodSpec {
            pod_affinity: self.pod_affinity.complete(&labels),
            pod_anti_affinity: self.pod_anti_affinity.complete(&labels),
            namespace,
            labels,
            controller,
            ..self.spec
        }
    }
}

/// Pod affinity or anti-affinity before the pod's own labels are merged into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AffinityTemplate {
    /// `requiredDuringSchedulingIgnoredDuringExecution`.
    pub required: Vec<AffinityTermTemplate>,
    /// `preferredDuringSchedulingIgnoredDuringExecution`, with weights.
    pub preferred: Vec<(i64, AffinityTermTemplate)>,
}

impl AffinityTemplate {
    /// The affinity of a pod with these labels.
    fn complete(self, labels: &Labels) -> PodAffinity {
        PodAffinity {
            required: self.required.into_iter().map(|term| term.complete(labels)).collect(),
            preferred: self
                .preferred
                .into_iter()
                .map(|(weight, term)| WeightedPodAffinityTerm { weight, term: term.complete(labels) })
                .collect(),
        }
    }
}

/// An affinity term whose selector still lacks what the pod's own labels add to it.
///
/// Upstream: `registry/core/pod/strategy.go` (`applyMatchLabelKeysAndMismatchLabelKeys`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffinityTermTemplate {
    /// The term as it is written.
    pub term: PodAffinityTerm,
    /// `matchLabelKeys`.
    pub match_label_keys: Vec<Str>,
    /// `mismatchLabelKeys`.
    pub mismatch_label_keys: Vec<Str>,
}

impl AffinityTermTemplate {
    fn complete(mut self, labels: &Labels) -> PodAffinityTerm {
        if let Some(selector) = &mut self.term.selector {
            merge(selector, &self.match_label_keys, Operator::In, labels);
            merge(selector, &self.mismatch_label_keys, Operator::NotIn, labels);
        }
        self.term
    }
}

/// Adds the pod's own values of the keys, unless the API server has done so already.
fn merge(selector: &mut LabelSelector, keys: &[Str], operator: Operator, labels: &Labels) {
    if keys.is_empty() {
        return;
    }
    let mut known: BTreeSet<Requirement> = selector.requirements.iter().cloned().collect();
    for key in keys {
        let Some(value) = labels.get(key) else { continue };
        let added = Requirement { key: key.clone(), operator, values: vec![value.clone()] };
        if known.insert(added.clone()) {
            selector.requirements.push(added);
        }
    }
}
