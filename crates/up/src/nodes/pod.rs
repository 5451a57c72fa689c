//! One pod on a simulated node.

use std::sync::Arc;

use berth_cluster::Millis;
use berth_cluster::kubelet::{Phase, PodRun, PodStatus, Timing, seed_of};
use serde_json::{Value, json};

use super::admission::{Amounts, Rejection};
use super::status::{self, Facts};
use super::view::{ContainerView, PodView};
use crate::api::{Change, STRATEGIC_PATCH};

/// A pod that is bound to a simulated node.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) uid: String,
    pub(super) node: String,
    path: String,
    init_containers: Vec<(String, String)>,
    containers: Vec<(String, String)>,
    run: PodRun,
    /// What it requests.
    pub(super) requests: Amounts,
    /// Whether its node counts its requests.
    pub(super) is_counted: bool,
    rejection: Option<Rejection>,
    is_rejection_written: bool,
    /// The number of its address; `None` if it uses that of the node.
    pub(super) ip: Option<u32>,
    says_scheduled: bool,
    /// A finalizer may look at the status of a deleted pod, so the last status must be written.
    has_finalizers: bool,
    is_deleted: bool,
    /// Whether its deletion was sent. A finalizer may keep the object.
    is_removed: bool,
    /// `metadata.generation`.
    generation: u64,
    /// Whether the conditions of its readiness gates hold.
    gates_hold: bool,
    is_ready: bool,
    ready_since: Millis,
    /// The last status that the API server has, or is being sent.
    written: Option<Written>,
    /// The version of the object that this status has given; older ones say nothing of it.
    version: u64,
    /// Whether a request about the pod has no answer yet.
    pub(super) in_flight: bool,
    /// The time for which a timer is set.
    pub(super) timer: Option<Millis>,
}

/// A status that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    status: PodStatus,
    generation: u64,
    gates_hold: bool,
}

impl Written {
    fn is_ready(&self) -> bool {
        self.status.is_ready && self.gates_hold
    }
}

/// What a node does next about a pod.
#[derive(Debug)]
pub(super) enum Next {
    /// It sends this request.
    Send(Change),
    /// It waits until this time.
    Wait(Millis),
    /// It does nothing unless the pod is changed.
    Idle,
}

impl Pod {
    /// The node has seen a new pod. What an earlier process has done for it is taken up: the same pod does the same
    /// from the same time on.
    pub(super) fn new(view: &PodView, timing: Timing, ip: Option<u32>, now: Millis) -> Self {
        let meta = &view.metadata;
        let started =
            view.status.start_time.as_deref().and_then(status::millis).map_or(now, |at| at.min(now));
        let names = |containers: &[ContainerView]| {
            containers.iter().map(|container| (container.name.clone(), container.image.clone())).collect()
        };
        let seed = seed_of(0, &meta.uid);
        let mut run = PodRun::start(Arc::new(view.execution()), timing, meta.of_job(), seed, started);
        run.advance(now);
        let status = run.status();
        let written = Written { status, generation: meta.generation, gates_hold: view.gates_hold() };
        let is_written =
            view.status.start_time.is_some() && view.says(written.status.phase, written.is_ready());
        Self {
            uid: meta.uid.clone(),
            node: view.spec.node_name.clone(),
            path: format!("/api/v1/namespaces/{}/pods/{}", meta.namespace, meta.name),
            init_containers: names(&view.spec.init_containers),
            containers: names(&view.spec.containers),
            run,
            requests: view.requests(),
            is_counted: false,
            rejection: None,
            is_rejection_written: false,
            ip,
            says_scheduled: !view.has_condition("PodScheduled"),
            has_finalizers: !meta.finalizers.is_empty(),
            is_deleted: false,
            is_removed: false,
            generation: meta.generation,
            gates_hold: written.gates_hold,
            is_ready: written.is_ready(),
            ready_since: now,
            written: is_written.then_some(written),
            version: 0,
            in_flight: false,
            timer: None,
        }
    }

    /// The node does not accept it.
    pub(super) fn reject(&mut self, rejection: Rejection) {
        self.rejection = Some(rejection);
    }

    /// Whether all its containers have ended, so that its requests are free.
    pub(super) fn has_ended(&self) -> bool {
        self.run.has_ended()
    }

    /// The object has changed: it may have been deleted, or another client has changed its status, as the node
    /// lifecycle controller does with the pods of a lost node.
    pub(super) fn update(&mut self, view: &PodView, now: Millis) {
        let meta = &view.metadata;
        self.has_finalizers = !meta.finalizers.is_empty();
        self.generation = meta.generation;
        self.gates_hold = view.gates_hold();
        let is_newer = meta.resource_version.parse().is_ok_and(|version: u64| version > self.version);
        if is_newer && !self.in_flight {
            self.written.take_if(|written| !view.says(written.status.phase, written.is_ready()));
        }
        if meta.deletion_timestamp.is_some() {
            self.is_deleted = true;
            self.run.delete(meta.deletion_grace_period_seconds.unwrap_or(0), now);
        }
    }

    /// What to do now. A request is to be sent, and the next question asked when its answer is there.
    pub(super) fn next(&mut self, host_ip: &str, now: Millis) -> Next {
        if let Some(rejection) = self.rejection.as_ref().filter(|_| !self.is_rejection_written) {
            self.is_rejection_written = true;
            let body = status::rejection(&self.uid, &rejection.reason, &rejection.message, now);
            return Next::Send(status_patch(&self.path, body));
        }
        if self.rejection.is_some() && !self.is_deleted {
            return Next::Idle;
        }
        self.run.advance(now);
        let is_done = self.is_deleted && self.run.done().is_none_or(|done| done <= now);
        let (generation, gates_hold) = (self.generation, self.gates_hold);
        let now_true = Written { status: self.run.status(), generation, gates_hold };
        let says_more = self.written.as_ref() != Some(&now_true) && self.rejection.is_none();
        if says_more && (!is_done || self.has_finalizers) {
            return Next::Send(self.write(now_true, host_ip, now));
        }
        if self.is_removed {
            return Next::Idle;
        }
        if is_done {
            self.is_removed = true;
            let mut change = Change::delete(self.path.clone(), Some(0));
            change.body["preconditions"] = json!({"uid": self.uid});
            return Next::Send(change);
        }
        self.run.next_wake().map_or(Next::Idle, Next::Wait)
    }

    /// The API server has taken the last request, and the object has this version now.
    pub(super) fn acknowledged(&mut self, version: Option<&str>) {
        if let Some(version) = version.and_then(|text| text.parse().ok()) {
            self.version = version;
        }
    }

    /// The API server has not taken the last request.
    pub(super) fn failed(&mut self) {
        self.written = None;
        self.is_removed = false;
        self.is_rejection_written = false;
    }

    /// The phase that was written last.
    pub(super) fn phase(&self) -> Option<Phase> {
        if self.rejection.is_some() {
            return Some(Phase::Failed);
        }
        self.written.as_ref().map(|written| written.status.phase)
    }

    fn write(&mut self, written: Written, host_ip: &str, now: Millis) -> Change {
        if written.is_ready() != self.is_ready {
            self.is_ready = written.is_ready();
            self.ready_since = now;
        }
        let own = self.ip.map(address);
        let body = status::patch(
            &written.status,
            Facts {
                uid: &self.uid,
                init_containers: &self.init_containers,
                containers: &self.containers,
                host_ip,
                pod_ip: own.as_deref().unwrap_or(host_ip),
                says_scheduled: self.says_scheduled,
                ready_since: self.ready_since,
                gates_hold: written.gates_hold,
                generation: written.generation,
            },
        );
        self.written = Some(written);
        status_patch(&self.path, body)
    }
}

/// A change of the status of the object at `path`.
pub(super) fn status_patch(path: &str, body: Value) -> Change {
    Change {
        method: http::Method::PATCH,
        path: format!("{path}/status"),
        content_type: STRATEGIC_PATCH,
        body,
    }
}

/// How many addresses there are for pods.
pub(super) const ADDRESSES: u32 = 1 << 22;

/// The address of a number: one of 10.128.0.0/10.
fn address(number: u32) -> String {
    let [_, b, c, d] = ((128 << 16) + number).to_be_bytes();
    format!("10.{b}.{c}.{d}")
}

/// The number of an address that [`address`] gave.
pub(super) fn number(address: &str) -> Option<u32> {
    let ip: std::net::Ipv4Addr = address.parse().ok()?;
    let [a, b, c, d] = ip.octets();
    let number = u32::from_be_bytes([0, b, c, d]).checked_sub(128 << 16)?;
    (a == 10 && number < ADDRESSES).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(manifest: Value) -> PodView {
        serde_json::from_value(manifest).unwrap()
    }

    fn sent(next: Next) -> Change {
        match next {
            Next::Send(change) => change,
            other => panic!("{other:?}"),
        }
    }

    fn sleeper() -> Value {
        json!({
            "metadata": {"name": "a", "namespace": "default", "uid": "u1"},
            "spec": {"nodeName": "n", "restartPolicy": "Never",
                     "containers": [{"name": "c", "image": "i", "command": ["sh", "-c", "sleep 5; exit 3"]}]},
        })
    }

    #[test]
    fn a_pod_runs_and_fails_as_its_command_says() {
        let mut pod = Pod::new(&pod(sleeper()), Timing::INSTANT, Some(1), 1_000);
        let change = sent(pod.next("100.64.0.1", 1_000));
        assert_eq!(change.path, "/api/v1/namespaces/default/pods/a/status");
        assert_eq!(change.body["metadata"]["uid"], "u1");
        let status = &change.body["status"];
        assert_eq!((&status["phase"], &status["podIP"]), (&json!("Running"), &json!("10.128.0.1")));
        assert_eq!(status["containerStatuses"][0]["state"]["running"]["startedAt"], "1970-01-01T00:00:01Z");
        assert!(matches!(pod.next("100.64.0.1", 1_001), Next::Wait(6_000)));
        let change = sent(pod.next("100.64.0.1", 6_000));
        assert_eq!(change.body["status"]["phase"], "Failed");
        let ended = &change.body["status"]["containerStatuses"][0]["state"]["terminated"];
        assert_eq!((&ended["exitCode"], &ended["reason"]), (&json!(3), &json!("Error")));
        assert!(matches!(pod.next("100.64.0.1", 9_000), Next::Idle));
    }

    #[test]
    fn a_deleted_pod_is_removed_and_a_finalizer_sees_its_last_status() {
        for (finalizers, requests) in [(json!([]), vec!["DELETE"]), (json!(["f"]), vec!["PATCH", "DELETE"])] {
            let mut manifest = sleeper();
            manifest["metadata"]["finalizers"] = finalizers;
            let mut running = Pod::new(&pod(manifest.clone()), Timing::INSTANT, None, 1_000);
            sent(running.next("100.64.0.1", 1_000));
            manifest["metadata"]["deletionTimestamp"] = json!("1970-01-01T00:00:32Z");
            manifest["metadata"]["deletionGracePeriodSeconds"] = json!(30);
            running.update(&pod(manifest), 2_000);
            let changes: Vec<Change> =
                requests.iter().map(|_| sent(running.next("100.64.0.1", 2_000))).collect();
            let methods: Vec<&str> = changes.iter().map(|change| change.method.as_str()).collect();
            assert_eq!(methods, requests);
            assert_eq!(changes.last().unwrap().body["preconditions"]["uid"], "u1");
            // The object may stay for its finalizers; it is deleted once.
            assert!(matches!(running.next("100.64.0.1", 2_001), Next::Idle));
        }
    }

    #[test]
    fn a_second_process_takes_up_what_the_first_has_done() {
        let mut manifest = sleeper();
        manifest["status"] = json!({
            "phase": "Running", "startTime": "1970-01-01T00:00:01Z",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
        });
        let mut pod = Pod::new(&pod(manifest), Timing::INSTANT, Some(1), 4_000);
        assert!(matches!(pod.next("100.64.0.1", 4_000), Next::Wait(6_000)));
    }

    #[test]
    fn a_status_that_another_client_has_changed_is_written_again() {
        let mut running = Pod::new(&pod(sleeper()), Timing::INSTANT, None, 1_000);
        sent(running.next("100.64.0.1", 1_000));
        running.acknowledged(Some("50"));
        let mut seen = sleeper();
        seen["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]});
        for (version, is_written_again) in [("49", false), ("51", true)] {
            seen["metadata"]["resourceVersion"] = json!(version);
            running.update(&pod(seen.clone()), 1_100);
            let next = running.next("100.64.0.1", 1_100);
            assert_eq!(matches!(next, Next::Send(_)), is_written_again, "{version}");
        }
    }

    #[test]
    fn a_readiness_gate_keeps_a_pod_from_being_ready() {
        let mut manifest = sleeper();
        manifest["spec"]["readinessGates"] = json!([{"conditionType": "example.com/gate"}]);
        let mut gated = Pod::new(&pod(manifest.clone()), Timing::INSTANT, None, 1_000);
        let ready = |change: &Change| {
            let conditions = change.body["status"]["conditions"].as_array().unwrap().clone();
            conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap()["status"].clone()
        };
        assert_eq!(ready(&sent(gated.next("100.64.0.1", 1_000))), "False");
        manifest["status"] =
            json!({"phase": "Running", "conditions": [{"type": "example.com/gate", "status": "True"}]});
        gated.update(&pod(manifest), 2_000);
        assert_eq!(ready(&sent(gated.next("100.64.0.1", 2_000))), "True");
    }

    #[test]
    fn an_address_has_its_number() {
        for of in [0, 1, 70_000, ADDRESSES - 1] {
            assert_eq!(number(&address(of)), Some(of));
        }
        assert_eq!(number("100.64.0.1"), None);
        assert_eq!(number("10.1.0.1"), None);
    }
}
