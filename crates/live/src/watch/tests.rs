//! Watches with a scripted API server.

use std::sync::{Arc, mpsc};

use berth_model::object::Kind;
use berth_watch::Metadata;

use super::Watch;
use crate::fake::{Said, Script};
use crate::message::{Delivery, Inbox, Message, WatchMessage};
use crate::metrics::Metrics;
use crate::resource::Resource;

fn line(change: &str, name: &str, version: u32) -> String {
    let metadata = format!(r#"{{"name":"{name}","resourceVersion":"{version}"}}"#);
    format!(
        r#"{{"type":"{change}","object":{{"apiVersion":"v1","kind":"Namespace","metadata":{metadata}}}}}"#
    ) + "\n"
}

fn end_of_initial(version: u32) -> String {
    let annotations = r#"{"k8s.io/initial-events-end":"true"}"#;
    let metadata = format!(r#"{{"resourceVersion":"{version}","annotations":{annotations}}}"#);
    format!(r#"{{"type":"BOOKMARK","object":{{"kind":"Namespace","metadata":{metadata}}}}}"#) + "\n"
}

fn ok(text: impl Into<String>) -> Said {
    (200, None, text.into())
}

/// Runs a watch until the script ends. Gives the first parameter of each request, and what the event loop got.
fn watched(script: &Script) -> (Vec<String>, Vec<String>) {
    watched_kind(script, Kind::Namespace)
}

fn watched_kind(script: &Script, kind: Kind) -> (Vec<String>, Vec<String>) {
    let (sender, receiver) = mpsc::channel();
    let (_flow, epoch) = tokio::sync::watch::channel(0);
    let metrics = Arc::new(Metrics::new().unwrap());
    let resource = Resource::of(kind);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let watch = Watch::new(script.api(), resource, kind, Inbox::new(sender, epoch), metrics);
        tokio::select! {
            () = watch.run() => {}
            () = script.ended() => {}
        }
    });
    let queries = script.asked().into_iter().map(|(_, path, _)| {
        let query = path.split_once('?').map_or(String::new(), |(_, query)| query.to_owned());
        query.split('&').next().unwrap_or_default().to_owned()
    });
    (queries.collect(), receiver.try_iter().flat_map(shown).collect())
}

fn shown(message: Message) -> Vec<String> {
    let Message::Watch(WatchMessage { delivery, .. }) = message else { return vec![format!("{message:?}")] };
    match delivery {
        Delivery::Listing => vec!["listing".to_owned()],
        Delivery::Listed(_) => vec!["listed".to_owned()],
        Delivery::Events(events) => events
            .iter()
            .map(|event| format!("{:?} {}", event.event_type, Metadata::of(&event.object).name))
            .collect(),
    }
}

#[test]
fn a_watch_resumes_where_its_connection_ended() {
    let first =
        line("ADDED", "a", 3) + &line("ADDED", "b", 2) + &end_of_initial(5) + &line("MODIFIED", "a", 7);
    let script = Script::new([ok(first), ok(line("DELETED", "b", 9)), ok("")]);
    let (asked, delivered) = watched(&script);
    assert_eq!(
        asked,
        ["sendInitialEvents=true", "resourceVersion=7", "resourceVersion=9", "resourceVersion=9"]
    );
    assert_eq!(delivered, ["listing", "Added a", "Added b", "listed", "Modified a", "Deleted b"]);
}

#[test]
fn a_watch_that_fell_behind_lists_again() {
    let expired =
        r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#.to_owned() + "\n";
    let gone = (410, None, String::new());
    let script = Script::new([ok(end_of_initial(5)), ok(line("ADDED", "a", 6) + &expired), gone.clone()]);
    let (asked, delivered) = watched(&script);
    assert_eq!(
        asked,
        ["sendInitialEvents=true", "resourceVersion=5", "sendInitialEvents=true", "sendInitialEvents=true"]
    );
    assert_eq!(delivered, ["listing", "listed", "Added a", "listing", "listing"]);
}

#[test]
fn a_list_that_breaks_off_begins_again() {
    let script = Script::new([ok(line("ADDED", "a", 3)), (500, None, r#"{"message":"etcd"}"#.to_owned())]);
    let (asked, delivered) = watched(&script);
    assert_eq!(asked, ["sendInitialEvents=true"; 3]);
    assert_eq!(delivered, ["listing", "Added a", "listing", "listing"]);
}

#[test]
fn a_server_that_cannot_stream_is_asked_for_pages() {
    let page = |more: &str, name: &str| {
        ok(format!(
            r#"{{"metadata":{{"resourceVersion":"8","continue":"{more}"}},"items":[{{"metadata":{{"name":"{name}"}}}}]}}"#
        ))
    };
    let script = Script::new([(422, None, String::new()), page("x/1", "a"), page("", "b")]);
    let (asked, delivered) = watched(&script);
    assert_eq!(asked, ["sendInitialEvents=true", "limit=500", "limit=500", "resourceVersion=8"]);
    assert_eq!(script.asked()[2].1, "/api/v1/namespaces?limit=500&continue=x%2F1");
    assert_eq!(delivered, ["listing", "listing", "Added a", "Added b", "listed"]);
}

#[test]
fn device_objects_that_the_server_does_not_serve_count_as_none() {
    const SERVED: &str = r#"{"groupVersion":"resource.k8s.io/v1","resources":[
        {"name":"resourceslices","singularName":"","namespaced":false,"kind":"ResourceSlice","verbs":["list"]}]}"#;
    let refused =
        |code: u16| (code, None, r#"{"kind":"Status","reason":"refused","message":"no"}"#.to_owned());
    let cases = [
        ("no such path", vec![refused(404)], true),
        ("no rights, and not served", vec![refused(403), ok(SERVED)], true),
        ("no rights, and the version is not served", vec![refused(403), refused(404)], true),
        ("no rights, and nothing is known of it", vec![refused(403), refused(403)], false),
        ("another failure", vec![refused(500)], false),
    ];
    for (case, answers, is_none) in cases {
        let (_, got) = watched_kind(&Script::new(answers), Kind::DeviceTaintRule);
        assert_eq!(got.iter().any(|delivery| delivery == "listed"), is_none, "{case}: {got:?}");
    }
    let (_, got) = watched_kind(&Script::new([refused(403), ok(SERVED)]), Kind::ResourceSlice);
    assert!(
        !got.iter().any(|delivery| delivery == "listed"),
        "it is served, and the rights are missing: {got:?}"
    );
}
