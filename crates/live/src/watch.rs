//! A watch on one kind: what is there, then every change, for ever.
//!
//! ```text
//!            ┌──── cannot go on (410), or anything fails before the end of the listing ────┐
//!            ▼                                                                              │
//!        Listing ── initial events, or pages where the server cannot stream ──► Listed ──► following
//!                                                                                           │   ▲
//!                                                             connection ends, from there on └───┘
//!        (a flow that begins anew: back to Listing from anywhere)
//! ```
//! Lines go to the flow's thread as they come; nothing is decoded or kept here.

mod line;
mod pages;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_model::object::Kind;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;

use crate::backoff::Backoff;
use crate::client::Api;
use crate::message::{Closed, Inbox, Told};
use crate::metrics::Metrics;
use crate::resource::Resource;

pub(crate) use line::{Change, Line, Metadata, Status};
pub(crate) use pages::{Page, escape};

/// API servers send a bookmark every minute; after so long without a line the connection is dead.
const SILENCE: Duration = Duration::from_secs(240);
/// How long the API server lets a watch last, so that watches move to other servers now and then.
const LAST_SECONDS: u64 = 300;
/// The same failure is told so often.
const REPEAT: Duration = Duration::from_secs(60);
/// What went well for so long begins with short waits again.
const STEADY: Duration = Duration::from_secs(10);

/// How a watch came to an end.
#[derive(Debug)]
enum End {
    /// The server closed it, as it does every few minutes.
    Over,
    /// All that is there was listed; what comes next is to be watched.
    Listed,
    /// What comes next is not known any more.
    Expired,
    /// The server cannot stream what is there.
    NoStreaming,
    /// Something failed.
    Failed(String),
    /// There is another flow, which knows nothing yet.
    Anew,
    /// Nobody is there to be told.
    Closed,
}

impl From<Closed> for End {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// A watch on one kind.
pub(crate) struct Watch {
    api: Api,
    resource: Resource,
    kind: Kind,
    inbox: Inbox,
    metrics: Arc<Metrics>,
    /// Which flow it tells.
    era: u64,
    /// After which version to go on; none where everything is to be listed.
    position: Option<String>,
    /// The last line that was passed on since.
    last: Bytes,
    streaming: bool,
}

impl Watch {
    pub(crate) fn new(api: Api, resource: Resource, kind: Kind, inbox: Inbox, metrics: Arc<Metrics>) -> Self {
        let era = inbox.era();
        Self { api, resource, kind, inbox, metrics, era, position: None, last: Bytes::new(), streaming: true }
    }

    /// Runs until nobody is there to be told.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
        let mut told = None;
        loop {
            let start = Instant::now();
            let end = self.go_on().await;
            self.settle();
            if start.elapsed() >= STEADY {
                backoff.reset();
            }
            match end {
                End::Listed | End::Anew => continue,
                End::Over if start.elapsed() >= STEADY => continue,
                End::Over => {}
                End::Closed => return,
                End::NoStreaming => {
                    self.streaming = false;
                    continue;
                }
                End::Expired => self.position = None,
                End::Failed(why) => {
                    let is_known = told
                        .as_ref()
                        .is_some_and(|(at, said): &(Instant, String)| *said == why && at.elapsed() < REPEAT);
                    if !is_known {
                        tracing::warn!(kind = self.resource.kind, "cannot watch, trying again: {why}");
                        told = Some((Instant::now(), why));
                    }
                }
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }

    async fn go_on(&mut self) -> End {
        let era = self.inbox.era();
        if self.era != era {
            self.era = era;
            self.position = None;
        }
        if let Some(version) = &self.position {
            let query = format!("resourceVersion={version}&{}", watch_query());
            return self.follow(&query, false).await.unwrap_or_else(|end| end);
        }
        self.metrics.relists.with_label_values(&[self.resource.kind]).inc();
        if self.tell(Told::Listing).await.is_err() {
            return End::Closed;
        }
        if self.streaming {
            let query = format!("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&{}", watch_query());
            self.follow(&query, true).await.unwrap_or_else(|end| end)
        } else {
            self.list().await.err().unwrap_or(End::Listed)
        }
    }

    /// Passes on what a watch says until it ends.
    async fn follow(&mut self, query: &str, initial: bool) -> Result<End, End> {
        let path = self.resource.path(query);
        let response = self.api.watch(&path).await.map_err(|e| End::Failed(e.to_string()))?;
        let status = response.status();
        let mut body = response.into_body();
        if status != StatusCode::OK {
            let text = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            return Err(refused(status, &text, initial));
        }
        let mut buffer = BytesMut::new();
        loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(SILENCE, body.frame()) => frame,
                () = self.inbox.next_era(self.era) => return Err(End::Anew),
            };
            let frame = match frame {
                Err(_) => return Err(End::Failed(format!("silent for {} s", SILENCE.as_secs()))),
                Ok(None) => return Ok(End::Over),
                Ok(Some(Err(error))) => return Err(End::Failed(error.to_string())),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            buffer.extend_from_slice(&data);
            if let Some(at) = memchr::memrchr(b'\n', &buffer) {
                let block = buffer.split_to(at + 1).freeze();
                self.pass_on(block).await?;
            }
        }
    }

    /// Passes whole lines on. What concerns the watch itself is read here too.
    async fn pass_on(&mut self, block: Bytes) -> Result<(), End> {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &block) {
            let line = &block[start..end];
            if Line::is(line, "ERROR") {
                self.tell(Told::Lines(block.slice(..start))).await?;
                return Err(broken(line));
            }
            if Line::is(line, "BOOKMARK") {
                let metadata =
                    Line::read(line).map(|line| Metadata::of(line.object.get())).unwrap_or_default();
                if self.position.is_some() || metadata.ends_initial() {
                    self.position = Some(metadata.resource_version.into_owned());
                    self.last.clear();
                }
            } else {
                self.last = block.slice(start..end);
            }
            start = end + 1;
        }
        Ok(self.tell(Told::Lines(block)).await?)
    }

    async fn tell(&self, told: Told) -> Result<(), Closed> {
        self.inbox.tell(self.kind, self.era, told).await
    }

    /// Where to go on follows from the last line, unless the listing did not come to its end.
    fn settle(&mut self) {
        let last = std::mem::take(&mut self.last);
        if self.position.is_none() || last.is_empty() {
            return;
        }
        let Ok(line) = Line::read(&last) else { return };
        let version = Metadata::of(line.object.get()).resource_version;
        if !version.is_empty() {
            self.position = Some(version.into_owned());
        }
    }
}

fn watch_query() -> String {
    format!(
        "watch=true&allowWatchBookmarks=true&timeoutSeconds={}",
        LAST_SECONDS + crate::backoff::random(LAST_SECONDS)
    )
}

/// The server will not watch.
fn refused(status: StatusCode, body: &[u8], initial: bool) -> End {
    match status {
        StatusCode::GONE => End::Expired,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY if initial => End::NoStreaming,
        _ => {
            let said: Status = serde_json::from_slice(body).unwrap_or_default();
            let words = if said.message.is_empty() { status.to_string() } else { said.message };
            End::Failed(words)
        }
    }
}

/// The server ends the watch with a reason.
fn broken(line: &[u8]) -> End {
    let status = Line::read(line).and_then(|line| serde_json::from_str::<Status>(line.object.get()));
    match status {
        Ok(status) if status.code == 410 || matches!(&*status.reason, "Expired" | "Gone") => End::Expired,
        Ok(status) => End::Failed(status.message),
        Err(error) => End::Failed(error.to_string()),
    }
}
