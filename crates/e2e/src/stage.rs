//! Where a body plays: a control plane, the scheduler under test, and a namespace of the body's own.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::client::{Client, eventually};
use crate::control_plane::ControlPlane;
use crate::object::pod_of_cpu;
use crate::scheduler::{Kind, Scheduler};

/// What lists a body may fill besides its namespace; all are emptied after it.
const CLUSTER_LISTS: [&str; 10] = [
    "/api/v1/nodes",
    "/api/v1/persistentvolumes",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/storage.k8s.io/v1/csinodes",
    "/apis/storage.k8s.io/v1/csidrivers",
    "/apis/resource.k8s.io/v1/deviceclasses",
    "/apis/resource.k8s.io/v1/resourceslices",
    "/apis/resource.k8s.io/v1/devicetaintrules",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
];

/// The stage of one body.
pub struct Stage<'a> {
    /// The real API server.
    pub plane: &'a mut ControlPlane,
    /// The administrator's client.
    pub api: Client,
    /// Whose scheduler is tested.
    pub kind: Kind,
    namespace: String,
    scheduler: &'a mut Option<Scheduler>,
}

/// A condition of a pod, as text.
#[derive(Debug, PartialEq, Eq)]
pub struct Condition {
    /// `Unschedulable`, `SchedulingGated`, …
    pub reason: String,
    /// For people.
    pub message: String,
    /// The generation of the pod that it is about.
    pub generation: Option<i64>,
}

impl<'a> Stage<'a> {
    /// Prepares the stage; `scheduler` is where the one of the plain configuration goes on from body to body.
    ///
    /// # Errors
    /// The server refuses.
    pub fn new(
        plane: &'a mut ControlPlane,
        kind: Kind,
        namespace: &str,
        scheduler: &'a mut Option<Scheduler>,
    ) -> Result<Self> {
        let api = plane.admin.clone();
        if api.get(&format!("/api/v1/namespaces/{namespace}"))?.is_none() {
            api.create("/api/v1/namespaces", &json!({"metadata": {"name": namespace}}))?;
        }
        Ok(Self { plane, api, kind, namespace: namespace.to_owned(), scheduler })
    }

    /// Sees to it that a scheduler with the plain configuration runs.
    ///
    /// # Errors
    /// It does not start.
    pub fn schedule(&mut self) -> Result<()> {
        if self.scheduler.as_mut().is_some_and(|scheduler| scheduler.process.alive().is_ok()) {
            return Ok(());
        }
        *self.scheduler = Some(Scheduler::start(self.kind, self.plane, &json!({}))?);
        Ok(())
    }

    /// The scheduler of the plain configuration.
    ///
    /// # Errors
    /// None runs.
    pub fn scheduler(&mut self) -> Result<&mut Scheduler> {
        self.scheduler.as_mut().context("no scheduler runs")
    }

    /// Ends the scheduler of the plain configuration.
    pub fn nobody_schedules(&mut self) {
        *self.scheduler = None;
    }

    /// Starts a scheduler of the body's own, alone.
    ///
    /// # Errors
    /// It does not start.
    pub fn schedule_by(&mut self, config: &Value) -> Result<Scheduler> {
        self.nobody_schedules();
        Scheduler::start(self.kind, self.plane, config)
    }

    /// The path of a core list of the body's namespace.
    pub fn core(&self, list: &str) -> String {
        format!("/api/v1/namespaces/{}/{list}", self.namespace)
    }

    /// The path of a list of another API group in the body's namespace.
    pub fn group(&self, group: &str, list: &str) -> String {
        format!("/apis/{group}/namespaces/{}/{list}", self.namespace)
    }

    /// The body's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Makes nodes.
    ///
    /// # Errors
    /// The server refuses.
    pub fn nodes(&self, nodes: &[Value]) -> Result<()> {
        self.api.create_all("/api/v1/nodes", nodes)
    }

    /// Waits until the scheduler knows of exactly so many nodes: it gets nodes and pods on different ways, of which
    /// either may be the slower one.
    ///
    /// # Errors
    /// It does not know of them in time.
    pub fn seen(&self, nodes: usize) -> Result<()> {
        self.pod(&pod_of_cpu("larger-than-all", "1000"))?;
        self.waits_saying("larger-than-all", &format!("0/{nodes} nodes are available: "))?;
        self.api.delete(&self.core("pods/larger-than-all"))
    }

    /// Makes a pod.
    ///
    /// # Errors
    /// The server refuses.
    pub fn pod(&self, pod: &Value) -> Result<()> {
        self.api.create(&self.core("pods"), pod).map(|_| ())
    }

    /// The pod as it is now; nothing where it is gone.
    ///
    /// # Errors
    /// The server is not there.
    pub fn look(&self, pod: &str) -> Result<Option<Value>> {
        self.api.get(&self.core(&format!("pods/{pod}")))
    }

    /// Waits for the pod's node.
    ///
    /// # Errors
    /// It does not get one in time.
    pub fn placed(&self, pod: &str) -> Result<String> {
        let mut seen = Value::Null;
        eventually("the pod gets a node", || {
            let now = self.look(pod)?.with_context(|| format!("pod {pod} is gone"))?;
            let node = now["spec"]["nodeName"].as_str().map(str::to_owned);
            seen = now["status"]["conditions"].clone();
            Ok(node)
        })
        .with_context(|| format!("pod {pod}, conditions {seen}"))
    }

    /// Waits until the pod is said not to be scheduled.
    ///
    /// # Errors
    /// That is not said in time, or the pod has a node.
    pub fn waits(&self, pod: &str) -> Result<Condition> {
        self.waits_saying(pod, "")
    }

    /// Waits until the pod is said not to be scheduled in a message that begins so. What was said before may have been
    /// true: events of different kinds reach a scheduler in any order.
    ///
    /// # Errors
    /// That is not said in time, or the pod has a node.
    pub fn waits_saying(&self, pod: &str, message: &str) -> Result<Condition> {
        let mut last = None;
        eventually("the pod is said not to be scheduled", || {
            let now = self.look(pod)?.with_context(|| format!("pod {pod} is gone"))?;
            ensure!(now["spec"]["nodeName"].is_null(), "pod {pod} is on {}", now["spec"]["nodeName"]);
            last = not_scheduled(&now);
            Ok(last.take_if(|condition| condition.message.starts_with(message)))
        })
        .with_context(|| format!("pod {pod} is to say {message:?}, says {last:?}"))
    }

    /// Waits for an event about the object, and gives it.
    ///
    /// # Errors
    /// There is none in time.
    pub fn event(&self, about: &str, reason: &str) -> Result<Value> {
        eventually(&format!("event {reason} about {about}"), || {
            let events = self.api.list(&self.group("events.k8s.io/v1", "events"))?;
            Ok(events.into_iter().find(|e| e["regarding"]["name"] == about && e["reason"] == reason))
        })
    }

    /// Takes away all that the body has made.
    ///
    /// # Errors
    /// The server refuses.
    pub fn clear(&self) -> Result<()> {
        for list in ["pods", "persistentvolumeclaims"] {
            self.api.delete(&self.core(list))?;
        }
        for (group, list) in [
            ("policy/v1", "poddisruptionbudgets"),
            ("resource.k8s.io/v1", "resourceclaims"),
            ("events.k8s.io/v1", "events"),
        ] {
            self.api.delete(&self.group(group, list))?;
        }
        for list in CLUSTER_LISTS {
            self.api.delete(list)?;
        }
        // The server's own classes, system-node-critical and its twin, stay.
        for class in self.api.list("/apis/scheduling.k8s.io/v1/priorityclasses")? {
            let name = class["metadata"]["name"].as_str().unwrap_or_default();
            if !name.starts_with("system-") {
                self.api.delete(&format!("/apis/scheduling.k8s.io/v1/priorityclasses/{name}"))?;
            }
        }
        Ok(())
    }
}

fn not_scheduled(pod: &Value) -> Option<Condition> {
    let mut conditions = pod["status"]["conditions"].as_array()?.iter();
    let condition = conditions.find(|c| c["type"] == "PodScheduled" && c["status"] == "False")?;
    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    let generation = condition["observedGeneration"].as_i64();
    Some(Condition { reason: text("reason"), message: text("message"), generation })
}
