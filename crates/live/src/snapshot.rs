//! A copy of what a scheduler sees of a cluster, to be simulated elsewhere, without what is nobody's business there.

mod redact;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::client::{Answer, Api, ConnectError, Server};
use crate::resource::{NODE_METRICS, PRIORITY_CLASSES, Resource, WATCHED};
use crate::watch::{Page, Status, escape};

const PAGE: usize = 500;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// No API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A kind cannot be listed.
    #[error("cannot list {kind}: {why}")]
    List {
        /// As in `Pod`.
        kind: &'static str,
        /// In the words of the API server, if it said something.
        why: String,
    },
    /// The result cannot be written, or the system refuses something else.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Lists everything that a scheduler sees, and gives each object, redacted, as JSON to `take`. Annotations are left out
/// but for those that decide, and those in `annotations`.
///
/// # Errors
/// Where a kind that decides cannot be listed, and what `take` says.
pub fn snapshot(
    server: &Server,
    annotations: &[String],
    mut take: impl FnMut(&str) -> std::io::Result<()>,
) -> Result<(), SnapshotError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let api = server.connect().await?;
        for resource in WATCHED {
            list(&api, resource, annotations, &mut take).await?;
        }
        for resource in [PRIORITY_CLASSES, NODE_METRICS] {
            match list(&api, resource, annotations, &mut take).await {
                // Clusters work without the metrics API, and schedulers without a look at priority classes.
                Err(SnapshotError::List { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}

async fn list(
    api: &Api,
    resource: Resource,
    annotations: &[String],
    take: &mut impl FnMut(&str) -> std::io::Result<()>,
) -> Result<(), SnapshotError> {
    let failed = |why: String| SnapshotError::List { kind: resource.kind, why };
    let mut more = String::new();
    loop {
        let path = resource.path(&format!("limit={PAGE}{more}"));
        let body = body(api.get(&path).await.map_err(|e| failed(e.to_string()))?).map_err(failed)?;
        let page: Page<'_> = serde_json::from_slice(&body).map_err(|e| failed(e.to_string()))?;
        for item in &page.items {
            take(&redacted(resource, item, annotations).map_err(|e| failed(e.to_string()))?)?;
        }
        if page.metadata.more.is_empty() {
            return Ok(());
        }
        more = format!("&continue={}", escape(&page.metadata.more));
    }
}

fn body(answer: Answer) -> Result<Bytes, String> {
    if answer.status == StatusCode::OK {
        return Ok(answer.body);
    }
    let said: Status = serde_json::from_slice(&answer.body).unwrap_or_default();
    Err(if said.message.is_empty() { answer.status.to_string() } else { said.message })
}

/// Items of lists do not say what they are, so that it is written into them.
fn redacted(resource: Resource, item: &RawValue, annotations: &[String]) -> serde_json::Result<String> {
    let mut object: Value = serde_json::from_str(item.get())?;
    redact::redact(resource.kind, &mut object, annotations);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), resource.api_version.into());
        fields.insert("kind".to_owned(), resource.kind.into());
    }
    serde_json::to_string(&object)
}
