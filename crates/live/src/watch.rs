//! The IO of a watch on one kind: sends what [`WatchState`] asks for, and delivers what comes back to the event loop.
//! Nothing is decoded or kept here.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_model::object::Kind;
use berth_watch::{Command, LineBuffer, Pause, Reconnect, Request, WatchState};
use http::StatusCode;
use http_body_util::BodyExt;

use crate::backoff::Backoff;
use crate::client::Api;
use crate::list;
use crate::message::{Closed, Delivery, Inbox};
use crate::metrics::Metrics;
use crate::resource::Resource;

/// API servers send a bookmark every minute. A connection without a line for this time is dead.
const SILENCE: Duration = Duration::from_secs(240);
/// The API server is asked to end a watch after this time, up to twice as much, so that watches move to other servers.
const TIMEOUT_SECONDS: u64 = 300;
/// The same failure is logged again after this time.
const LOG_AGAIN: Duration = Duration::from_secs(60);
/// After a connection that lasted for this time, the backoff begins with its shortest pause.
const STEADY: Duration = Duration::from_secs(10);

/// A watch on one kind.
pub(crate) struct Watch {
    api: Api,
    resource: Resource,
    kind: Kind,
    inbox: Inbox,
    metrics: Arc<Metrics>,
    /// The epoch of the flow that the state belongs to.
    epoch: u64,
    state: WatchState,
}

impl Watch {
    pub(crate) fn new(api: Api, resource: Resource, kind: Kind, inbox: Inbox, metrics: Arc<Metrics>) -> Self {
        let epoch = inbox.epoch();
        Self { api, resource, kind, inbox, metrics, epoch, state: WatchState::new() }
    }

    /// Runs until the event loop ends.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
        let mut logged: Option<(Instant, String)> = None;
        loop {
            let start = Instant::now();
            self.follow_epoch();
            let Ok(Reconnect { pause, reason }) = self.send().await else { return };
            if start.elapsed() >= STEADY {
                backoff.reset();
            }
            if let Some(reason) = reason {
                let is_known =
                    logged.as_ref().is_some_and(|(at, known)| *known == reason && at.elapsed() < LOG_AGAIN);
                if !is_known {
                    tracing::warn!(kind = self.resource.kind, "cannot watch, will retry: {reason}");
                    logged = Some((Instant::now(), reason));
                }
            }
            match pause {
                Pause::None => {}
                Pause::BackoffIfShort if start.elapsed() >= STEADY => {}
                Pause::BackoffIfShort | Pause::Backoff => tokio::time::sleep(backoff.next()).await,
            }
        }
    }

    /// A new flow knows nothing: everything is listed again.
    fn follow_epoch(&mut self) {
        let epoch = self.inbox.epoch();
        if self.epoch != epoch {
            self.epoch = epoch;
            self.state.restart();
        }
    }

    /// Sends one request and delivers the answer.
    async fn send(&mut self) -> Result<Reconnect, Closed> {
        let request = self.state.request();
        if request.begins_list() {
            self.metrics.relists.with_label_values(&[self.resource.kind]).inc();
            self.deliver(Delivery::Listing).await?;
        }
        let mut query = request.query();
        if matches!(request, Request::List { .. }) {
            return self.page(&query).await;
        }
        query.push(("timeoutSeconds", fastrand::u64(TIMEOUT_SECONDS..=2 * TIMEOUT_SECONDS).to_string()));
        self.stream(&query).await
    }

    async fn page(&mut self, query: &[(&str, String)]) -> Result<Reconnect, Closed> {
        let answer = match self.api.get(&self.resource.path(query)).await {
            Ok(answer) => answer,
            Err(error) => return Ok(self.state.on_error(error.to_string())),
        };
        if answer.status != StatusCode::OK {
            self.note_absence(answer.status).await?;
            return Ok(self.state.on_refusal(answer.status.as_u16(), &answer.body));
        }
        let Resource { api_version, kind, .. } = self.resource;
        match self.state.on_page(&answer.body, api_version, kind) {
            Ok(page) => {
                self.deliver(Delivery::Events(page.events)).await?;
                if page.listed {
                    self.deliver(Delivery::Listed(self.state.version().to_owned())).await?;
                }
                Ok(Reconnect { pause: Pause::None, reason: None })
            }
            Err(reconnect) => Ok(reconnect),
        }
    }

    async fn stream(&mut self, query: &[(&str, String)]) -> Result<Reconnect, Closed> {
        let response = match self.api.watch(&self.resource.path(query)).await {
            Ok(response) => response,
            Err(error) => return Ok(self.state.on_error(error.to_string())),
        };
        let status = response.status();
        let mut body = response.into_body();
        if status != StatusCode::OK {
            let limited = http_body_util::Limited::new(body, MAX_REFUSAL_BYTES).collect().await;
            let text = limited.map(|body| body.to_bytes()).unwrap_or_default();
            self.note_absence(status).await?;
            return Ok(self.state.on_refusal(status.as_u16(), &text));
        }
        let mut buffer = LineBuffer::default();
        loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(SILENCE, body.frame()) => frame,
                () = self.inbox.next_epoch(self.epoch) => return Ok(Reconnect { pause: Pause::None, reason: None }),
            };
            let frame = match frame {
                Err(_) => {
                    return Ok(self.state.on_error(format!("no data for {} s", SILENCE.as_secs())));
                }
                Ok(None) => return Ok(self.state.on_end()),
                Ok(Some(Err(error))) => return Ok(self.state.on_error(error.to_string())),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            buffer.push(&data);
            if let Some(reconnect) = self.read_lines(&mut buffer).await? {
                return Ok(reconnect);
            }
        }
    }

    /// There are no objects of a kind that the API server does not serve. It is asked again later.
    async fn note_absence(&self, status: StatusCode) -> Result<(), Closed> {
        let is_absent = list::is_absent(&self.api, self.resource, status).await;
        if is_absent { self.deliver(Delivery::Listed(String::new())).await } else { Ok(()) }
    }

    /// Delivers the complete lines of a buffer; says how to go on if the watch has ended.
    async fn read_lines(&mut self, buffer: &mut LineBuffer) -> Result<Option<Reconnect>, Closed> {
        let mut events = Vec::new();
        let end = loop {
            let line = match buffer.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break None,
                Err(error) => break Some(self.state.on_error(error.to_string())),
            };
            match self.state.on_line(&line) {
                Command::Deliver(event) => events.push(event),
                Command::Continue => {}
                Command::Listed => {
                    self.deliver(Delivery::Events(std::mem::take(&mut events))).await?;
                    self.deliver(Delivery::Listed(self.state.version().to_owned())).await?;
                }
                Command::Reconnect(reconnect) => break Some(reconnect),
            }
        };
        self.deliver(Delivery::Events(events)).await?;
        Ok(end)
    }

    async fn deliver(&self, delivery: Delivery) -> Result<(), Closed> {
        self.inbox.deliver(self.kind, self.epoch, delivery).await
    }
}

/// The body of a refusal is read up to this size.
const MAX_REFUSAL_BYTES: usize = 1 << 20;
