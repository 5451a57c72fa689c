//! The life of a watch, step by step.

use bytes::Bytes;

use super::*;

fn object(name: &str, version: u32) -> String {
    format!(r#"{{"kind":"Namespace","metadata":{{"name":"{name}","resourceVersion":"{version}"}}}}"#)
}

fn line(event_type: &str, name: &str, version: u32) -> Bytes {
    format!(r#"{{"type":"{event_type}","object":{}}}"#, object(name, version)).into()
}

fn end_of_initial_events(version: u32) -> Bytes {
    let annotations = r#"{"k8s.io/initial-events-end":"true"}"#;
    let metadata = format!(r#"{{"resourceVersion":"{version}","annotations":{annotations}}}"#);
    format!(r#"{{"object":{{"metadata":{metadata}}},"type":"BOOKMARK"}}"#).into()
}

fn error(status: &str) -> Bytes {
    format!(r#"{{"type":"ERROR","object":{status}}}"#).into()
}

/// A watch whose list is complete at a version.
fn listed(version: u32) -> WatchState {
    let mut state = WatchState::new();
    assert_eq!(state.on_line(&end_of_initial_events(version)), Command::Listed);
    state
}

fn watch(version: &str) -> Request {
    Request::Watch { resource_version: version.to_owned() }
}

fn reconnect(pause: Pause, reason: Option<&str>) -> Reconnect {
    Reconnect { pause, reason: reason.map(str::to_owned) }
}

#[test]
fn a_watch_resumes_after_what_it_delivered() {
    let mut state = WatchState::new();
    assert_eq!(state.request(), Request::WatchList);
    let Command::Deliver(event) = state.on_line(&line("ADDED", "a", 7)) else {
        panic!("an object is delivered")
    };
    assert_eq!(event.object, object("a", 7));
    assert_eq!(state.on_line(&end_of_initial_events(5)), Command::Listed);
    assert_eq!(state.on_end(), reconnect(Pause::BackoffIfShort, None));
    assert_eq!(state.request(), watch("5"));
    for (line, expected) in [
        (line("MODIFIED", "a", 8), "8"),
        (line("BOOKMARK", "", 9), "9"),
        (r#"{"type":"BOOKMARK","object":{}}"#.into(), "9"),
        (line("DELETED", "a", 11), "11"),
    ] {
        state.on_line(&line);
        state.on_end();
        assert_eq!(state.request(), watch(expected), "{line:?}");
    }
}

#[test]
fn a_list_that_breaks_off_begins_again() {
    let mut state = WatchState::new();
    state.on_line(&line("ADDED", "a", 7));
    state.on_line(&line("BOOKMARK", "", 8));
    assert_eq!(state.on_end().pause, Pause::BackoffIfShort);
    assert_eq!(state.request(), Request::WatchList);
    assert!(state.request().begins_list());
}

#[test]
fn an_error_is_known_in_any_order_of_its_fields() {
    let expired = r#"{"kind":"Status","code":410,"reason":"Expired","message":"too old"}"#;
    let failed = r#"{"code":500,"message":"etcd is away"}"#;
    let reversed: Bytes = format!(r#"{{ "object":{expired}, "type":"ERROR" }}"#).into();
    let cases = [
        (error(expired), None, Request::WatchList),
        (reversed, None, Request::WatchList),
        (error(r#"{"reason":"Gone"}"#), None, Request::WatchList),
        (error(failed), Some("etcd is away"), watch("6")),
        (error("7"), Some("the API server ended the watch with an error"), watch("6")),
    ];
    for (line, reason, request) in cases {
        let mut state = listed(5);
        state.on_line(&self::line("ADDED", "a", 6));
        assert_eq!(state.on_line(&line), Command::Reconnect(reconnect(Pause::Backoff, reason)), "{line:?}");
        assert_eq!(state.request(), request, "{line:?}");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_asked_for_again() {
    let mut state = listed(5);
    state.on_line(&line("ADDED", "a", 6));
    let Command::Reconnect(Reconnect { pause, reason: Some(reason) }) = state.on_line(&"{".into()) else {
        panic!("nothing can be delivered")
    };
    assert_eq!(pause, Pause::Backoff);
    assert!(reason.starts_with("a line of the watch cannot be read: "), "{reason}");
    assert_eq!(state.request(), watch("6"));
}

#[test]
fn a_server_that_cannot_stream_is_asked_for_pages() {
    let page = |token: &str, name: &str| {
        format!(
            r#"{{"metadata":{{"resourceVersion":"8","continue":"{token}"}},"items":[{}]}}"#,
            object(name, 1)
        )
    };
    let list = |token: &str| Request::List { continue_token: token.to_owned() };
    let mut state = WatchState::new();
    assert_eq!(state.on_refusal(422, b""), reconnect(Pause::None, None));
    assert_eq!(state.request(), list(""));
    let command = state.on_page(page("x/1", "a").as_bytes(), "v1", "Namespace").unwrap();
    assert_eq!((command.events.len(), command.listed), (1, false));
    assert_eq!(state.request(), list("x/1"));
    assert!(!state.request().begins_list());
    // A token that expired, and a failure, begin the list again.
    assert_eq!(state.on_refusal(410, b""), reconnect(Pause::Backoff, None));
    assert_eq!(state.request(), list(""));
    state.on_page(page("y", "a").as_bytes(), "v1", "Namespace").unwrap();
    assert_eq!(state.on_error("reset".to_owned()), reconnect(Pause::Backoff, Some("reset")));
    assert_eq!(state.request(), list(""));
    assert!(state.on_page(page("", "b").as_bytes(), "v1", "Namespace").unwrap().listed);
    assert_eq!(state.request(), watch("8"));
    // 422 is no matter of streaming any more.
    let refused = state.on_refusal(422, br#"{"message":"invalid"}"#);
    assert_eq!(refused, reconnect(Pause::Backoff, Some("invalid")));
    state.restart();
    assert_eq!(state.request(), list(""));
}

#[test]
fn a_list_without_a_version_cannot_be_followed() {
    let mut state = WatchState::new();
    state.on_refusal(400, b"");
    for (body, reason) in [
        (r#"{"items":[]}"#, "the API server sent a list without a resource version"),
        ("oops", "the API server did not send a list: expected value at line 1 column 1"),
    ] {
        let refused = state.on_page(body.as_bytes(), "v1", "Pod").unwrap_err();
        assert_eq!(refused, reconnect(Pause::Backoff, Some(reason)));
        assert!(state.request().begins_list());
    }
}
