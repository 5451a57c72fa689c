//! The engine that is measured, behind the few verbs that a run needs.

use std::str::FromStr;

use berth_engine::cluster::Cluster;
use berth_engine::decision::Decision;
use berth_engine::ids::PodRow;
use berth_engine::preemption;
use berth_engine::scheduler::Scheduler;
use berth_model::Str;
use berth_model::object::Object;
use berth_model::pod::Pod;
use berth_model::workload::{OwnerKind, PodGroupOwner};
use rustc_hash::FxHashMap;

/// How decisions are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// As the program makes them.
    #[default]
    Fast,
    /// By asking every plugin about every node: the judge of the fast path, and the measure of the regression gate.
    Scan,
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fast" => Ok(Method::Fast),
            "scan" => Ok(Method::Scan),
            other => Err(format!("\"{other}\" is no method; expected fast or scan")),
        }
    }
}

/// What came of a decision that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The pod is on its node.
    Placed,
    /// The pod fits nowhere, and evictions are of no use.
    Failed,
    /// So many running pods went for it; it is to be asked again.
    Again(u64),
}

/// The only profile's place in the scheduler.
const PROFILE: usize = 0;

/// An engine over a cluster.
pub struct Subject {
    scheduler: Scheduler,
    method: Method,
    /// Pods by namespace and name, where the plan takes pods away.
    rows: Option<FxHashMap<(Str, Str), PodRow>>,
}

impl Subject {
    /// An empty cluster under the default profile. `removes_pods`: whether pods must be found again by name.
    pub fn new(method: Method, removes_pods: bool) -> Self {
        let configuration = berth_config::Configuration::default();
        let profile = berth_config::profile(&configuration.profiles[0]);
        Subject {
            scheduler: Scheduler::new(Cluster::default(), vec![profile]),
            method,
            rows: removes_pods.then(FxHashMap::default),
        }
    }

    /// The cluster as it is by now.
    pub fn cluster(&self) -> &Cluster {
        self.scheduler.cluster()
    }

    /// Adds an object that is no pod to ask about, or replaces the one of its name.
    pub fn put(&mut self, object: Object) {
        let cluster = self.scheduler.cluster_mut();
        match object {
            Object::Pod(manifest) => {
                self.bring(manifest.pod);
            }
            other => cluster.apply_object(other),
        }
    }

    /// Takes an object away; says whether it was there.
    pub fn remove(&mut self, kind: &str, namespace: &str, name: &str) -> bool {
        let cluster = self.scheduler.cluster_mut();
        match kind {
            "Node" => cluster.nodes().find(name).map(|row| cluster.remove_node(row)).is_some(),
            "Pod" => {
                let row = self.rows.as_mut().and_then(|rows| rows.remove(&(namespace.into(), name.into())));
                row.map(|row| cluster.remove_pod(row)).is_some()
            }
            "Service" => {
                // One that selects nothing decides as one that is not there.
                cluster.upsert_owner(PodGroupOwner {
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
        let row = self.scheduler.cluster_mut().add_pod(pod);
        if let (Some(rows), Some(key)) = (&mut self.rows, key) {
            rows.insert(key, row);
        }
        row
    }

    /// Decides about a waiting pod. Nothing changes.
    pub fn choose(&mut self, pod: PodRow) -> Decision {
        match self.method {
            Method::Fast => self.scheduler.decide_by(PROFILE, pod),
            Method::Scan => self.scheduler.scan_by(PROFILE, pod),
        }
    }

    /// Compares a decision that was just made with the scan's.
    ///
    /// # Errors
    /// What differs.
    pub fn verify(&self, pod: PodRow, decision: &Decision) -> Result<(), String> {
        self.scheduler.verify(PROFILE, pod, decision)
    }

    /// Puts the pod on its node; or takes other pods away for it, where that helps and it may.
    pub fn carry_out(&mut self, pod: PodRow, decision: &Decision, may_evict: bool) -> Next {
        match decision {
            Decision::Place(node, _) => {
                for reserved in self.scheduler.place(PROFILE, pod, *node) {
                    self.scheduler.cluster_mut().settle(&reserved.effect); // the claim is written before the next pod
                }
                Next::Placed
            }
            Decision::Unschedulable { resolvable, .. } if may_evict => self.preempt(pod, *resolvable),
            Decision::Unschedulable { .. } | Decision::Gated(_) | Decision::Error { .. } => Next::Failed,
        }
    }

    /// Takes the victims of the best candidate away and nominates the pod to its node.
    fn preempt(&mut self, pod: PodRow, resolvable: bool) -> Next {
        let found = self.scheduler.preempt(PROFILE, pod, resolvable);
        let best = preemption::best(&found.candidates, self.cluster());
        let Some(best) = best.first().map(|&candidate| candidate.clone()) else { return Next::Failed };
        let outranked = preemption::outranked_nominations(self.cluster(), pod, best.node);
        let cluster = self.scheduler.cluster_mut();
        for other in outranked {
            cluster.nominate(other, None);
        }
        for &victim in &best.victims {
            let gone = &cluster.pods().entry(victim).pod;
            if let Some(rows) = &mut self.rows {
                rows.remove(&(gone.spec.namespace.clone(), gone.name.clone()));
            }
            cluster.remove_pod(victim);
        }
        cluster.nominate(pod, Some(best.node));
        Next::Again(best.victims.len() as u64)
    }
}
