//! A copy of what a scheduler sees of a cluster, to be simulated elsewhere, without what is nobody's business there.

mod redact;

use berth_model::object::Kind;
use berth_wire::Decoder;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::client::{Answer, Api, ConnectError, Server};
use crate::resource::Resource;
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
/// but for those that decide, and those in `annotations`. What cannot be read is left aside, as the scheduler leaves it
/// aside, and `tell` is told of it.
///
/// # Errors
/// Where a kind that decides cannot be listed, and what `take` says.
pub fn snapshot(
    server: &Server,
    annotations: &[String],
    mut take: impl FnMut(&str) -> std::io::Result<()>,
    mut tell: impl FnMut(&str),
) -> Result<(), SnapshotError> {
    let mut decoder = Decoder::new();
    let mut take = |object: &str| match unreadable(&mut decoder, object) {
        None => take(object),
        Some(why) => {
            tell(&why);
            Ok(())
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let api = server.connect().await?;
        for kind in Kind::WATCHED {
            list(&api, Resource::of(kind), annotations, &mut take).await?;
        }
        for kind in [Kind::PriorityClass, Kind::NodeMetrics] {
            match list(&api, Resource::of(kind), annotations, &mut take).await {
                // Clusters work without the metrics API, and schedulers without a look at priority classes.
                Err(SnapshotError::List { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}

/// What is wrong with an object, if it cannot be read.
fn unreadable(decoder: &mut Decoder, object: &str) -> Option<String> {
    let problems = decoder.object(object).err()?;
    let head: Value = serde_json::from_str(object).unwrap_or_default();
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&head["kind"]), text(&head["metadata"]["name"]));
    let name = match head["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name,
    };
    let words: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
    Some(format!("{kind} {name} cannot be read and is left aside: {}", words.join("; ")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named_with_its_field() {
        let pod = |cpu: &str| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"namespace":"shop","name":"a"}},
                    "spec":{{"containers":[{{"name":"c","resources":{{"requests":{{"cpu":"{cpu}"}}}}}}]}}}}"#
            )
        };
        let mut decoder = Decoder::new();
        assert_eq!(unreadable(&mut decoder, &pod("1")), None);
        let why = unreadable(&mut decoder, &pod("many")).unwrap();
        let start = "Pod shop/a cannot be read and is left aside: spec.containers[0].resources.requests";
        assert!(why.starts_with(start), "{why}");
        let class = r#"{"apiVersion":"scheduling.k8s.io/v1","kind":"PriorityClass","metadata":{"name":"a"},"value":7}"#;
        assert_eq!(unreadable(&mut decoder, class), None);
    }
}
