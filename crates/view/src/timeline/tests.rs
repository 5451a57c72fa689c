#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use berth_engine::profile::Profile;
use berth_flow::Settings;
use berth_model::object::ObjectKey;
use berth_wire::Decoder;

use super::*;

/// A loop that is observed.
struct Observed {
    flow: SchedulingLoop,
    recorder: TimelineRecorder,
    decoder: Decoder,
    millis: u64,
    /// How many decisions were reported.
    decisions: usize,
}

impl Observed {
    fn new() -> Self {
        let flow = SchedulingLoop::new(Settings::new(vec![Profile::standard("default-scheduler")]));
        let recorder = TimelineRecorder::new(10);
        let mut observed = Self { flow, recorder, decoder: Decoder::new(), millis: 1_000, decisions: 0 };
        for kind in SchedulingLoop::KINDS {
            observed.take(Input::Listing(kind));
            observed.take(Input::Listed(kind));
        }
        observed.take(Input::Leads(true));
        observed
    }

    fn now(&self) -> Now {
        Now { millis: self.millis, unix_micros: 1_764_500_000_000_000 + self.millis as i64 * 1_000 }
    }

    fn take(&mut self, input: Input) {
        self.recorder.before(self.now(), &self.flow, Some(&input));
        self.flow.take(self.now(), input);
        self.report();
    }

    fn apply(&mut self, json: &str) {
        let object = self.decoder.object(json).unwrap().unwrap();
        self.take(Input::Applied(object));
    }

    fn pod(&mut self, name: &str, cpu: u32, priority: i32) {
        self.apply(&format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"namespace":"default","name":"{name}","uid":"{name}"}},
                "spec":{{"priority":{priority},"containers":[{{"name":"c","resources":{{"requests":{{"cpu":"{cpu}"}}}}}}]}}}}"#
        ));
    }

    fn attempt(&mut self) {
        loop {
            self.recorder.before(self.now(), &self.flow, None);
            if !self.flow.attempt(self.now()) {
                return;
            }
            self.report();
        }
    }

    fn report(&mut self) {
        let now = self.now();
        for report in self.flow.drain_reports() {
            let is_decision =
                matches!(report, Report::Assumed(..) | Report::Unschedulable(..) | Report::Failed(..));
            self.decisions += usize::from(is_decision);
            self.recorder.reported(now, &report);
        }
    }

    fn timeline(&mut self) -> Timeline {
        self.recorder.pass(self.now(), &self.flow);
        self.recorder.timeline(&self.flow, Vec::new())
    }
}

const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"},"status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"9"}}}"#;

#[test]
fn decisions_waits_evictions_and_levels_are_counted_by_interval() {
    let mut observed = Observed::new();
    observed.apply(NODE);
    observed.pod("a", 1, 0);
    observed.pod("big", 9, 0);
    observed.millis += 5;
    observed.attempt();
    observed.millis += 10;
    observed.pod("vip", 4, 9);
    observed.attempt();
    let timeline = observed.timeline();
    assert_eq!((timeline.seconds, timeline.interval_seconds, timeline.decisions), (0.015, 0.01, 3));
    assert_eq!(timeline.begin, "2025-11-30T10:53:21Z");
    let [first, second] = &timeline.points[..] else { panic!("{timeline:?}") };
    assert_eq!((first.placed, first.unplaced, first.evicted, first.decisions), (1, 1, 0, 2));
    assert_eq!(first.waits, Some(Waits { p50: 0.005, p90: 0.005, p99: 0.005 }));
    assert_eq!((first.nodes, first.running, first.queue.unschedulable), (1, 1, 1));
    assert_eq!(first.utilization["cpu"], 0.25);
    // The pod of the higher priority evicts a running one. Nothing was placed.
    assert_eq!((second.placed, second.unplaced, second.waits), (0, 1, None));
    assert_eq!(second.seconds, 0.015);
}

#[test]
fn a_pod_that_is_deleted_or_bound_by_others_waits_no_more() {
    let mut observed = Observed::new();
    observed.pod("a", 1, 0);
    observed.pod("b", 1, 0);
    let key = ObjectKey { kind: Kind::Pod, namespace: "default".into(), name: "a".into() };
    observed.take(Input::Deleted(key));
    observed.apply(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"default","name":"b","uid":"b"},"spec":{"nodeName":"n1","containers":[{"name":"c"}]}}"#,
    );
    assert_eq!(observed.recorder.waiting.len(), 0);
}

#[test]
fn memory_is_bounded_and_nothing_is_lost() {
    let mut observed = Observed::new();
    observed.apply(NODE);
    let mut lengths = Vec::new();
    for number in 0..40_u64 {
        observed.pod(&format!("p{number}"), 0, 0);
        observed.millis += 1 << (number / 2);
        observed.attempt();
        lengths.push(observed.recorder.closed.len());
    }
    let timeline = observed.timeline();
    assert!(lengths.iter().all(|length| *length < POINTS_MAX), "{lengths:?}");
    assert_eq!(timeline.points.len(), observed.recorder.closed.len() + 1);
    // Pods that do not fit are tried again.
    let decisions: usize = timeline.points.iter().map(|point| point.placed + point.unplaced).sum();
    assert!(decisions >= 40 && decisions == observed.decisions, "{decisions} of {}", observed.decisions);
    assert_eq!(timeline.decisions, decisions);
    assert_eq!(timeline.points.last().unwrap().seconds, timeline.seconds);
    assert!(timeline.points.is_sorted_by(|a, b| a.seconds <= b.seconds && a.decisions <= b.decisions));
    // Two intervals became one several times: the length is the first one times a power of two.
    let times = timeline.interval_seconds / 0.01;
    assert!(times > 1.0 && times.log2().fract() == 0.0, "{times}");
}
