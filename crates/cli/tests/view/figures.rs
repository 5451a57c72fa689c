//! A large cluster: how long the page takes, and how much memory.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::server::Server;

/// Nodes unless `BERTH_VIEW_NODES` says otherwise; there are ten running pods on each.
const NODES: usize = 1_000;
const PODS_ON_NODE: usize = 10;

/// A cluster of this many nodes in five zones, whose pods run, and whose nodes are of all kinds.
fn cluster(nodes: usize) -> String {
    let mut text = String::new();
    for node in 0..nodes {
        let spec = match node {
            _ if node % 97 == 0 => "unschedulable: true",
            _ if node % 50 == 0 => "taints: [{key: dedicated, value: ml, effect: NoSchedule}]",
            _ => "",
        };
        let zone = node % 5;
        let _ = writeln!(
            text,
            "---\n{{apiVersion: v1, kind: Node, metadata: {{name: node-{node:05}, labels: {{topology.kubernetes.io/zone: \
             zone-{zone}, kubernetes.io/hostname: node-{node:05}}}}}, spec: {{{spec}}}, status: {{allocatable: {{cpu: '16', \
             memory: 64Gi, pods: '110'}}}}}}"
        );
    }
    for pod in 0..nodes * PODS_ON_NODE {
        let (node, workload, cpu) = (pod % nodes, pod % 500, 250 * (1 + pod % 500 % 5));
        let _ = writeln!(
            text,
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: app-{workload}-{pod}, uid: u{pod}, labels: {{app: \
             app-{workload}}}, ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: app-{workload}, \
             controller: true}}]}}, spec: {{nodeName: node-{node:05}, containers: [{{name: c, image: i, resources: \
             {{requests: {{cpu: {cpu}m, memory: 1Gi}}}}}}]}}}}"
        );
    }
    text
}

/// The memory of a process in MiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[test]
fn a_large_cluster_is_shown_and_asked_about_quickly() {
    let Some(browser) = Browser::start() else { return };
    let nodes = std::env::var("BERTH_VIEW_NODES").map_or(NODES, |text| text.parse().unwrap());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("view-figures");
    std::fs::create_dir_all(&folder).unwrap();
    let input = folder.join("cluster.yaml");
    std::fs::write(&input, cluster(nodes)).unwrap();
    let server = Server::start(&format!("-f {}", input.display()));
    browser.open(&server.at(""));
    browser.shows(".summary", "nodes");
    let paint = browser.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime");
    let map = browser.run("return performance.now()");
    let (drawn, between) = panning(&browser);
    let drained = asked(&browser, &server, "drain=node-00001");
    let zone = asked(&browser, &server, "without=zone%3Dzone-1");
    let weight = asked(&browser, &server, "weight=NodeResourcesFit%3D5&cordon=node-00002");
    let heap = browser.devtools("Runtime.getHeapUsage", &json!({}))["usedSize"].as_f64().unwrap_or(0.0)
        / 1_048_576.0;
    let pods = nodes * PODS_ON_NODE;
    eprintln!(
        "{nodes} nodes, {pods} pods: first paint {paint} ms, map and counts after at most {map} ms, while panning the \
         scripts take {drawn:.1} ms of a frame and there is one every {between:.1} ms, what-if: drain {drained} ms, \
         zone fails {zone} ms, weight and cordon {weight} ms, \
         script memory {heap:.0} MiB, server {} MiB",
        memory(server.id())
    );
    if std::env::var_os("BERTH_VIEW_NODES").is_some() {
        // Asked for by hand, on a machine that does nothing else.
        assert!(paint.as_f64().unwrap() < 1_000.0, "first paint after {paint} ms");
        assert!(drawn < 16.0, "the scripts take {drawn} ms of a frame");
    }
    browser.assert_quiet();
}

/// What a frame takes while the zoomed map moves, in milliseconds: the scripts, and the time between two frames. Both are
/// medians.
fn panning(browser: &Browser) -> (f64, f64) {
    browser.run(
        "window.frames_ = []; const canvas = document.querySelector('.map canvas');
         const box = canvas.getBoundingClientRect();
         const point = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, { clientX: box.left + x,
           clientY: box.top + y, pointerId: 7, bubbles: true }));
         canvas.setPointerCapture = () => {};
         canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: -120, clientX: box.left + 300, clientY: box.top + 200, cancelable: true }));
         point('pointerdown', 400, 300);
         let at = 0;
         let last = performance.now();
         const step = () => {
           at += 1;
           point('pointermove', 400 - (at % 60) * 4, 300 - (at % 60) * 2);
           requestAnimationFrame((now) => {
             window.frames_.push([performance.now() - now, now - last]);
             last = now;
             if (at < 120) step(); else point('pointerup', 0, 0);
           });
         };
         step();",
    );
    browser.until("return window.frames_.length >= 120");
    let median = |which: usize| {
        let script = format!("return window.frames_.map((one) => one[{which}]).sort((a, b) => a - b)[60]");
        browser.run(&script).as_f64().unwrap()
    };
    (median(0), median(1))
}

/// The time in milliseconds from a question to its answer on the page, all documents and maps included.
fn asked(browser: &Browser, server: &Server, query: &str) -> u128 {
    browser.open(&server.at("#/what-if"));
    browser.shows("main", "Add a change");
    let start = Instant::now();
    browser.run(&format!("location.hash = '#/what-if?{query}'"));
    browser.until("return document.querySelector('.counts') !== null");
    let taken = start.elapsed().as_millis();
    let alert: Value = browser.run("return document.querySelector('[role=alert]')?.innerText ?? null");
    assert_eq!(alert, Value::Null, "{query}");
    taken
}
