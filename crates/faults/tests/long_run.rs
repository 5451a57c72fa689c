//! The memory of a loop that runs for long depends on its cluster, and on the label names that it has seen.
//!
//! The test measures the memory of its process, so it is alone in it. `BERTH_EVENTS` sets the number of events.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;

use berth_engine::profile::Profile;
use berth_flow::{Answer, Input, Now, PodRef, Report, Request, SchedulingLoop, Settings};
use berth_model::object::{Kind, ObjectKey};
use berth_wire::Decoder;

/// How many of each exist at a time.
const NODES: u64 = 40;
const PODS: usize = 400;
/// Room for caches that have grown since the middle, and for the allocator.
const SLACK_MB: f64 = 8.0;
/// Labels stay interned after their objects are deleted: bytes for each object. Measured: 24.
const NAME_BYTES: f64 = 40.0;

fn events() -> u64 {
    std::env::var("BERTH_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(600_000)
}

/// The resident memory in megabytes.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

/// A cluster in which every object is replaced by one with another name.
struct Churn {
    flow: SchedulingLoop,
    decoder: Decoder,
    now: Now,
    events: u64,
    made: u64,
    nodes: VecDeque<String>,
    pods: VecDeque<String>,
}

impl Churn {
    fn new() -> Self {
        let mut churn = Self {
            flow: SchedulingLoop::new(Settings::new(vec![Profile::standard("default-scheduler")])),
            decoder: Decoder::new(),
            now: Now { millis: 1, unix_micros: 1_700_000_000_000_000 },
            events: 0,
            made: 0,
            nodes: VecDeque::new(),
            pods: VecDeque::new(),
        };
        for kind in SchedulingLoop::KINDS {
            churn.take(Input::Listing(kind));
            churn.take(Input::Listed(kind));
        }
        churn.take(Input::Leads(true));
        churn
    }

    fn take(&mut self, input: Input) {
        self.events += 1;
        self.now.millis += 7;
        self.now.unix_micros += 7_000;
        self.flow.take(self.now, input);
    }

    fn apply(&mut self, json: &str) {
        let object = self.decoder.object(json).unwrap().unwrap();
        self.take(Input::Applied(object));
    }

    fn delete(&mut self, kind: Kind, name: &str) {
        let namespace = if kind.is_namespaced() { "default" } else { "" };
        self.take(Input::Deleted(ObjectKey { kind, namespace: namespace.into(), name: name.into() }));
    }

    fn node(&mut self) {
        self.made += 1;
        let name = format!("node-{}", self.made);
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}","labels":{{"kubernetes.io/hostname":"{name}",
                "topology.kubernetes.io/zone":"z{}"}}}},"status":{{"allocatable":{{"cpu":"4","memory":"16Gi","pods":"20"}}}}}}"#,
            self.made % 3
        ));
        self.nodes.push_back(name);
    }

    fn pod(&mut self, node: &str, number: u64) {
        let name = format!("pod-{number}");
        let app = format!("app-{}", number / 50);
        let own = match number % 10 {
            0 => r#""nodeSelector":{"no":"such"},"#.to_owned(),
            1 => format!(
                r#""affinity":{{"podAntiAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":[{{
                    "topologyKey":"kubernetes.io/hostname","labelSelector":{{"matchLabels":{{"app":"{app}"}}}}}}]}}}},"#
            ),
            2 => format!(
                r#""topologySpreadConstraints":[{{"maxSkew":2,"topologyKey":"topology.kubernetes.io/zone",
                    "whenUnsatisfiable":"DoNotSchedule","labelSelector":{{"matchLabels":{{"app":"{app}"}}}}}}],"#
            ),
            3 => format!(r#""volumes":[{{"name":"v","persistentVolumeClaim":{{"claimName":"{name}"}}}}],"#),
            4 => r#""priority":10,"#.to_owned(),
            _ => String::new(),
        };
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"default","uid":"u{number}",
                "labels":{{"app":"{app}","pod-index":"{number}"}}}},"spec":{{"nodeName":"{node}",{own}"containers":[{{
                "name":"c","image":"i:{number}","resources":{{"requests":{{"cpu":"300m","memory":"100Mi"}}}}}}]}}}}"#
        ));
    }

    /// Adds a pod with its objects, and deletes the oldest one.
    fn turn(&mut self) {
        self.made += 1;
        let (number, name) = (self.made, format!("pod-{}", self.made));
        if number % 10 == 3 {
            self.apply(&format!(
                r#"{{"apiVersion":"v1","kind":"PersistentVolume","metadata":{{"name":"{name}"}},"spec":{{"capacity":{{"storage":
                    "1Gi"}},"accessModes":["ReadWriteOnce"],"claimRef":{{"namespace":"default","name":"{name}","uid":"c{number}"}},
                    "csi":{{"driver":"example.com","volumeHandle":"{name}"}}}},"status":{{"phase":"Bound"}}}}"#
            ));
            self.apply(&format!(
                r#"{{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{{"name":"{name}","namespace":"default","uid":
                    "c{number}","annotations":{{"pv.kubernetes.io/bind-completed":"yes"}}}},"spec":{{"volumeName":"{name}",
                    "accessModes":["ReadWriteOnce"],"resources":{{"requests":{{"storage":"1Gi"}}}}}}}}"#
            ));
        }
        if number.is_multiple_of(50) {
            self.apply(&format!(
                r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{name}","namespace":"default"}},"spec":{{"selector":
                    {{"app":"app-{}"}}}}}}"#,
                number / 50
            ));
            let oldest = self.nodes.pop_front();
            self.delete(Kind::Node, &oldest.unwrap());
            self.node();
        }
        self.pod("", number);
        self.pods.push_back(name);
        self.run();
        if self.pods.len() > PODS {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(name) = self.pods.pop_front() else { return };
        for kind in [Kind::Pod, Kind::Claim, Kind::Service] {
            self.delete(kind, &name);
        }
        self.delete(Kind::Volume, &name);
        self.run();
    }

    /// Runs all attempts, and carries out all requests.
    fn run(&mut self) {
        loop {
            let tried = self.flow.attempt(self.now);
            let reports: Vec<Report> = self.flow.drain_reports().collect();
            let actions: Vec<_> = self.flow.drain_actions().collect();
            drop(reports);
            if !tried && actions.is_empty() {
                return;
            }
            for action in actions {
                match action.request {
                    Request::Emit(_) => {}
                    Request::Bind { pod, node } => {
                        self.take(Input::Reply(action.ticket, Ok(Answer::Done)));
                        self.bound(&pod, &node);
                    }
                    Request::Evict { victim, .. } => {
                        self.take(Input::Reply(action.ticket, Ok(Answer::Done)));
                        self.delete(Kind::Pod, &victim.name);
                    }
                    _ => self.take(Input::Reply(action.ticket, Ok(Answer::Done))),
                }
            }
        }
    }

    fn bound(&mut self, pod: &PodRef, node: &str) {
        let number = pod.name.trim_start_matches("pod-").parse().unwrap();
        self.pod(node, number);
    }
}

#[test]
fn memory_does_not_grow_while_the_cluster_stays_as_large() {
    let mut churn = Churn::new();
    for _ in 0..NODES {
        churn.node();
    }
    let mut middle = None;
    while churn.events < events() {
        churn.turn();
        if middle.is_none() && churn.events > events() / 2 {
            middle = Some((resident_mb(), churn.made));
        }
    }
    let ((middle, made), late) = (middle.unwrap(), resident_mb());
    let (events, all) = (churn.events, churn.made);
    println!("{events} events, {all} objects made: {middle:.1} MB in the middle, {late:.1} MB late");
    assert!(
        churn.flow.pending().unschedulable > 0 && churn.flow.in_flight() == 0 && churn.flow.assumed() == 0
    );
    let names = f64::from(u32::try_from(all - made).unwrap()) * NAME_BYTES / f64::from(1 << 20);
    assert!(late < middle + SLACK_MB + names, "it grows from {middle:.1} to {late:.1} MB");
    while !churn.pods.is_empty() {
        churn.drop_oldest();
    }
    for kind in [Kind::Pod, Kind::Claim, Kind::Service, Kind::Volume] {
        assert_eq!(churn.flow.count(kind), 0, "{}", kind.name());
    }
    assert_eq!(churn.flow.pending_pods().count(), 0);
    let cluster = churn.flow.scheduler().cluster();
    assert_eq!(cluster.pods().rows().count(), 0);
    assert_eq!(cluster.attached_volumes().numbers().volume_count(), 0);
}
