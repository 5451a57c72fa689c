//! Pod classes: a pod's spec, compiled once for all pods that share it.

pub mod matcher;

use std::sync::Arc;

use berth_model::Str;
use berth_model::affinity::{PodAffinityTerm, SpreadConstraint};
use berth_model::labels::Labels;
use berth_model::pod::{Controller, HostPort, PodSpec};
use berth_model::selector::LabelSelector;
use berth_model::workload::OwnerKind;

use crate::ids::resources::Resources;
use crate::ids::symbols::{LabelSet, Symbols};
use crate::ids::{ResourceId, Sym};
use crate::pod_class::matcher::{Matcher, NodeTerm};

/// A pod's spec with its strings interned, its selectors compiled and its requests added up.
#[derive(Clone, Debug)]
pub struct PodClass {
    /// The spec of one of the pods. They may differ in labels that no selector mentions, in their controllers, and in
    /// the names of their claims: see a pod's own spec for these.
    pub spec: Arc<PodSpec>,
    /// The pod's namespace.
    pub namespace: Sym,
    /// The pod's labels, as far as some selector mentions their keys.
    pub labels: LabelSet,
    /// Whether the pod has labels at all.
    pub has_labels: bool,
    /// The controller that default spreading counts the pods of.
    pub owner: Option<(OwnerKind, Str)>,
    /// What the pod requests, by resource, sorted by id. CPU in milli-CPU, all else in base units. An entry may be
    /// zero: the pod names the resource but asks for none of it.
    pub requests: Vec<(ResourceId, i64)>,
    /// CPU as scores count it, in milli-CPU.
    pub scored_cpu: i64,
    /// Memory as scores count it, in bytes.
    pub scored_memory: i64,
    /// `nodeSelector` and required node affinity.
    pub required_nodes: RequiredNodes,
    /// Preferred node affinity: weight and term.
    pub preferred_nodes: Vec<(i64, NodeTerm)>,
    /// Required pod affinity.
    pub affinity: Vec<Term>,
    /// Required pod anti-affinity.
    pub anti_affinity: Vec<Term>,
    /// Preferred pod affinity, with weights.
    pub preferred_affinity: Vec<(i64, Term)>,
    /// Preferred pod anti-affinity, with (positive) weights.
    pub preferred_anti_affinity: Vec<(i64, Term)>,
    /// Topology spread constraints.
    pub spread: Vec<Spread>,
    /// Host ports of all containers, without repeats.
    pub host_ports: Vec<HostPort>,
}

/// Which nodes a pod demands by label and name.
#[derive(Clone, Debug, Default)]
pub struct RequiredNodes {
    /// `nodeSelector`: all must hold.
    pub selector: Vec<(Sym, Sym)>,
    /// Required node affinity: one must hold; `None` demands nothing.
    pub terms: Option<Vec<NodeTerm>>,
}

impl RequiredNodes {
    /// Whether a node satisfies the demands, given a way to look its labels up.
    pub fn matches(&self, name: &str, value: impl Fn(Sym) -> Option<Sym>, symbols: &Symbols) -> bool {
        self.selector.iter().all(|&(k, v)| value(k) == Some(v))
            && self.terms.as_ref().is_none_or(|terms| terms.iter().any(|t| t.matches(name, &value, symbols)))
    }

    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.selector.is_empty() && self.terms.is_none()
    }
}

/// A pod affinity term: pods of some namespaces and labels, seen within one topology domain.
#[derive(Clone, Debug)]
pub struct Term {
    /// Namespaces by name, the pod's own where the spec names none and has no namespace selector.
    pub namespaces: Vec<Sym>,
    /// Namespaces by label, in addition.
    pub namespace_selector: Option<Matcher>,
    /// Which pods; `None` selects none.
    pub selector: Option<Matcher>,
    /// The node label that names the domain.
    pub topology_key: Sym,
}

impl Term {
    fn compile(term: &PodAffinityTerm, own_namespace: &Str, symbols: &mut Symbols) -> Self {
        let mut namespaces: Vec<Sym> = term.namespaces.iter().map(|n| symbols.intern(n)).collect();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.push(symbols.intern(own_namespace));
        }
        Self {
            namespaces,
            namespace_selector: term.namespace_selector.as_ref().map(|s| Matcher::compile(s, symbols)),
            selector: term.selector.as_ref().map(|s| Matcher::compile(s, symbols)),
            topology_key: symbols.intern(&term.topology_key),
        }
    }

    /// Whether the term selects a pod, given the labels of the pod's namespace.
    pub fn selects(&self, pod: &PodClass, namespace_labels: &LabelSet, symbols: &Symbols) -> bool {
        let namespace = self.namespaces.contains(&pod.namespace)
            || self.namespace_selector.as_ref().is_some_and(|s| s.matches(namespace_labels, symbols));
        namespace && self.selector.as_ref().is_some_and(|s| s.matches(&pod.labels, symbols))
    }
}

/// A topology spread constraint: how evenly pods are to be spread over topology domains.
#[derive(Clone, Debug)]
pub struct Spread {
    /// How far a domain's count may be above the smallest.
    pub max_skew: i64,
    /// The node label that names the domain.
    pub topology_key: Sym,
    /// Decides (`DoNotSchedule`) or only prefers (`ScheduleAnyway`).
    pub required: bool,
    /// Which pods are counted, with the pod's own values of `matchLabelKeys`; `None` counts none.
    pub selector: Option<Arc<Matcher>>,
    /// With fewer domains than this, the smallest count is taken as zero.
    pub min_domains: i64,
    /// Whether nodes that the pod's node affinity excludes are left out of the count.
    pub honor_node_affinity: bool,
    /// Whether nodes with taints that the pod does not tolerate are left out of the count.
    pub honor_node_taints: bool,
}

impl Spread {
    fn compile(constraint: &SpreadConstraint, own_labels: &Labels, symbols: &mut Symbols) -> Self {
        let own = |key: &Str| own_labels.get(key).map(|value| (key.clone(), value.clone()));
        let mut selector = constraint.selector.as_ref().map(|s| Matcher::compile(s, symbols));
        if let Some(selector) = &mut selector {
            let keys: Labels = constraint.match_label_keys.iter().filter_map(own).collect();
            selector.tests.extend(Matcher::compile(&LabelSelector::from_labels(&keys), symbols).tests);
        }
        Self {
            max_skew: constraint.max_skew,
            topology_key: symbols.intern(&constraint.topology_key),
            required: constraint.required,
            selector: selector.map(Arc::new),
            min_domains: constraint.min_domains.unwrap_or(1),
            honor_node_affinity: constraint.honor_node_affinity,
            honor_node_taints: constraint.honor_node_taints,
        }
    }
}

impl PodClass {
    /// Compiles a spec; `labels` are those of its labels that some selector mentions.
    pub fn compile(
        spec: Arc<PodSpec>,
        labels: LabelSet,
        symbols: &mut Symbols,
        resources: &mut Resources,
    ) -> Self {
        let total = spec.total_requests();
        let mut requests: Vec<_> =
            total.exact.iter().map(|(name, amount)| resources.amount(name, *amount)).collect();
        requests.sort_unstable();
        let mut host_ports: Vec<HostPort> = spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().filter(|c| c.sidecar))
            .flat_map(|c| c.host_ports.iter().cloned())
            .collect();
        host_ports.sort_unstable();
        host_ports.dedup();
        let terms = |list: &[PodAffinityTerm], symbols: &mut Symbols| {
            list.iter().map(|t| Term::compile(t, &spec.namespace, symbols)).collect()
        };
        let affinity = terms(&spec.pod_affinity.required, symbols);
        let anti_affinity = terms(&spec.pod_anti_affinity.required, symbols);
        let weighted = |list: &[berth_model::affinity::WeightedPodAffinityTerm], symbols: &mut Symbols| {
            list.iter().map(|t| (t.weight, Term::compile(&t.term, &spec.namespace, symbols))).collect()
        };
        Self {
            namespace: symbols.intern(&spec.namespace),
            labels,
            has_labels: !spec.labels.is_empty(),
            owner: owner_of(spec.controller.as_ref()).map(|(kind, name)| (kind, name.clone())),
            requests,
            scored_cpu: total.scored_cpu_milli,
            scored_memory: total.scored_memory_bytes,
            required_nodes: RequiredNodes {
                selector: symbols.intern_labels(&spec.node_selector),
                terms: spec
                    .node_affinity
                    .required
                    .as_ref()
                    .map(|s| s.terms.iter().map(|t| NodeTerm::compile(t, symbols)).collect()),
            },
            preferred_nodes: spec
                .node_affinity
                .preferred
                .iter()
                .map(|p| (p.weight, NodeTerm::compile(&p.term, symbols)))
                .collect(),
            affinity,
            anti_affinity,
            preferred_affinity: weighted(&spec.pod_affinity.preferred, symbols),
            preferred_anti_affinity: weighted(&spec.pod_anti_affinity.preferred, symbols),
            spread: spec.spread.iter().map(|c| Spread::compile(c, &spec.labels, symbols)).collect(),
            host_ports,
            spec,
        }
    }

    /// The keys of pods' labels that the pod's own selectors mention.
    pub fn mentions(&self, symbols: &mut Symbols) -> Vec<Sym> {
        let terms = self.affinity.iter().chain(&self.anti_affinity);
        let weighted = self.preferred_affinity.iter().chain(&self.preferred_anti_affinity);
        let terms = terms.chain(weighted.map(|(_, term)| term)).filter_map(|term| term.selector.as_ref());
        let spread = self.spread.iter().filter_map(|spread| spread.selector.as_deref());
        let mut keys: Vec<Sym> = terms.chain(spread).flat_map(|s| s.tests.iter().map(|t| t.key)).collect();
        // A pod that lacks such a label now is not like one that has it.
        let own = self.spec.spread.iter().flat_map(|constraint| &constraint.match_label_keys);
        keys.extend(own.map(|key| symbols.intern(key)));
        keys
    }

    /// How much of a resource the pod requests.
    pub fn request(&self, resource: ResourceId) -> i64 {
        self.requests.iter().find(|(id, _)| *id == resource).map_or(0, |&(_, amount)| amount)
    }
}

/// The kind and name of a controller that default spreading counts the pods of.
pub(crate) fn owner_of(controller: Option<&Controller>) -> Option<(OwnerKind, &Str)> {
    let controller = controller?;
    let kind = match (&*controller.api_version, &*controller.kind) {
        ("v1", "ReplicationController") => OwnerKind::ReplicationController,
        ("apps/v1", "ReplicaSet") => OwnerKind::ReplicaSet,
        ("apps/v1", "StatefulSet") => OwnerKind::StatefulSet,
        _ => return None,
    };
    Some((kind, &controller.name))
}
