//! Lists the objects of a kind, for those that do not watch it.

use berth_watch::{Page, WatchState};
use bytes::Bytes;
use http::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;

use crate::client::Api;
use crate::resource::Resource;

/// How often a list is begun whose continue token expires before the list is complete.
const ATTEMPTS: usize = 3;

/// The API version that not every API server serves in full: `devicetaintrules` are served since 1.37.
const DEVICES: &str = "resource.k8s.io/v1";

/// Whether a request was refused with this status because an API server of an earlier version does not serve these
/// device objects.
pub(crate) async fn is_absent(api: &Api, resource: Resource, status: StatusCode) -> bool {
    resource.api_version == DEVICES
        && match status {
            StatusCode::NOT_FOUND => true,
            // An API server checks rights first, and the scheduler's role has none for what is not served.
            StatusCode::FORBIDDEN => is_served(api, resource).await == Some(false),
            _ => false,
        }
}

/// Whether discovery lists a resource; `None` if the API server does not say.
async fn is_served(api: &Api, resource: Resource) -> Option<bool> {
    let answer = api.get(&format!("/apis/{}", resource.api_version)).await.ok()?;
    match answer.status {
        StatusCode::NOT_FOUND => Some(false),
        StatusCode::OK => {
            let list: APIResourceList = serde_json::from_slice(&answer.body).ok()?;
            Some(list.resources.iter().any(|served| served.name == resource.plural))
        }
        _ => None,
    }
}

/// Lists all objects of a kind, page by page. There are none of a kind that the API server does not serve.
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
            if is_absent(api, resource, answer.status).await {
                return Ok(Vec::new());
            }
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

    fn listed(script: &Script, kind: Kind) -> Result<usize, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(in_pages(&script.api(), Resource::of(kind))).map(|objects| objects.len())
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
            assert_eq!(listed(&Script::new(answers), Kind::Namespace), expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn an_earlier_api_server_has_no_device_objects() {
        let refused = |code: u16| (code, None, r#"{"message":"refused"}"#.to_owned());
        let list = (200, None, r#"{"groupVersion":"resource.k8s.io/v1","resources":[]}"#.to_owned());
        let cases = [
            (vec![refused(404)], Ok(0)),
            (vec![refused(403), refused(404)], Ok(0)),
            (vec![refused(403), list], Ok(0)),
            (vec![refused(403), refused(403)], Err("refused")),
        ];
        for (answers, expected) in cases {
            assert_eq!(listed(&Script::new(answers), Kind::DeviceTaintRule), expected.map_err(str::to_owned));
        }
    }
}
