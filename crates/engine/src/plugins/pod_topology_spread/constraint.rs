//! The constraints that apply to a pod: its own, or default ones.

use std::sync::Arc;

use berth_model::workload::OwnerKind;

use super::Defaulting;
use crate::cluster::Cluster;
use crate::ids::{PodClassId, Sym};
use crate::plugin::view::PodView;
use crate::pod_class::PodClass;
use crate::pod_class::matcher::Matcher;

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
        let make = |c: &crate::pod_class::Spread| Self {
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

    /// Whether the label is known. One that no object mentions may be mentioned by a node any time.
    pub(super) fn has_known_label(&self) -> bool {
        self.topology_key != NO_LABEL
    }

    /// Whether the selector selects a pod of the class, which is of the namespace.
    pub(super) fn selects(&self, class: &PodClass, cluster: &Cluster) -> bool {
        self.selector.as_ref().is_some_and(|s| s.matches(&class.labels, cluster.symbols()))
    }

    /// PodClasses among which are all that count; some of them may be of other namespaces.
    pub(super) fn countable(&self, pod: PodView<'_>) -> Vec<PodClassId> {
        let class_index = pod.cluster.pods().class_index();
        let selectable = |selector: &Arc<Matcher>| class_index.selectable_in(pod.class.namespace, selector);
        self.selector.as_ref().map(selectable).unwrap_or_default()
    }

    /// Whether pods of the class count. A selector without requirements selects all pods but counts none.
    pub(super) fn counts(&self, class: &PodClass, cluster: &Cluster) -> bool {
        self.selector.as_ref().is_some_and(|s| !s.tests.is_empty()) && self.selects(class, cluster)
    }
}

fn defaults(pod: PodView<'_>, defaulting: &Defaulting, required: bool) -> Vec<Constraint> {
    if matches!(defaulting, Defaulting::System) && required {
        return Vec::new();
    }
    let Some(selector) = default_selector(pod.class, pod.cluster) else { return Vec::new() };
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

/// What the services and the controller of pods select, all together; `None` where that is nothing, or where pods have
/// constraints of their own.
pub(super) fn default_selector(class: &PodClass, cluster: &Cluster) -> Option<Matcher> {
    if !class.spread.is_empty() {
        return None;
    }
    let owners = cluster.owners(&class.spec.namespace);
    let symbols = cluster.symbols();
    let services =
        owners.iter().filter(|o| o.object.kind == OwnerKind::Service).filter_map(|o| o.selector.as_ref());
    let mine = services.filter(|s| s.matches(&class.labels, symbols));
    let mut tests: Vec<_> = mine.flat_map(|s| s.tests.iter().cloned()).collect();
    if let Some((kind, name)) = &class.owner
        && let Some(owner) = owners.iter().find(|o| o.object.kind == *kind && o.object.name == *name)
        && let Some(selector) = &owner.selector
    {
        if *kind == OwnerKind::ReplicationController {
            // Upstream merges the two maps of labels; of two values for one label the controller's stays.
            tests.retain(|t| !selector.tests.iter().any(|s| s.key == t.key));
        }
        tests.extend(selector.tests.iter().cloned());
    }
    (!tests.is_empty()).then_some(Matcher { tests })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fixture::{World, labels};
    use berth_model::pod::Controller;
    use berth_model::selector::LabelSelector;
    use berth_model::workload::PodGroupOwner;

    pub(in super::super) fn owner(
        world: &mut World,
        kind: OwnerKind,
        name: &str,
        selector: Option<&[(&str, &str)]>,
    ) {
        world.cluster.upsert_owner(PodGroupOwner {
            kind,
            namespace: "default".into(),
            name: name.into(),
            selector: selector.map(|pairs| LabelSelector::from_labels(&labels(pairs))),
        });
    }

    pub(in super::super) fn service(world: &mut World, name: &str, selector: Option<&[(&str, &str)]>) {
        owner(world, OwnerKind::Service, name, selector);
    }

    fn controlled_by(api_version: &str, kind: &str, name: &str) -> Option<Controller> {
        Some(Controller {
            api_version: api_version.into(),
            kind: kind.into(),
            name: name.into(),
            uid: "".into(),
        })
    }

    #[test]
    fn the_default_selector_is_what_services_and_the_controller_select_together() {
        let cases: &[(Option<Controller>, &str)] = &[
            (None, "app=web tier=front"),
            (controlled_by("apps/v1", "ReplicaSet", "rs"), "app=web tier=front hash=1"),
            (controlled_by("apps/v1", "StatefulSet", "ss"), "app=web tier=front app=db"),
            (controlled_by("v1", "ReplicationController", "rc"), "tier=front app=rc"),
            (controlled_by("apps/v1", "ReplicaSet", "gone"), "app=web tier=front"),
            (controlled_by("apps/v1", "ReplicaSet", "unselective"), "app=web tier=front"),
            (controlled_by("batch/v1", "Job", "rs"), "app=web tier=front"),
            (controlled_by("extensions/v1beta1", "ReplicaSet", "rs"), "app=web tier=front"),
        ];
        for (controller, expected) in cases {
            let mut world = World::default();
            service(&mut world, "by-app", Some(&[("app", "web")]));
            service(&mut world, "by-tier", Some(&[("tier", "front")]));
            service(&mut world, "of-others", Some(&[("app", "db")]));
            service(&mut world, "without-selector", None);
            service(&mut world, "of-all", Some(&[]));
            owner(&mut world, OwnerKind::ReplicaSet, "rs", Some(&[("hash", "1")]));
            owner(&mut world, OwnerKind::ReplicaSet, "unselective", None);
            owner(&mut world, OwnerKind::StatefulSet, "ss", Some(&[("app", "db")]));
            owner(&mut world, OwnerKind::ReplicationController, "rc", Some(&[("app", "rc")]));
            let pod = world.pod("p", |_, spec| {
                spec.labels = labels(&[("app", "web"), ("tier", "front"), ("hash", "1")]);
                spec.controller.clone_from(controller);
            });
            let view = PodView::new(&world.cluster, pod);
            let text = |sym| world.cluster.symbols().text(sym).to_string();
            let found: Vec<String> = default_selector(view.class, view.cluster)
                .unwrap()
                .tests
                .iter()
                .map(|test| match &test.check {
                    crate::pod_class::matcher::Check::In(values) => {
                        format!("{}={}", text(test.key), text(values[0]))
                    }
                    other => format!("{other:?}"),
                })
                .collect();
            assert_eq!(found.join(" "), *expected, "{controller:?}");
        }
    }

    #[test]
    fn a_pod_that_nothing_selects_or_that_has_constraints_gets_no_default_ones() {
        let mut world = World::default();
        let count = |world: &World, pod| {
            let view = PodView::new(&world.cluster, pod);
            [true, false].map(|required| Constraint::of(view, &Defaulting::System, required).len())
        };
        let change = |spec: &mut berth_model::pod::PodSpec| spec.labels = labels(&[("app", "web")]);
        let pod = world.pod("p", |_, spec| change(spec));
        assert_eq!(count(&world, pod), [0, 0]);
        service(&mut world, "of-all", Some(&[]));
        assert_eq!(count(&world, pod), [0, 0]);
        service(&mut world, "by-app", Some(&[("app", "web")]));
        assert_eq!(count(&world, pod), [0, 2]);
        let own = world.pod("own", |_, spec| {
            change(spec);
            spec.spread = vec![super::super::tests::spread("zone", 1)];
        });
        assert_eq!(count(&world, own), [1, 0]);
    }
}
