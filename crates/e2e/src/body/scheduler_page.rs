//! The page of a running scheduler: who may read it, and what its documents say.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::client::{Client, eventually};
use crate::control_plane::ADMIN_TOKEN;
use crate::object::{node, pod, pod_of_cpu, with};
use crate::scheduler::{Kind, Scheduler, program};
use crate::stage::Stage;

/// What would run if it were taken for markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";
/// The size of a label set that the API server still takes.
const LABELS: usize = 2_000;

/// The page is shown to those who may read it, and tells what the scheduler knows.
pub(super) fn shown(stage: &mut Stage) -> Result<()> {
    stage.nobody_schedules();
    let berth = program(Kind::Berth)?;
    let flags = ["-v=2".to_owned(), "--ui".to_owned()];
    let mut scheduler =
        Scheduler::run_with(Kind::Berth, &berth, stage.plane, &json!({}), "with-page", &flags)?;
    scheduler.ready()?;
    let url = format!("https://127.0.0.1:{}", scheduler.port);
    refuses(stage, &url)?;
    let labels: Value = (0..LABELS).map(|at| (format!("example.com/l{at}"), json!("v".repeat(63)))).collect();
    stage.nodes(&[node("host"), with(node("labelled"), json!({"metadata": {"labels": labels}}))])?;
    stage.pod(&pod("fits"))?;
    let owner =
        json!([{"apiVersion": "a/v1", "kind": HOSTILE, "name": HOSTILE, "uid": "u", "controller": true}]);
    let hostile = with(pod_of_cpu("does-not-fit", "100"), json!({"metadata": {"ownerReferences": owner}}));
    stage.pod(&hostile)?;
    stage.placed("fits")?;
    stage.waits("does-not-fit")?;
    let admin = Client::new(&url, ADMIN_TOKEN)?;
    tells(stage, &admin)?;
    asked_too_often(&admin)?;
    ensure!(admin.status("/ui/api/v1/decisions")? == 404, "a scheduler keeps no decisions");
    slow_clients(scheduler.port, &admin)?;
    stage.pod(&pod("fits-later"))?;
    stage.placed("fits-later")?;
    Ok(())
}

/// Those who have no rights get no part of the page.
fn refuses(stage: &Stage, url: &str) -> Result<()> {
    let bob = Client::certified(url, &stage.plane.clients()?.client("bob", "nobodies")?)?;
    let cases = [
        ("with an unknown token", Client::new(url, "unknown")?, 401),
        ("who says nothing", Client::anonymous(url)?, 403),
        ("without the rights", bob, 403),
    ];
    for (who, client, expected) in cases {
        for path in ["/ui/", "/ui/assets/app.js", "/ui/api/v1/cluster", "/ui/api/v1/difference?drain=host"] {
            let status = client.status(path)?;
            ensure!(status == expected, "{status} at {path} for a user {who}, not {expected}");
        }
    }
    Ok(())
}

/// The documents are those of the cluster, and questions change nothing in it.
fn tells(stage: &Stage, admin: &Client) -> Result<()> {
    let document = |name: &str| -> Result<Value> {
        let text = admin.text(&format!("/ui/api/v1/{name}"))?;
        serde_json::from_str(&text).with_context(|| text)
    };
    let namespace = stage.namespace();
    eventually("the page knows both pods", || {
        let summary = document("cluster")?["summary"].clone();
        Ok((summary["pods"] == 2 && summary["pending"] == 1).then_some(()))
    })?;
    let pods = document("pods")?.to_string();
    ensure!(pods.contains(&HOSTILE.to_string()) && pods.contains("0/2 nodes are available"), "{pods}");
    let explained = document(&format!("explanation?pod={namespace}/does-not-fit"))?;
    ensure!(explained["kind"] == "Explanation" && explained["outcome"] == "Pending", "{explained:#}");
    let on = stage.placed("fits")?;
    let drained = document(&format!("difference?without={on}"))?;
    let gone = drained["pods"].to_string();
    ensure!(drained["after"]["nodes"] == 1 && gone.contains("fits"), "{drained:#}");
    ensure!(stage.placed("fits")? == on, "a question has moved a pod");
    let points = document("timeline")?["points"].clone();
    let placed: u64 = points.as_array().into_iter().flatten().filter_map(|p| p["placed"].as_u64()).sum();
    ensure!(placed == 1, "{placed} pods were placed: {points:#}");
    let page = admin.text("/ui/")?;
    ensure!(page.contains("assets/app.js") && !page.contains(HOSTILE), "{page}");
    Ok(())
}

/// However often the page is asked, the answer is there or is 429.
fn asked_too_often(admin: &Client) -> Result<()> {
    let threads: Vec<_> = (0..40)
        .map(|_| {
            let admin = admin.clone();
            std::thread::spawn(move || admin.status("/ui/api/v1/difference?drain=host&force=true"))
        })
        .collect();
    let mut answered = 0;
    for thread in threads {
        let status = thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        ensure!(matches!(status, 200 | 429), "{status}");
        answered += usize::from(status == 200);
    }
    ensure!(answered > 0, "no question was answered");
    Ok(())
}

/// Clients that send nothing do not keep others from asking for health.
fn slow_clients(port: u16, admin: &Client) -> Result<()> {
    let mut silent = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(&[22, 3, 1])?; // a TLS record begins so, and never goes on
        silent.push(stream);
    }
    let begin = Instant::now();
    ensure!(
        admin.text("/healthz")?.trim() == "ok" && begin.elapsed() < Duration::from_secs(5),
        "not healthy"
    );
    let mut answer = [0; 1];
    silent[0].set_read_timeout(Some(Duration::from_secs(30)))?;
    ensure!(!matches!(silent[0].read(&mut answer), Ok(1..)), "a client that says nothing got an answer");
    Ok(())
}
