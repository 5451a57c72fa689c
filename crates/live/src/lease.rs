//! Leader election on a `coordination.k8s.io/v1` Lease: one of several schedulers acts, the others wait.
//!
//! Upstream: `client-go/tools/leaderelection`; the lease has the same name, and is read and written in the same way, so
//! that Berth and kube-scheduler may stand by for each other.

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
use crate::message::Inbox;
use crate::metrics::Metrics;
use crate::reign::Reign;
use crate::watch::{Status, escape};
use election::{Election, Record, Step};

/// By how much waiting candidates are spread, as a part of the retry period.
const JITTER: f64 = 1.2;

/// Giving the lease up may take so long.
const LAST_TRY: Duration = Duration::from_secs(5);

/// The lease was not renewed in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

/// The settings in Rust's terms. Those that cannot be used were refused when the configuration was read.
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
    reign: Arc<Reign>,
    metrics: Arc<Metrics>,
    name: String,
    /// The collection that it lives in.
    path: String,
    times: Times,
    election: Election,
    /// The object as it was read last; what it holds beside the record stays.
    object: Option<Value>,
    start: Instant,
}

impl Lease {
    /// A candidate of that identity, which no other process may have.
    pub(crate) fn new(
        settings: &LeaderElection,
        identity: String,
        api: Api,
        inbox: Inbox,
        reign: Arc<Reign>,
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
            escape(&settings.resource_namespace)
        );
        Self {
            election: Election::new(identity, times.lease),
            api,
            inbox,
            reign,
            metrics,
            name: settings.resource_name.clone(),
            path,
            times,
            object: None,
            start: Instant::now(),
        }
    }

    /// Tries to lead, then leads until the lease is lost or `release` says that nobody acts any more.
    pub(crate) async fn run(mut self, mut release: oneshot::Receiver<()>) -> Result<(), Lost> {
        tracing::info!(lease = self.name, identity = self.election.identity(), "waiting for the lease");
        self.tell(false);
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
                self.reign.extend(began, Some(self.times.lease));
                if renewed.is_none() {
                    tracing::info!(lease = self.name, "leading");
                    self.tell(true);
                }
                renewed = Some(began);
            } else if renewed.is_some_and(|at| at.elapsed() >= self.times.renew_deadline) {
                self.reign.end();
                self.tell(false);
                return Err(Lost);
            }
            let pause = if renewed.is_some() { self.times.retry } else { spread(self.times.retry) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = &mut release => break,
            }
        }
        self.reign.end();
        if renewed.is_some() {
            self.release().await;
        }
        Ok(())
    }

    fn tell(&self, leads: bool) {
        self.metrics.leads.with_label_values(&[&self.name]).set(leads.into());
        // Where nobody listens any more, the process is about to end.
        let _ = self.inbox.input(Input::Leads(leads));
    }

    /// Whether this process holds the lease now.
    async fn try_once(&mut self) -> bool {
        match self.election.next(self.millis(), crate::clock::unix_micros()) {
            // The leader knows what is written there, so that it need not read first.
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

    /// Reads the lease; whether it is clear now what is there.
    async fn read(&mut self) -> bool {
        let answer = match self.api.get(&format!("{}/{}", self.path, escape(&self.name))).await {
            Ok(answer) => answer,
            Err(error) => return self.complain("read", &error.to_string()),
        };
        if answer.status.as_u16() == 404 {
            self.object = None;
            self.election.observe(self.millis(), None);
            return true;
        }
        self.keep(&answer) || self.complain("read", &words(&answer))
    }

    async fn write(&mut self, record: &Record) -> bool {
        let (method, path, body) = match &self.object {
            None => (Method::POST, self.path.clone(), record.create(&self.name)),
            Some(object) => {
                (Method::PUT, format!("{}/{}", self.path, escape(&self.name)), record.update(object.clone()))
            }
        };
        match self.api.ask(method, &path, JSON, body.to_string().into_bytes()).await {
            Ok(answer) if answer.status.is_success() => self.keep(&answer),
            Ok(answer) => self.complain("write", &words(&answer)),
            Err(error) => self.complain("write", &error.to_string()),
        }
    }

    /// Takes over what the API server says is there.
    fn keep(&mut self, answer: &Answer) -> bool {
        if !answer.status.is_success() {
            return false;
        }
        let Ok(object) = serde_json::from_slice::<Value>(&answer.body) else { return false };
        self.election.observe(self.millis(), Some(Record::read(&object)));
        self.object = Some(object);
        true
    }

    fn complain(&self, verb: &str, why: &str) -> bool {
        tracing::info!(lease = self.name, "cannot {verb} the lease: {why}");
        false
    }

    /// Gives the lease up, so that nobody has to wait for its end.
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
            tracing::info!(lease = self.name, "released");
        }
    }
}

fn words(answer: &Answer) -> String {
    let said: Status = serde_json::from_slice(&answer.body).unwrap_or_default();
    if said.message.is_empty() { answer.status.to_string() } else { said.message }
}

fn spread(retry: Duration) -> Duration {
    let part = crate::backoff::random(1_000) as f64 / 1_000.0;
    retry.mul_f64(1.0 + JITTER * part)
}
