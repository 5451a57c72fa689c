//! Leader election on a `coordination.k8s.io/v1` Lease: one of several schedulers acts, the others stand by.
//!
//! Upstream: `client-go/tools/leaderelection`. The lease has the same name and is used in the same way, so Berth and
//! kube-scheduler can stand by for each other.

mod election;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_config::LeaderElection;
use berth_flow::Input;
use http::Method;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::client::{Answer, Api, JSON};
use crate::lease_guard::LeaseGuard;
use crate::message::Inbox;
use crate::metrics::Metrics;
use crate::resource::segment;
use election::{Election, Record, Step};

/// The random part of a candidate's retry period, as a multiple of it.
const JITTER: f64 = 1.2;

/// The longest time for releasing the lease.
const LAST_TRY: Duration = Duration::from_secs(5);

/// The lease was not renewed in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

/// The durations of the configuration, which were validated when it was read.
#[derive(Clone, Debug)]
struct Times {
    lease: Duration,
    renew_deadline: Duration,
    retry: Duration,
}

/// A candidate.
pub(crate) struct Lease {
    api: Api,
    inbox: Inbox,
    lease_guard: Arc<LeaseGuard>,
    metrics: Arc<Metrics>,
    name: String,
    /// The path of its collection.
    path: String,
    times: Times,
    election: Election,
    /// The object as it was read last. Fields that the election does not know are kept.
    object: Option<Value>,
    start: Instant,
}

impl Lease {
    /// A candidate. No other process may have the same identity.
    pub(crate) fn new(
        settings: &LeaderElection,
        identity: String,
        api: Api,
        inbox: Inbox,
        lease_guard: Arc<LeaseGuard>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let time = |duration: berth_config::Duration| duration.to_std().unwrap_or_default();
        let times = Times {
            lease: time(settings.lease_duration),
            renew_deadline: time(settings.renew_deadline),
            retry: time(settings.retry_period),
        };
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
            segment(&settings.resource_namespace)
        );
        Self {
            election: Election::new(identity, times.lease),
            api,
            inbox,
            lease_guard,
            metrics,
            name: settings.resource_name.clone(),
            path,
            times,
            object: None,
            start: Instant::now(),
        }
    }

    /// Acquires the lease and renews it until it is lost, or until `release` says that no request is in flight any
    /// more.
    pub(crate) async fn run(mut self, mut release: oneshot::Receiver<()>) -> Result<(), Lost> {
        tracing::info!(
            lease = self.name,
            identity = self.election.identity(),
            "attempting to acquire the lease"
        );
        self.set_leading(false);
        let mut renewed: Option<Instant> = None;
        loop {
            let began = Instant::now();
            let limit = renewed.map_or(self.times.renew_deadline, |at| {
                self.times.renew_deadline.saturating_sub(at.elapsed())
            });
            let held = tokio::select! {
                held = tokio::time::timeout(limit, self.try_once()) => held.unwrap_or(false),
                _ = &mut release => break,
            };
            if held {
                self.lease_guard.extend(began, Some(self.times.lease));
                if renewed.is_none() {
                    tracing::info!(lease = self.name, "became leader");
                    self.set_leading(true);
                }
                renewed = Some(began);
            } else if renewed.is_some_and(|at| at.elapsed() >= self.times.renew_deadline) {
                self.lease_guard.end();
                self.set_leading(false);
                return Err(Lost);
            }
            let pause = if renewed.is_some() { self.times.retry } else { spread(self.times.retry) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = &mut release => break,
            }
        }
        self.lease_guard.end();
        if renewed.is_some() {
            self.release().await;
        }
        Ok(())
    }

    fn set_leading(&self, leads: bool) {
        self.metrics.leads.with_label_values(&[&self.name]).set(leads.into());
        // Without an event loop the process is about to end.
        let _ = self.inbox.input(Input::Leads(leads));
    }

    /// Whether this process holds the lease now.
    async fn try_once(&mut self) -> bool {
        match self.election.next(self.millis(), crate::clock::unix_micros()) {
            // The leader knows what the lease contains, so it need not read first.
            Step::Update(record) if self.election.leads() && self.write(&record).await => return true,
            _ => {}
        }
        if !self.read().await {
            return false;
        }
        match self.election.next(self.millis(), crate::clock::unix_micros()) {
            Step::Wait => false,
            Step::Create(record) | Step::Update(record) => self.write(&record).await,
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Reads the lease. `true`: its state is known now.
    async fn read(&mut self) -> bool {
        let answer = match self.api.get(&format!("{}/{}", self.path, segment(&self.name))).await {
            Ok(answer) => answer,
            Err(error) => return self.log_failure("read", &error.to_string()),
        };
        if answer.status.as_u16() == 404 {
            self.object = None;
            self.election.observe(self.millis(), None);
            return true;
        }
        self.keep(&answer) || self.log_failure("read", &answer.message())
    }

    async fn write(&mut self, record: &Record) -> bool {
        let (method, path, body) = match &self.object {
            None => (Method::POST, self.path.clone(), record.create(&self.name)),
            Some(object) => {
                (Method::PUT, format!("{}/{}", self.path, segment(&self.name)), record.update(object.clone()))
            }
        };
        match self.api.ask(method, &path, JSON, body.to_string().into_bytes()).await {
            Ok(answer) if answer.status.is_success() => self.keep(&answer),
            Ok(answer) => self.log_failure("write", &answer.message()),
            Err(error) => self.log_failure("write", &error.to_string()),
        }
    }

    /// Takes the lease from an answer.
    fn keep(&mut self, answer: &Answer) -> bool {
        if !answer.status.is_success() {
            return false;
        }
        let Ok(object) = serde_json::from_slice::<Value>(&answer.body) else { return false };
        self.election.observe(self.millis(), Some(Record::read(&object)));
        self.object = Some(object);
        true
    }

    fn log_failure(&self, verb: &str, why: &str) -> bool {
        tracing::info!(lease = self.name, "cannot {verb} the lease: {why}");
        false
    }

    /// Releases the lease, so that another candidate need not wait until it expires.
    async fn release(&mut self) {
        let limit = LAST_TRY.min(self.times.renew_deadline);
        let given_up = async {
            while self.read().await && self.election.leads() {
                let record = self.election.released(crate::clock::unix_micros());
                if self.write(&record).await {
                    return;
                }
            }
        };
        if tokio::time::timeout(limit, given_up).await.is_ok() {
            tracing::info!(lease = self.name, "released the lease");
        }
    }
}

fn spread(retry: Duration) -> Duration {
    retry.mul_f64(1.0 + JITTER * fastrand::f64())
}
