//! Lists the objects of a kind, for those that do not watch it.

use berth_watch::{Page, WatchState};
use bytes::Bytes;
use http::StatusCode;

use crate::client::Api;
use crate::resource::Resource;

/// How often a list is begun whose continue token expires before the list is complete.
const ATTEMPTS: usize = 3;

/// Lists all objects of a kind, page by page.
///
/// # Errors
/// In the words of the API server, if it says something.
pub(crate) async fn in_pages(api: &Api, resource: Resource) -> Result<Vec<Bytes>, String> {
    let Resource { api_version, kind, .. } = resource;
    let (mut state, mut objects, mut attempts) = (WatchState::in_pages(), Vec::new(), 0);
    loop {
        let request = state.request();
        if request.begins_list() {
            objects.clear();
            attempts += 1;
        }
        let answer = api.get(&resource.path(&request.query())).await.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            match state.on_refusal(answer.status.as_u16(), &answer.body).reason {
                None if attempts < ATTEMPTS => continue,
                reason => return Err(reason.unwrap_or_else(|| answer.message())),
            }
        }
        match state.on_page(&answer.body, api_version, kind) {
            Ok(page) => {
                objects.extend(page.events.into_iter().map(|event| event.object));
                if page.listed {
                    return Ok(objects);
                }
            }
            Err(reconnect) => return Err(reconnect.reason.unwrap_or_default()),
        }
    }
}

/// Lists all objects of a kind with one request, for APIs that know neither pages nor resource versions.
///
/// # Errors
/// As [`in_pages`].
pub(crate) async fn at_once(api: &Api, resource: Resource) -> Result<Vec<Bytes>, String> {
    let answer = api.get(&resource.path(&[])).await.map_err(|error| error.to_string())?;
    match answer.status {
        StatusCode::OK => Ok(Page::read(&answer.body)?.objects(resource.api_version, resource.kind)),
        _ => Err(answer.message()),
    }
}

#[cfg(test)]
mod tests {
    use berth_model::object::Kind;

    use super::*;
    use crate::fake::{Said, Script};
    use crate::resource::Resource;

    fn page(token: &str, name: &str) -> Said {
        let metadata = format!(r#"{{"resourceVersion":"8","continue":"{token}"}}"#);
        (200, None, format!(r#"{{"metadata":{metadata},"items":[{{"metadata":{{"name":"{name}"}}}}]}}"#))
    }

    fn listed(script: &Script) -> Result<usize, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(in_pages(&script.api(), Resource::of(Kind::Namespace))).map(|objects| objects.len())
    }

    #[test]
    fn a_list_whose_token_expires_begins_again() {
        let expired = (410, None, r#"{"code":410,"reason":"Expired","message":"too old"}"#.to_owned());
        let refused = (403, None, r#"{"message":"namespaces is forbidden"}"#.to_owned());
        let cases = [
            (vec![page("x", "a"), page("", "b")], Ok(2)),
            (vec![page("x", "a"), expired.clone(), page("", "b")], Ok(1)),
            (vec![expired; 3], Err("too old")),
            (vec![refused], Err("namespaces is forbidden")),
        ];
        for (answers, expected) in cases {
            assert_eq!(listed(&Script::new(answers)), expected.map_err(str::to_owned));
        }
    }
}
