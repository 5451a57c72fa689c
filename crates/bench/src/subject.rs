//! The engine that is measured, behind the few verbs that a run needs.

use berth_engine::cluster::Cluster;
use berth_engine::cycle::{self, Assessment};
use berth_engine::ids::{NodeRow, PodRow};
use berth_engine::preemption;
use berth_engine::profile::Profile;
use berth_engine::view::PodView;
use berth_model::Str;
use berth_model::pod::Pod;
use berth_model::workload::{OwnerKind, PodGroupOwner};
use berth_wire::Object;
use rustc_hash::FxHashMap;

/// What became of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The node that it was put on.
    pub node: Option<NodeRow>,
    /// How many running pods had to go for it.
    pub evicted: u64,
}

/// An engine over a cluster.
pub struct Subject {
    cluster: Cluster,
    profile: Profile,
    /// Pods by namespace and name, where the plan takes pods away.
    rows: Option<FxHashMap<(Str, Str), PodRow>>,
}

impl Subject {
    /// An empty cluster under the default profile. `removes_pods`: whether pods must be found again by name.
    pub fn new(removes_pods: bool) -> Self {
        let configuration = berth_config::Configuration::default();
        Subject {
            cluster: Cluster::default(),
            profile: berth_config::profile(&configuration.profiles[0]),
            rows: removes_pods.then(FxHashMap::default),
        }
    }

    /// The cluster as it is by now.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Adds an object that is no pod to ask about, or replaces the one of its name.
    pub fn put(&mut self, object: Object) {
        let cluster = &mut self.cluster;
        match object {
            Object::Node(node) => {
                cluster.upsert_node(node);
            }
            Object::Pod(manifest) => {
                self.bring(manifest.pod);
            }
            Object::Namespace(namespace) => cluster.upsert_namespace(&namespace),
            Object::Service(owner) => cluster.upsert_owner(owner),
            Object::Workload(workload) => {
                if let Some(owner) = workload.owner() {
                    cluster.upsert_owner(owner);
                }
            }
            Object::Budget(budget) => cluster.upsert_budget(budget),
            Object::Volume(v) => {
                cluster.storage_mut().volumes.insert(v.name.clone(), v);
            }
            Object::Claim(c) => {
                cluster.storage_mut().claims.insert((c.namespace.clone(), c.name.clone()), c);
            }
            Object::StorageClass(c) => {
                cluster.storage_mut().classes.insert(c.name.clone(), c);
            }
            Object::CsiNode(n) => {
                cluster.storage_mut().csi_nodes.insert(n.node.clone(), n);
            }
            Object::CsiDriver(d) => {
                cluster.storage_mut().csi_drivers.insert(d.name.clone(), d);
            }
            Object::StorageCapacity(c) => {
                cluster.storage_mut().capacities.insert((c.namespace.clone(), c.name.clone()), c);
            }
            Object::Attachment(a) => {
                cluster.storage_mut().attachments.insert(a.name.clone(), a);
            }
            // Admission and measurements have no part in what upstream's scheduler looks at.
            Object::PriorityClass(_)
            | Object::RuntimeClass(_)
            | Object::LimitRange(_)
            | Object::NodeMetrics(_) => {}
        }
    }

    /// Takes an object away; says whether it was there.
    pub fn remove(&mut self, kind: &str, namespace: &str, name: &str) -> bool {
        match kind {
            "Node" => match self.cluster.nodes().find(name) {
                Some(row) => {
                    self.cluster.remove_node(row);
                    true
                }
                None => false,
            },
            "Pod" => {
                let key = (namespace.into(), name.into());
                match self.rows.as_mut().and_then(|rows| rows.remove(&key)) {
                    Some(row) => {
                        self.cluster.remove_pod(row);
                        true
                    }
                    None => false,
                }
            }
            "Service" => {
                // One that selects nothing decides as one that is not there.
                self.cluster.upsert_owner(PodGroupOwner {
                    kind: OwnerKind::Service,
                    namespace: namespace.into(),
                    name: name.into(),
                    selector: None,
                });
                true
            }
            _ => false,
        }
    }

    /// Makes a pod known.
    pub fn bring(&mut self, pod: Pod) -> PodRow {
        let key = self.rows.is_some().then(|| (pod.spec.namespace.clone(), pod.name.clone()));
        let row = self.cluster.add_pod(pod);
        if let (Some(rows), Some(key)) = (&mut self.rows, key) {
            rows.insert(key, row);
        }
        row
    }

    /// Where the scan would put a waiting pod.
    pub fn scan(&self, pod: PodRow) -> Option<NodeRow> {
        cycle::assess(&self.profile, &self.cluster, pod).choice().map(|(node, _)| node)
    }

    /// How a decision differs from what the scan said before it; a pod that had to evict others must not have fitted.
    pub fn difference(&self, expected: Option<NodeRow>, found: Decision) -> Option<String> {
        let at_once = found.node.filter(|_| found.evicted == 0);
        if at_once == expected {
            return None;
        }
        let name = |node: Option<NodeRow>| match node {
            Some(row) => self.cluster.nodes().name(row).to_string(),
            None => "no node".to_string(),
        };
        Some(format!("the scan says {}, the fast path {}", name(expected), name(at_once)))
    }

    /// Decides about a waiting pod and carries the decision out; one that must evict others does, and is asked again.
    pub fn decide(&mut self, pod: PodRow) -> Decision {
        let assessment = cycle::assess(&self.profile, &self.cluster, pod);
        if let Some((node, _)) = assessment.choice() {
            self.place(pod, node);
            return Decision { node: Some(node), evicted: 0 };
        }
        let evicted = self.preempt(pod, &assessment);
        if evicted == 0 {
            return Decision { node: None, evicted };
        }
        let node = self.scan(pod);
        if let Some(node) = node {
            self.place(pod, node);
        }
        Decision { node, evicted }
    }

    fn place(&mut self, pod: PodRow, node: NodeRow) {
        let view = PodView::new(&self.cluster, pod);
        let effects: Vec<_> = self.profile.reserve.iter().flat_map(|p| p.reserve(view, node)).collect();
        self.cluster.assign(pod, node);
        for effect in &effects {
            self.cluster.apply(effect);
        }
    }

    /// Takes the victims away and nominates the pod; says how many victims there were.
    fn preempt(&mut self, pod: PodRow, assessment: &Assessment) -> u64 {
        let found = preemption::evaluate(&self.profile, &self.cluster, pod, assessment);
        let best = preemption::best(&found.candidates, &self.cluster);
        let Some(best) = best.first().map(|&c| c.clone()) else { return 0 };
        for other in preemption::outranked_nominations(&self.cluster, pod, best.node) {
            self.cluster.nominate(other, None);
        }
        for &victim in &best.victims {
            let gone = &self.cluster.pods().entry(victim).pod;
            let key = (gone.spec.namespace.clone(), gone.name.clone());
            if let Some(rows) = &mut self.rows {
                rows.remove(&key);
            }
            self.cluster.remove_pod(victim);
        }
        self.cluster.nominate(pod, Some(best.node));
        best.victims.len() as u64
    }
}
