//! Candidates with a scripted API server.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use berth_config::LeaderElection;
use berth_flow::Input;
use tokio::sync::{oneshot, watch};

use super::{Lease, Lost};
use crate::fake::{Said, Script};
use crate::lease_guard::LeaseGuard;
use crate::message::{Inbox, Message};
use crate::metrics::Metrics;

fn said(status: u16, text: &str) -> Said {
    (status, None, text.to_owned())
}

fn held_by(holder: &str, version: u32) -> Said {
    let metadata = format!(r#"{{"name":"kube-scheduler","resourceVersion":"{version}"}}"#);
    let spec = format!(r#"{{"holderIdentity":"{holder}","leaseDurationSeconds":15,"leaseTransitions":1}}"#);
    said(200, &format!(r#"{{"metadata":{metadata},"spec":{spec}}}"#))
}

/// Runs a candidate until the script ends. Gives its result, the inputs of the flow, and the requests.
fn run_candidate(script: &Script, deadline: Duration) -> (Result<(), Lost>, Vec<bool>, Vec<String>) {
    let (sender, receiver) = mpsc::channel();
    let (_flow, epoch) = watch::channel(0);
    let (release, released) = oneshot::channel();
    let metrics = Arc::new(Metrics::new().unwrap());
    let lease_guard = Arc::new(LeaseGuard::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let settings = LeaderElection::default();
    let inbox = Inbox::new(sender, epoch);
    let mut lease =
        Lease::new(&settings, "me".into(), script.api(), inbox, Arc::clone(&lease_guard), metrics);
    (lease.times.retry, lease.times.renew_deadline) = (Duration::from_millis(20), deadline);
    let end = runtime.block_on(async {
        let script = script.clone();
        tokio::spawn(async move {
            script.ended().await;
            let _ = release.send(());
        });
        lease.run(released).await
    });
    assert!(!lease_guard.holds());
    let leads = receiver.try_iter().filter_map(|message| match message {
        Message::Input(input) => match *input {
            Input::Leads(leads) => Some(leads),
            _ => None,
        },
        _ => None,
    });
    let asked = script.asked().into_iter().map(|(method, _, body)| {
        let body: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let holder = body["spec"]["holderIdentity"].as_str().map(|holder| format!(" {holder:?}"));
        format!("{method}{}", holder.unwrap_or_default())
    });
    (end, leads.collect(), asked.collect())
}

#[test]
fn a_missing_lease_is_created_and_renewed() {
    let script = Script::new([said(404, "{}"), held_by("me", 1), held_by("me", 2)]);
    let (end, leads, asked) = run_candidate(&script, Duration::from_millis(500));
    assert_eq!((end, leads), (Ok(()), vec![false, true]));
    // The last two are the renewal without an answer, and the read before the release.
    assert_eq!(asked, ["GET", "POST \"me\"", "PUT \"me\"", "PUT \"me\"", "GET"]);
}

#[test]
fn a_candidate_waits_for_the_lease_of_another_one() {
    let script = Script::new([held_by("other", 1), held_by("other", 2), held_by("", 3), held_by("me", 4)]);
    let (end, leads, asked) = run_candidate(&script, Duration::from_millis(500));
    assert_eq!((end, leads), (Ok(()), vec![false, true]));
    assert_eq!(asked[..4], ["GET", "GET", "GET", "PUT \"me\""]);
}

#[test]
fn a_leader_that_cannot_renew_loses_the_lease() {
    let refused = std::iter::repeat_n(said(500, "{}"), 1_000);
    let script = Script::new([held_by("", 1), held_by("me", 2)].into_iter().chain(refused));
    let (end, leads, _) = run_candidate(&script, Duration::from_millis(100));
    assert_eq!((end, leads), (Err(Lost), vec![false, true, false]));
}
