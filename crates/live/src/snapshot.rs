//! Snapshots: the objects of a cluster that a scheduler sees, for simulations elsewhere, without confidential data.

mod redact;

use berth_model::object::Kind;
use berth_wire::Decoder;
use bytes::Bytes;
use serde_json::Value;

use crate::client::{ConnectError, Server};
use crate::list;
use crate::resource::Resource;

/// Why a snapshot cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no way to connect to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A kind cannot be listed.
    #[error("cannot list {kind}: {why}")]
    List {
        /// The kind.
        kind: &'static str,
        /// The message of the API server, if it sent one.
        why: String,
    },
    /// The result cannot be written, or the operating system refuses something else.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Lists all objects that a scheduler sees, and gives each one as JSON to `take`, without confidential data. Annotations are
/// removed, except those that affect scheduling and those in `annotations`. An object that cannot be read is skipped, as
/// the scheduler ignores it, with a warning to `warn`.
///
/// # Errors
/// If a kind that the scheduler needs cannot be listed, and the errors of `take`.
pub fn snapshot(
    server: &Server,
    annotations: &[String],
    mut take: impl FnMut(&str) -> std::io::Result<()>,
    mut warn: impl FnMut(&str),
) -> Result<(), SnapshotError> {
    let mut decoder = Decoder::new();
    let mut take = |object: &str| match unreadable(&mut decoder, object) {
        None => take(object),
        Some(why) => {
            warn(&why);
            Ok(())
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let api = server.connect().await?;
        let mut pass_on = |resource, objects: Vec<Bytes>| {
            objects.iter().try_for_each(|object| take(&redacted(resource, object, annotations)?))
        };
        for kind in Kind::WATCHED {
            let resource = Resource::of(kind);
            let failed = |why| SnapshotError::List { kind: resource.kind, why };
            pass_on(resource, list::in_pages(&api, resource).await.map_err(failed)?)?;
        }
        // Clusters work without the metrics API, and a scheduler works without priority classes.
        let classes = Resource::of(Kind::PriorityClass);
        pass_on(classes, list::in_pages(&api, classes).await.unwrap_or_default())?;
        let metrics = Resource::of(Kind::NodeMetrics);
        pass_on(metrics, list::at_once(&api, metrics).await.unwrap_or_default())?;
        Ok(())
    })
}

/// The problem of an object that cannot be read.
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
    Some(format!("{kind} {name} cannot be read and is skipped: {}", words.join("; ")))
}

fn redacted(resource: Resource, object: &[u8], annotations: &[String]) -> serde_json::Result<String> {
    let mut object: Value = serde_json::from_slice(object)?;
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
    fn an_object_that_cannot_be_read_is_named_with_its_field() {
        let pod = |cpu: &str| {
            format!(
                r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"namespace":"shop","name":"a"}},
                    "spec":{{"containers":[{{"name":"c","resources":{{"requests":{{"cpu":"{cpu}"}}}}}}]}}}}"#
            )
        };
        let mut decoder = Decoder::new();
        assert_eq!(unreadable(&mut decoder, &pod("1")), None);
        let why = unreadable(&mut decoder, &pod("many")).unwrap();
        let start = "Pod shop/a cannot be read and is skipped: spec.containers[0].resources.requests";
        assert!(why.starts_with(start), "{why}");
        let class = r#"{"apiVersion":"scheduling.k8s.io/v1","kind":"PriorityClass","metadata":{"name":"a"},"value":7}"#;
        assert_eq!(unreadable(&mut decoder, class), None);
    }
}
