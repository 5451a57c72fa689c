//! Lists and watches one kind for the simulated nodes, for as long as they run.

use std::time::Duration;

use futures::TryStreamExt;
use http::Request;
use kube::core::WatchEvent;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::Sender;

use super::view::Meta;

/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(200);

/// What happened to the objects of a kind.
#[derive(Debug)]
pub(crate) enum Seen<T> {
    /// These are all objects.
    All(Vec<T>),
    /// An object is there, as it is now.
    Is(T),
    /// An object is gone.
    Gone(T),
}

/// An object with metadata.
pub(crate) trait Object: Clone + DeserializeOwned + Send + 'static {
    fn meta(&self) -> &Meta;
}

#[derive(Deserialize)]
struct List<T> {
    metadata: Meta,
    items: Vec<T>,
}

/// Sends what happens at `path` until the receiver is gone. Failures are repeated: the API server may be started again.
pub(crate) async fn follow<T: Object>(client: kube::Client, path: &'static str, to: Sender<Seen<T>>) {
    while !to.is_closed() {
        // The error is only that the API server is not there or too busy: the next try finds out.
        let _ = once(&client, path, &to).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Lists, then watches until the watch cannot be continued.
async fn once<T: Object>(client: &kube::Client, path: &str, to: &Sender<Seen<T>>) -> kube::Result<()> {
    let request = Request::get(format!("{path}?resourceVersion=0")).body(Vec::new());
    let list: List<T> = client.request(request.map_err(kube::Error::HttpError)?).await?;
    let mut version = list.metadata.resource_version;
    if to.send(Seen::All(list.items)).await.is_err() {
        return Ok(());
    }
    loop {
        let query = format!(
            "{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds=280&resourceVersion={version}"
        );
        let request = Request::get(query).body(Vec::new()).map_err(kube::Error::HttpError)?;
        let mut events = std::pin::pin!(client.request_events::<T>(request).await?);
        while let Some(event) = events.try_next().await? {
            let seen = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => Seen::Is(object),
                WatchEvent::Deleted(object) => Seen::Gone(object),
                WatchEvent::Bookmark(mark) => {
                    version = mark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(_) => return Ok(()),
            };
            if let Seen::Is(object) | Seen::Gone(object) = &seen {
                version.clone_from(&object.meta().resource_version);
            }
            if to.send(seen).await.is_err() {
                return Ok(());
            }
        }
    }
}
