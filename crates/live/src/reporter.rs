//! The flow's reports, as metrics and lines in the log.

use std::sync::Arc;
use std::time::Duration;

use berth_flow::{Alternatives, AttemptInfo, FailureInfo, Placement, Report, SchedulingLoop};
use berth_model::object::Kind;

use crate::event_loop::Timing;
use crate::log::DECISION;
use crate::metrics::Metrics;

/// The metrics do not distinguish more attempts than this.
const ATTEMPTS_SHOWN: u32 = 15;

/// Turns reports into metrics and log lines.
#[derive(Debug)]
pub(crate) struct Reporter {
    metrics: Arc<Metrics>,
    /// The profiles' scheduler names.
    profiles: Vec<String>,
}

impl Reporter {
    pub(crate) fn new(metrics: Arc<Metrics>, profiles: Vec<String>) -> Self {
        Self { metrics, profiles }
    }

    /// Whether a profile has this scheduler name.
    pub(crate) fn has_profile(&self, name: &str) -> bool {
        self.profiles.iter().any(|profile| profile == name)
    }

    /// The name of a profile.
    pub(crate) fn profile(&self, index: usize) -> &str {
        self.profiles.get(index).map_or("", String::as_str)
    }

    /// Reports one thing; `took` is the timing of the attempt that it came from.
    pub(crate) fn report(&self, report: &Report, took: Option<Timing>) {
        let metrics = &*self.metrics;
        let timing = took.unwrap_or_default();
        match report {
            Report::Queued { queue, event } => metrics.incoming.with_label_values(&[*queue, *event]).inc(),
            Report::Assumed(attempted, landing) => {
                self.timed(attempted, timing, None);
                placed(attempted, landing, timing);
            }
            Report::Unschedulable(attempted, refusal) => {
                self.timed(attempted, timing, Some(refusal));
                self.refused("unschedulable", attempted, refusal, timing);
            }
            Report::Failed(attempted, refusal) => self.refused("error", attempted, refusal, timing),
            Report::Bound { pod, profile, node, attempts, binding_millis, volumes_millis, waited_millis } => {
                let labels = ["scheduled", self.profile(*profile)];
                let binding = millis(binding_millis);
                metrics.attempts.with_label_values(&labels).inc();
                metrics.attempt_seconds.with_label_values(&labels).observe(binding);
                let volumes = volumes_millis.as_ref().map(millis);
                let points = [("PreBind", volumes), ("Bind", Some(binding - volumes.unwrap_or_default()))];
                for (point, seconds) in points {
                    self.point(point, "Success", labels[1], seconds);
                }
                metrics.attempts_per_pod.observe(f64::from(*attempts));
                metrics
                    .sli_seconds
                    .with_label_values(&[shown(*attempts).as_str()])
                    .observe(millis(waited_millis));
                tracing::info!(target: DECISION, %pod, node = &**node, attempts, binding_millis, waited_millis, "bound");
            }
            Report::BindingFailed { pod, profile, message } => {
                metrics.attempts.with_label_values(&["error", self.profile(*profile)]).inc();
                tracing::warn!(%pod, "binding failed, will retry: {message}");
            }
            Report::Preempted { preemptor, node, victims } => {
                metrics.preemptions.inc();
                metrics.victims.observe(victims.len() as f64);
                let names: Vec<String> = victims.iter().map(ToString::to_string).collect();
                tracing::info!(target: DECISION, pod = %preemptor, node = &**node, victims = names.join(","), "preempted pods");
            }
            Report::Warning(text) => {
                metrics.troubles.inc();
                tracing::warn!("{text}");
            }
        }
    }

    /// Observes the durations of an attempt's steps.
    fn timed(&self, attempted: &AttemptInfo, timing: Timing, refusal: Option<&FailureInfo>) {
        let Timing { decision, reserve, post_filter, .. } = timing;
        let profile = self.profile(attempted.profile);
        self.metrics.algorithm_seconds.observe(decision.as_secs_f64());
        self.point("Reserve", "Success", profile, reserve.map(|took| took.as_secs_f64()));
        let has_made_room = refusal.is_some_and(|refusal| refusal.nominated.is_some());
        let status = if has_made_room { "Success" } else { "Unschedulable" };
        self.point("PostFilter", status, profile, post_filter.map(|took| took.as_secs_f64()));
    }

    /// Observes the duration of an extension point, if it ran.
    fn point(&self, point: &str, status: &str, profile: &str, seconds: Option<f64>) {
        if let Some(seconds) = seconds {
            self.metrics.point_seconds.with_label_values(&[point, status, profile]).observe(seconds);
        }
    }

    fn refused(&self, result: &str, attempted: &AttemptInfo, refusal: &FailureInfo, timing: Timing) {
        let micros = micros(timing.total);
        let labels = [result, self.profile(attempted.profile)];
        self.metrics.attempts.with_label_values(&labels).inc();
        self.metrics.attempt_seconds.with_label_values(&labels).observe(timing.total.as_secs_f64());
        let AttemptInfo { pod, attempts, .. } = attempted;
        let nominated = refusal.nominated.as_deref().unwrap_or_default();
        let plugins = refusal.plugins.join(",");
        if result == "error" {
            tracing::warn!(%pod, attempts, micros, "scheduling attempt failed, will retry: {}", refusal.message);
        } else {
            tracing::info!(target: DECISION, %pod, attempts, micros, plugins, nominated, "unschedulable: {}", refusal.message);
        }
    }

    /// Sets the number of quarantined pods and objects.
    pub(crate) fn quarantined(&self, count: usize) {
        self.metrics.quarantined.set(number(count));
    }

    /// Sets the gauges that show the current state.
    pub(crate) fn set_gauges(&self, flow: &SchedulingLoop) {
        let pending = flow.pending();
        let queues = [
            ("active", pending.active),
            ("backoff", pending.backoff),
            ("unschedulable", pending.unschedulable),
            ("gated", pending.gated),
        ];
        for (queue, count) in queues {
            self.metrics.pending.with_label_values(&[queue]).set(number(count));
        }
        let sizes = [
            ("nodes", flow.count(Kind::Node)),
            ("pods", flow.count(Kind::Pod)),
            ("assumed_pods", flow.assumed()),
        ];
        for (what, count) in sizes {
            self.metrics.cache.with_label_values(&[what]).set(number(count));
        }
        // Otherwise plugins that reject no pod any more would keep their values.
        self.metrics.unschedulable.reset();
        for unbound in flow.pending_pods() {
            for plugin in unbound.plugins {
                let labels = [&**plugin, self.profile(unbound.profile)];
                self.metrics.unschedulable.with_label_values(&labels).inc();
            }
        }
    }
}

/// Logs a placement.
fn placed(attempted: &AttemptInfo, landing: &Placement, timing: Timing) {
    let AttemptInfo { pod, attempts, .. } = attempted;
    let Placement { node, score, alternatives } = landing;
    let (node, micros) = (&**node, micros(timing.total));
    match alternatives {
        None => tracing::info!(target: DECISION, %pod, node, score, attempts, micros, "placed"),
        Some(Alternatives { feasible, next }) => {
            let next: Vec<String> = next.iter().map(|(node, score)| format!("{node}={score}")).collect();
            let alternatives = next.join(",");
            tracing::info!(target: DECISION, %pod, node, score, alternatives, feasible, attempts, micros, "placed");
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn millis(millis: &u64) -> f64 {
    *millis as f64 / 1_000.0
}

/// The number of attempts as the label of upstream's metric.
fn shown(attempts: u32) -> String {
    if attempts >= ATTEMPTS_SHOWN { format!("{ATTEMPTS_SHOWN}+") } else { attempts.to_string() }
}
