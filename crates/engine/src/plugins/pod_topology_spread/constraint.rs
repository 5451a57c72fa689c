//! The constraints that apply to a pod: its own, or default ones.

use std::sync::Arc;

use berth_model::pod::Controller;
use berth_model::workload::OwnerKind;

use super::Defaulting;
use crate::class::Class;
use crate::cluster::Cluster;
use crate::ids::Sym;
use crate::matcher::Matcher;
use crate::view::PodView;

const HOSTNAME: &str = "kubernetes.io/hostname";
/// A label that no object ever mentioned, and so no node has.
const NO_LABEL: Sym = Sym(u32::MAX);
const ZONE: &str = "topology.kubernetes.io/zone";

/// One constraint.
#[derive(Clone, Debug)]
pub(super) struct Constraint {
    pub(super) max_skew: i64,
    /// With fewer domains than this, the smallest count is taken as zero.
    pub(super) min_domains: i64,
    /// The node label that names the domain.
    pub(super) topology_key: Sym,
    /// The label is the hostname: upstream scores those by node.
    pub(super) by_node: bool,
    pub(super) honor_node_affinity: bool,
    pub(super) honor_node_taints: bool,
    /// Which pods count; `None`: none.
    selector: Option<Arc<Matcher>>,
}

impl Constraint {
    /// The constraints of a pod that decide (`required`), or those that only prefer.
    pub(super) fn of(pod: PodView<'_>, defaulting: &Defaulting, required: bool) -> Vec<Self> {
        if pod.class.spread.is_empty() {
            return defaults(pod, defaulting, required);
        }
        let symbols = pod.cluster.symbols();
        let wanted = pod.class.spread.iter().filter(|c| c.required == required);
        let make = |c: &crate::class::Spread| Self {
            max_skew: c.max_skew,
            min_domains: c.min_domains,
            topology_key: c.topology_key,
            by_node: &**symbols.text(c.topology_key) == HOSTNAME,
            honor_node_affinity: c.honor_node_affinity,
            honor_node_taints: c.honor_node_taints,
            selector: c.selector.clone(),
        };
        wanted.map(make).collect()
    }

    fn default(cluster: &Cluster, max_skew: i64, key: &str, selector: &Arc<Matcher>) -> Self {
        Self {
            max_skew,
            min_domains: 1,
            topology_key: cluster.symbols().find(key).unwrap_or(NO_LABEL),
            by_node: key == HOSTNAME,
            honor_node_affinity: true,
            honor_node_taints: false,
            selector: Some(selector.clone()),
        }
    }

    /// Whether the selector selects a pod of the class, which is of the namespace.
    pub(super) fn selects(&self, class: &Class, cluster: &Cluster) -> bool {
        self.selector.as_ref().is_some_and(|s| s.matches(&class.labels, cluster.symbols()))
    }

    /// Whether pods of the class count. A selector without requirements selects all pods but counts none.
    pub(super) fn counts(&self, class: &Class, cluster: &Cluster) -> bool {
        self.selector.as_ref().is_some_and(|s| !s.tests.is_empty()) && self.selects(class, cluster)
    }
}

fn defaults(pod: PodView<'_>, defaulting: &Defaulting, required: bool) -> Vec<Constraint> {
    let none = match defaulting {
        Defaulting::System => required,
        Defaulting::List(list) => !list.iter().any(|c| c.required == required),
    };
    if none {
        return Vec::new();
    }
    let selector = default_selector(pod);
    if selector.tests.is_empty() {
        return Vec::new();
    }
    let selector = Arc::new(selector);
    match defaulting {
        Defaulting::System => [(3, HOSTNAME), (5, ZONE)]
            .map(|(max_skew, key)| Constraint::default(pod.cluster, max_skew, key, &selector))
            .into(),
        Defaulting::List(list) => list
            .iter()
            .filter(|c| c.required == required)
            .map(|c| Constraint {
                min_domains: c.min_domains.unwrap_or(1),
                honor_node_affinity: c.honor_node_affinity,
                honor_node_taints: c.honor_node_taints,
                ..Constraint::default(pod.cluster, c.max_skew, &c.topology_key, &selector)
            })
            .collect(),
    }
}

/// What the services and the controller of a pod select, all together.
fn default_selector(pod: PodView<'_>) -> Matcher {
    let owners = pod.cluster.owners(&pod.class.spec.namespace);
    let symbols = pod.cluster.symbols();
    let services =
        owners.iter().filter(|o| o.object.kind == OwnerKind::Service).filter_map(|o| o.selector.as_ref());
    let mine = services.filter(|s| s.matches(&pod.class.labels, symbols));
    let mut tests: Vec<_> = mine.flat_map(|s| s.tests.iter().cloned()).collect();
    if let Some(controller) = &pod.class.spec.controller
        && let Some(kind) = kind(controller)
        && let Some(owner) = owners.iter().find(|o| o.object.kind == kind && o.object.name == controller.name)
        && let Some(selector) = &owner.selector
    {
        if kind == OwnerKind::ReplicationController {
            // Upstream merges the two maps of labels; of two values for one label the controller's stays.
            tests.retain(|t| !selector.tests.iter().any(|s| s.key == t.key));
        }
        tests.extend(selector.tests.iter().cloned());
    }
    Matcher { tests }
}

fn kind(controller: &Controller) -> Option<OwnerKind> {
    match (&*controller.api_version, &*controller.kind) {
        ("v1", "ReplicationController") => Some(OwnerKind::ReplicationController),
        ("apps/v1", "ReplicaSet") => Some(OwnerKind::ReplicaSet),
        ("apps/v1", "StatefulSet") => Some(OwnerKind::StatefulSet),
        _ => None,
    }
}
