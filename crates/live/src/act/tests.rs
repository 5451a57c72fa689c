//! Actions with a scripted API server.

use std::sync::{Arc, mpsc};
use std::time::Instant;

use berth_flow::{Action, Answer, Failure, FailureKind, Input, PodRef, Request, Ticket};

use super::{Actor, Task};
use crate::extender::Extenders;
use crate::fake::{Said, Script};
use crate::lease_guard::LeaseGuard;
use crate::message::{Inbox, Message};
use crate::metrics::Metrics;

fn pod(name: &str) -> PodRef {
    PodRef { namespace: "n".into(), name: name.into(), uid: "u1".into() }
}

fn bind(name: &str) -> Request {
    Request::Bind { pod: pod(name), node: "n1".into() }
}

fn evict(name: &str) -> Request {
    Request::Evict { victim: pod(name), message: "why".to_owned() }
}

/// Carries out one request, and gives the reply.
fn outcome(script: &Script, leads: bool, request: Request) -> Result<Answer, Failure> {
    let (sender, receiver) = mpsc::channel();
    let (_flow, epoch) = tokio::sync::watch::channel(0);
    let lease_guard = LeaseGuard::new();
    if leads {
        lease_guard.extend(Instant::now(), None);
    }
    let extenders = Arc::new(Extenders::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let actor = Actor {
            api: script.api(),
            lease_guard: Arc::new(lease_guard),
            extenders,
            inbox: Inbox::new(sender, epoch),
            metrics: Arc::new(Metrics::new().unwrap()),
            requests: Arc::default(),
        };
        let (tasks, received) = tokio::sync::mpsc::unbounded_channel();
        tasks.send(Task::Act(Action { ticket: Ticket(1), request })).unwrap();
        drop(tasks);
        actor.run(received).await;
    });
    let Ok(Message::Input(input)) = receiver.recv() else { panic!("an action is replied to") };
    let Input::Reply(Ticket(1), outcome) = *input else { panic!("with a reply") };
    outcome
}

fn asked(script: &Script) -> Vec<String> {
    script.asked().into_iter().map(|(method, path, _)| format!("{method} {path}")).collect()
}

fn ok(text: &str) -> Said {
    (200, None, text.to_owned())
}

#[test]
fn a_server_without_time_is_asked_again() {
    let script = Script::new([(429, Some(1), String::new()), ok("")]);
    assert_eq!(outcome(&script, true, bind("a")), Ok(Answer::Done));
    assert_eq!(asked(&script), ["POST /api/v1/namespaces/n/pods/a/binding"; 2]);
}

#[test]
fn who_does_not_lead_asks_nobody() {
    let script = Script::default();
    assert_eq!(outcome(&script, false, bind("a")).unwrap_err().kind, FailureKind::Refused);
    assert_eq!(asked(&script), [""; 0]);
}

#[test]
fn a_victim_is_told_why_and_deleted() {
    let script = Script::new([ok(r#"{"metadata":{"uid":"u1","generation":3}}"#), ok(""), ok("")]);
    assert_eq!(outcome(&script, true, evict("a")), Ok(Answer::Done));
    let path = "/api/v1/namespaces/n/pods/a";
    assert_eq!(
        asked(&script),
        [format!("GET {path}"), format!("PATCH {path}/status"), format!("DELETE {path}")]
    );
    assert!(script.asked()[1].2.contains(r#""observedGeneration":3"#));
}

#[test]
fn a_victim_that_is_gone_or_another_one_is_left_alone() {
    let cases = [(404, r#"{"message":"not found"}"#), (200, r#"{"metadata":{"uid":"u2"}}"#)];
    for (status, text) in cases {
        let script = Script::new([(status, None, text.to_owned())]);
        assert_eq!(outcome(&script, true, evict("a")), Ok(Answer::Done), "{status}");
        assert_eq!(asked(&script).len(), 1);
    }
}
