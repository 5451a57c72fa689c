//! Events (events.k8s.io/v1). They are written in the background, and no binding waits for one.
//!
//! Upstream: `client-go/tools/events`. There, equal events become a series only while the pod does not change, since
//! its events carry the resource version of the pod. Here, events become a series if their words are equal.

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
use crate::resource::segment;
use series::{Series, Write};

/// The number of events that may wait to be written. More are dropped.
const WAITING: usize = 20_000;
/// The limit on events in flight.
const IN_FLIGHT: usize = 4;
/// While bindings are in flight, only one event at a time is written, unless more events than this wait.
const PATIENT: usize = 5_000;
/// The number of attempts to write an event.
const TRIES: u32 = 12;
/// The time between two sweeps of the series.
const SWEEP: Duration = Duration::from_secs(60);

/// Takes events without waiting.
#[derive(Clone)]
pub(crate) struct EventRecorder {
    sender: Sender<(Event, i64)>,
    metrics: Arc<Metrics>,
}

impl EventRecorder {
    /// Records an event that happened at a time, in microseconds since the Unix epoch.
    pub(crate) fn record(&self, event: Event, unix_micros: i64) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send((event, unix_micros)) {
            self.metrics.events_dropped.inc();
        }
    }
}

/// A recorder, and the writer of its events. `requests` is the number of requests in flight, which go before events.
pub(crate) fn recorder(
    api: Api,
    host: String,
    metrics: Arc<Metrics>,
    requests: Arc<AtomicUsize>,
) -> (EventRecorder, EventWriter) {
    let (sender, receiver) = channel(WAITING);
    (EventRecorder { sender, metrics }, EventWriter { api, receiver, series: Series::new(host), requests })
}

/// Writes events.
pub(crate) struct EventWriter {
    api: Api,
    receiver: Receiver<(Event, i64)>,
    series: Series,
    requests: Arc<AtomicUsize>,
}

impl EventWriter {
    fn limit(&self) -> usize {
        let is_busy = self.requests.load(Ordering::Relaxed) > 0;
        if is_busy && self.receiver.len() < PATIENT { 1 } else { IN_FLIGHT }
    }

    /// Runs until all recorders are gone and all events are written.
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
    tracing::warn!(event = write.name, "dropping an event that the API server did not accept in time");
}

/// Whether the event is written or refused, so that no retry is needed.
async fn try_send(api: &Api, write: &Write) -> bool {
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", segment(&write.namespace));
    if let Some(patch) = &write.patch {
        let path = format!("{path}/{}", segment(&write.name));
        match api.ask(Method::PATCH, &path, STRATEGIC_MERGE, patch.clone()).await {
            // The event was deleted in the meantime: it is created again.
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
                tracing::debug!(event = write.name, "the API server refuses an event: {}", answer.message());
            }
            true
        }
        Err(_) => false,
    }
}
