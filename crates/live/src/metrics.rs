//! Metrics, under upstream's names, labels and buckets where the thing exists here.
//!
//! Not served, because Berth has nothing to measure for them: `scheduler_goroutines` and the other metrics of
//! goroutines, `scheduler_plugin_execution_duration_seconds` (plugins decide over all nodes at once, in less time than
//! it takes to measure it), batches, pod groups, device claims and asynchronous API calls.
//!
//! Upstream: `pkg/scheduler/metrics/metrics.go` and `component-base/metrics/prometheus/restclient/metrics.go`.

use http::Method;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, exponential_buckets,
};

/// The metrics of the process. Any thread may update them at little cost.
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
    /// By status, admin access, and the owner's API group and kind.
    claim_creates: IntCounterVec,
    /// By name.
    pub(crate) leads: IntGaugeVec,
    pub(crate) troubles: IntCounter,
    pub(crate) quarantined: IntGauge,
    pub(crate) events_dropped: IntCounter,
    pub(crate) relists: IntCounterVec,
}

/// Makes metrics and registers them.
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

/// Exponential buckets: the first bound, which doubles, and the number of bounds.
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
    /// If two of them have the same name.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let make = Maker(Registry::new());
        let (result, profile) = ("result", "profile");
        Ok(Self {
            attempts: make.counters("scheduler_schedule_attempts_total", "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while 'error' means an internal scheduler problem.", &[result, profile])?,
            attempt_seconds: make.histograms("scheduler_scheduling_attempt_duration_seconds", "Scheduling attempt latency in seconds (scheduling algorithm + binding)", Buckets(0.001, 15), &[result, profile])?,
            algorithm_seconds: make.histogram("scheduler_scheduling_algorithm_duration_seconds", "Scheduling algorithm latency in seconds", Buckets(0.001, 15))?,
            point_seconds: make.histograms("scheduler_framework_extension_point_duration_seconds", "Latency for running all plugins of a specific extension point.", Buckets(0.0001, 12), &["extension_point", "status", profile])?,
            sli_seconds: make.histograms("scheduler_pod_scheduling_sli_duration_seconds", "E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might involve multiple scheduling attempts.", Buckets(0.01, 20), &["attempts"])?,
            attempts_per_pod: make.histogram("scheduler_pod_scheduling_attempts", "Number of attempts to successfully schedule a pod.", Buckets(1.0, 5))?,
            pending: make.gauges("scheduler_pending_pods", "Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of pods in backoffQ; 'unschedulable' means number of pods that the scheduler attempted to schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to schedule because they are gated.", &["queue"])?,
            incoming: make.counters("scheduler_queue_incoming_pods_total", "Number of pods added to scheduling queues by event and queue type.", &["queue", "event"])?,
            victims: make.histogram("scheduler_preemption_victims", "Number of selected preemption victims for preemption initiated by a single pod", Buckets(1.0, 7))?,
            preemptions: make.counter("scheduler_preemption_attempts_total", "Total preemption attempts in the cluster till now")?,
            cache: make.gauges("scheduler_cache_size", "Number of nodes, pods, and assumed (bound) pods in the scheduler cache.", &["type"])?,
            unschedulable: make.gauges("scheduler_unschedulable_pods", "The number of unschedulable pods broken down by plugin name. A pod will increment the gauge for all plugins that caused it to not schedule and so this metric have meaning only when broken down by plugin.", &["plugin", profile])?,
            requests: make.counters("rest_client_requests_total", "Number of HTTP requests, partitioned by status code, method, and host.", &["code", "method", "host"])?,
            claim_creates: make.counters("dynamic_resource_allocation_resourceclaim_creates_total", "Number of ResourceClaims creation requests, categorized by creation status, admin access, and owning API group and kind (either Pod or scheduling.k8s.io/PodGroup)", &["status", "admin_access", "owner_api_group", "owner_api_kind"])?,
            leads: make.gauges("leader_election_master_status", "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.", &["name"])?,
            quarantined: make.gauge("berth_quarantined_objects", "Number of pods and objects that are ignored because the scheduler panicked while it processed them (a bug in Berth).")?,
            troubles: make.counter("berth_troubles_total", "Number of problems that a user may want to fix: an object that cannot be read, or a request that failed. Each one has a line in the log.")?,
            events_dropped: make.counter("berth_events_dropped_total", "Number of events that were not recorded because the API server was too slow.")?,
            relists: make.counters("berth_lists_total", "Number of times that a kind was listed from the start.", &["kind"])?,
            registry: make.0,
        })
    }

    /// Counts a request with the status code of its answer; `None` if there was no answer.
    pub(crate) fn requested(&self, code: Option<u16>, method: &Method, host: &str) {
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.to_string());
        self.requests.with_label_values(&[code.as_str(), method.as_str(), host]).inc();
    }

    /// Counts a request to make the claim for a pod's extended resources.
    pub(crate) fn claim_requested(&self, succeeded: bool) {
        let status = if succeeded { "success" } else { "failure" };
        self.claim_creates.with_label_values(&[status, "false", "", "Pod"]).inc();
    }

    /// All metrics in the text format of Prometheus, with those of the process.
    ///
    /// # Errors
    /// If a metric cannot be encoded.
    pub(crate) fn text(&self) -> prometheus::Result<Vec<u8>> {
        let mut families = self.registry.gather();
        families.extend(prometheus::process_collector::ProcessCollector::for_self().collect());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(text)
    }
}
