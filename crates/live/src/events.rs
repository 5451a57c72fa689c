//! Events (events.k8s.io/v1), written beside everything else: no binding ever waits for one.
//!
//! Upstream: `client-go/tools/events`. What repeats becomes a series there only while the pod does not change, since its
//! events carry the version of the pod; here, what repeats with the same words.

mod series;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use berth_flow::Event;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::Method;
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

use crate::backoff::Backoff;
use crate::client::{Api, JSON, STRATEGIC_MERGE};
use crate::metrics::Metrics;
use crate::watch::escape;
use series::{Series, Write};

/// So many events may wait to be written; more are dropped.
const WAITING: usize = 20_000;
/// So many are written at once.
const IN_FLIGHT: usize = 4;
/// So many may wait until the API server has no bindings to do any more, but for one at a time.
const PATIENT: usize = 5_000;
/// How often an event is tried to be written.
const TRIES: u32 = 12;
/// How often series are looked through.
const SWEEP: Duration = Duration::from_secs(60);

/// Takes events without waiting.
#[derive(Clone)]
pub(crate) struct Recorder {
    sender: Sender<(Event, i64)>,
    metrics: Arc<Metrics>,
}

impl Recorder {
    /// Records an event that happened at a time, in microseconds since the Unix epoch.
    pub(crate) fn record(&self, event: Event, unix_micros: i64) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send((event, unix_micros)) {
            self.metrics.events_dropped.inc();
        }
    }
}

/// A recorder, and who writes what it takes.
/// `requests` counts what is in flight that comes before events.
pub(crate) fn recorder(
    api: Api,
    host: String,
    metrics: Arc<Metrics>,
    requests: Arc<AtomicUsize>,
) -> (Recorder, Writer) {
    let (sender, receiver) = channel(WAITING);
    (Recorder { sender, metrics }, Writer { api, receiver, series: Series::new(host), requests })
}

/// Writes events.
pub(crate) struct Writer {
    api: Api,
    receiver: Receiver<(Event, i64)>,
    series: Series,
    requests: Arc<AtomicUsize>,
}

impl Writer {
    fn limit(&self) -> usize {
        let is_busy = self.requests.load(Ordering::Relaxed) > 0;
        if is_busy && self.receiver.len() < PATIENT { 1 } else { IN_FLIGHT }
    }

    /// Runs until nobody records any more and everything is written.
    pub(crate) async fn run(mut self) {
        let mut running = FuturesUnordered::new();
        let mut open = true;
        let mut sweep = tokio::time::interval_at((Instant::now() + SWEEP).into(), SWEEP);
        loop {
            tokio::select! {
                Some(()) = running.next(), if !running.is_empty() => {}
                received = self.receiver.recv(), if open && running.len() < self.limit() => match received {
                    Some((event, micros)) => {
                        if let Some(write) = self.series.take(&event, micros) {
                            running.push(send(self.api.clone(), write));
                        }
                    }
                    None => open = false,
                },
                _ = sweep.tick(), if open => {
                    for write in self.series.sweep(crate::clock::unix_micros()) {
                        running.push(send(self.api.clone(), write));
                    }
                }
                else => return,
            }
        }
    }
}

async fn send(api: Api, write: Write) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
    for _ in 0..TRIES {
        if try_send(&api, &write).await {
            return;
        }
        tokio::time::sleep(backoff.next()).await;
    }
    tracing::warn!(event = write.name, "cannot write an event, it is given up");
}

/// Whether that is done with.
async fn try_send(api: &Api, write: &Write) -> bool {
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", escape(&write.namespace));
    if let Some(patch) = &write.patch {
        let path = format!("{path}/{}", escape(&write.name));
        match api.ask(Method::PATCH, &path, STRATEGIC_MERGE, patch.clone()).await {
            // What the series began with is gone: it is written anew.
            Ok(answer) if answer.status.as_u16() == 404 => {}
            Ok(answer) => return !answer.is_busy(),
            Err(_) => return false,
        }
    }
    match api.ask(Method::POST, &path, JSON, write.create.clone()).await {
        Ok(answer) if answer.status.as_u16() == 409 => write.patch.is_none(),
        Ok(answer) if answer.is_busy() || answer.status.is_server_error() => false,
        Ok(answer) => {
            if !answer.status.is_success() {
                let said = String::from_utf8_lossy(&answer.body);
                tracing::debug!(
                    event = write.name,
                    status = answer.status.as_u16(),
                    "the API server refuses an event: {said}"
                );
            }
            true
        }
        Err(_) => false,
    }
}
