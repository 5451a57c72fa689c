//! Metrics, under upstream's names, labels and buckets where the thing exists here.
//!
//! Left out, since there is nothing that they could tell: `scheduler_goroutines` and the other figures of goroutines,
//! `scheduler_plugin_execution_duration_seconds` (plugins decide over all nodes at once, in less time than it takes to
//! measure it), batches, pod groups, device claims and asynchronous API calls.
//!
//! Upstream: `pkg/scheduler/metrics/metrics.go` and `component-base/metrics/prometheus/restclient/metrics.go`.

use http::Method;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, exponential_buckets,
};

/// All that is counted and timed. Cheap to update from any thread.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// By result and profile.
    pub(crate) attempts: IntCounterVec,
    /// By result and profile.
    pub(crate) attempt_seconds: HistogramVec,
    pub(crate) algorithm_seconds: Histogram,
    /// By extension point, status and profile.
    pub(crate) point_seconds: HistogramVec,
    /// By the number of attempts.
    pub(crate) sli_seconds: HistogramVec,
    pub(crate) attempts_per_pod: Histogram,
    /// By queue.
    pub(crate) pending: IntGaugeVec,
    /// By queue and event.
    pub(crate) incoming: IntCounterVec,
    pub(crate) victims: Histogram,
    pub(crate) preemptions: IntCounter,
    /// By type.
    pub(crate) cache: IntGaugeVec,
    /// By plugin and profile.
    pub(crate) unschedulable: IntGaugeVec,
    /// By code, method and host.
    requests: IntCounterVec,
    /// By name.
    pub(crate) leads: IntGaugeVec,
    pub(crate) troubles: IntCounter,
    pub(crate) quarantined: IntGauge,
    pub(crate) events_dropped: IntCounter,
    pub(crate) relists: IntCounterVec,
}

/// Registers as it makes. Names are constants, so that nothing can be wrong with them; a metric that could not be
/// registered would only be missing from the text.
struct Maker(Registry);

impl Maker {
    fn keep<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> prometheus::Result<C> {
        let metric = metric?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.keep(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.keep(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.keep(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
        self.keep(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, buckets: Buckets) -> prometheus::Result<Histogram> {
        self.keep(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.list()?)))
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: Buckets,
        labels: &[&str],
    ) -> prometheus::Result<HistogramVec> {
        self.keep(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.list()?), labels))
    }
}

/// Bounds that begin at a value and double.
struct Buckets(f64, usize);

impl Buckets {
    fn list(self) -> prometheus::Result<Vec<f64>> {
        exponential_buckets(self.0, 2.0, self.1)
    }
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Errors
    /// Two of them have one name.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let make = Maker(Registry::new());
        let (result, profile) = ("result", "profile");
        Ok(Self {
            attempts: make.counters("scheduler_schedule_attempts_total", "Number of attempts to schedule pods, by the result: scheduled, unschedulable, or error where a pod could not be judged.", &[result, profile])?,
            attempt_seconds: make.histograms("scheduler_scheduling_attempt_duration_seconds", "From the start of an attempt to its end in seconds, the binding included.", Buckets(0.001, 15), &[result, profile])?,
            algorithm_seconds: make.histogram("scheduler_scheduling_algorithm_duration_seconds", "What the decision takes in seconds.", Buckets(0.001, 15))?,
            point_seconds: make.histograms("scheduler_framework_extension_point_duration_seconds", "What all plugins of an extension point take, in seconds.", Buckets(0.0001, 12), &["extension_point", "status", profile])?,
            sli_seconds: make.histograms("scheduler_pod_scheduling_sli_duration_seconds", "From a pod's coming into the queue to its binding in seconds, over all attempts.", Buckets(0.01, 20), &["attempts"])?,
            attempts_per_pod: make.histogram("scheduler_pod_scheduling_attempts", "How many attempts it took to schedule a pod.", Buckets(1.0, 5))?,
            pending: make.gauges("scheduler_pending_pods", "Number of pods that wait, by where they wait: active, backoff, unschedulable, gated.", &["queue"])?,
            incoming: make.counters("scheduler_queue_incoming_pods_total", "Number of pods that came into a queue, by queue and event.", &["queue", "event"])?,
            victims: make.histogram("scheduler_preemption_victims", "How many pods had to go for one.", Buckets(1.0, 7))?,
            preemptions: make.counter("scheduler_preemption_attempts_total", "How often pods had to go for one.")?,
            cache: make.gauges("scheduler_cache_size", "Number of nodes, of pods and of assumed pods that are known.", &["type"])?,
            unschedulable: make.gauges("scheduler_unschedulable_pods", "Number of pods that wait, by the plugins that rejected them; a pod counts for each of these.", &["plugin", profile])?,
            requests: make.counters("rest_client_requests_total", "Number of HTTP requests, by status code, method and host.", &["code", "method", "host"])?,
            leads: make.gauges("leader_election_master_status", "1 where this process leads.", &["name"])?,
            quarantined: make.gauge("berth_quarantined_objects", "Number of pods and objects that are left aside because a fault came up with them.")?,
            troubles: make.counter("berth_troubles_total", "How often an object could not be read or a request failed in a way that a user may want to mend; the log says which.")?,
            events_dropped: make.counter("berth_events_dropped_total", "Number of events that were not recorded because the API server was slow.")?,
            relists: make.counters("berth_lists_total", "How often a kind was listed from the start.", &["kind"])?,
            registry: make.0,
        })
    }

    /// Counts a request; without a code it was not answered.
    pub(crate) fn requested(&self, code: Option<u16>, method: &Method, host: &str) {
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.to_string());
        self.requests.with_label_values(&[code.as_str(), method.as_str(), host]).inc();
    }

    /// Everything in the text format of Prometheus, the process's own figures included.
    ///
    /// # Errors
    /// Something cannot be put into words.
    pub(crate) fn text(&self) -> prometheus::Result<Vec<u8>> {
        let mut families = self.registry.gather();
        families.extend(prometheus::process_collector::ProcessCollector::for_self().collect());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(text)
    }
}
