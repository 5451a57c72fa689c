//! Claims on devices, and how many more pods fit on a node.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::server::{Server, examples};
use crate::views::SHOP;

/// The rack of the examples, with more pods for training than there is room for.
fn full_rack() -> String {
    let training = std::fs::read_to_string(examples().join("gpus/training.yaml")).unwrap();
    let more = training.replacen("replicas: ", "replicas: 2", 1);
    assert_ne!(more, training);
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("view-training.yaml");
    std::fs::write(&path, more).unwrap();
    format!("-f gpus/cluster.yaml -f {}", path.display())
}

#[test]
fn claims_have_devices_or_pods_that_wait_for_them() {
    let server = Server::start("-f gpus");
    let document = server.document("claims");
    let claims = document["claims"].as_array().unwrap();
    let allocated: Vec<&Value> =
        claims.iter().filter(|claim| !claim["devices"].as_array().unwrap().is_empty()).collect();
    assert!(!allocated.is_empty());
    for claim in &allocated {
        assert!(!claim["pods"].as_array().unwrap().is_empty(), "{claim}");
    }
    let alternatives = |claim: &&Value| {
        claim["requests"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["alternatives"].as_array().unwrap().len() > 1)
    };
    assert!(
        claims.iter().any(|claim| alternatives(&claim)),
        "inference wants a partition or else a small GPU"
    );
    assert_eq!(server.document("info")["devices"], true);
    let plain = Server::start(SHOP);
    assert_eq!(plain.document("info")["devices"], Value::Null);
    assert_eq!(plain.document("claims")["claims"], json!([]));
}

#[test]
fn the_view_of_devices_shows_classes_claims_and_nodes() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(&full_rack());
    for is_dark in [false, true] {
        for (width, height) in [(1440, 900), (1024, 768), (390, 844)] {
            browser.resize(width, height, is_dark);
            for fragment in ["#/devices", "#/devices?which=waiting", "#/map?node=gpu-2"] {
                browser.open(&server.at(fragment));
                browser.shows(if fragment.contains("map") { "#panel h2" } else { "main h2" }, "");
                browser.until("return !document.body.innerText.includes('Loading')");
                browser.assert_accessible();
                browser.assert_quiet();
                let wide = browser.run("return document.documentElement.scrollWidth > innerWidth");
                assert_eq!(wide, false, "{fragment} is wider than {width} pixels");
                let name = fragment[2..].replace(['?', '='], "-");
                browser.keep_picture(&format!("devices-{name}-{width}-{is_dark}"));
            }
        }
    }
    browser.open(&server.at("#/devices"));
    browser.shows("main caption", "Allocated devices by class");
    browser.shows("main caption", "Allocated devices by node");
    browser.click("main .switch button:last-child");
    browser.until("return location.hash.includes('which=waiting')");
    browser.run("document.querySelector('main section td a').click()");
    browser.shows("#panel .answer", "");
}

#[test]
fn a_node_says_who_fits_on_it_and_what_stops_the_next_one() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(SHOP);
    let fit = server.document("fit?node=general-a1");
    let workloads = fit["workloads"].as_array().unwrap();
    assert!(workloads[0]["pending"].as_u64() > Some(0), "pending workloads come first");
    assert!(workloads.iter().any(|one| one["count"].as_u64() > Some(0)), "{fit:#}");
    // A cordoned node takes no pod, and a question about it is asked with its changes.
    let cordoned = server.document("fit?node=general-a1&cordon=general-a1");
    for one in cordoned["workloads"].as_array().unwrap() {
        assert_eq!(one["count"], 0, "{one}");
    }
    assert_eq!(server.refused("fit?node=n9"), "404 there is no node n9 here");
    for (width, height) in [(1440, 900), (390, 844)] {
        browser.resize(width, height, false);
        browser.open(&server.at("#/map?node=general-a1"));
        browser.shows("#panel h3", "Pods (");
        browser.click("#panel .who summary");
        browser.shows("#panel .fit tbody", workloads[0]["workload"]["name"].as_str().unwrap());
        browser.assert_accessible();
        browser.keep_picture(&format!("fit-{width}"));
    }
    browser.assert_quiet();
}
