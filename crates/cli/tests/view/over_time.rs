//! A recording over time: its documents at each moment, and the view with its slider.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::recording::{self, HOSTILE};
use crate::server::{Server, berth};
use crate::views::SHOP;

/// The number of pods that are pending at a moment.
fn pending(server: &Server, moment: &str) -> Value {
    server.document(&format!("cluster{moment}"))["summary"]["pending"].clone()
}

#[test]
fn each_moment_of_a_recording_has_its_documents() {
    let file = recording::write("moments.rec");
    let server = Server::start(&file.display().to_string());
    assert!(server.url.ends_with("/#/over-time"), "{}", server.url);
    let info = server.document("info");
    assert_eq!((&info["overTime"], &info["command"]), (&json!("recording"), &json!("")));
    let timeline = server.document("timeline");
    let sum = |field: &str| -> u64 {
        timeline["points"].as_array().unwrap().iter().filter_map(|point| point[field].as_u64()).sum()
    };
    let list = server.document("decisions?limit=1000");
    let decisions = list["decisions"].as_array().unwrap();
    let placed = decisions.iter().filter(|one| one["node"].is_string()).count() as u64;
    assert_eq!((sum("placed"), sum("placed") + sum("unplaced")), (placed, decisions.len() as u64));
    assert_eq!((&timeline["decisions"], decisions.len()), (&list["total"], 26));
    assert!(sum("evicted") > 0 && timeline["points"].as_array().unwrap().len() <= 480);
    // Before the first attempt no pod is on a node, and at the end all of the web pods but the evicted ones are.
    assert_eq!(server.document("cluster?at=0")["nodes"][0]["pods"], 0);
    let at = decisions[7]["at"].as_u64().unwrap();
    let (before, after) = (format!("pods?at={at}"), format!("pods?at={}", at + 1));
    let pod = decisions[7]["pod"].as_str().unwrap().strip_prefix("shop/").unwrap();
    let node = |document: &Value| -> Value {
        let groups = document["groups"].as_array().unwrap();
        let mut pods = groups.iter().flat_map(|group| group["pods"].as_array().unwrap());
        pods.find(|one| one["name"] == pod).unwrap()["node"].clone()
    };
    assert_eq!(node(&server.document(&after)), decisions[7]["node"]);
    assert_eq!(node(&server.document(&before)), Value::Null);
    // An explanation at the moment of a decision says what was decided.
    let explained = server.document(&format!("explanation?pod=shop/{pod}&at={at}"));
    assert_eq!((&explained["node"], &explained["score"]), (&decisions[7]["node"], &decisions[7]["score"]));
    let of_one = server.document("decisions?pod=shop/huge-0");
    assert!(of_one["decisions"].as_array().unwrap().iter().all(|one| one["pod"] == "shop/huge-0"));
    assert!(of_one["decisions"][0]["message"].as_str().unwrap().starts_with("0/6 nodes are available"));
    assert_eq!(
        pending(&server, &format!("?at={at}")),
        json!(1),
        "the large pod; the other one was not tried yet"
    );
}

#[test]
fn a_moment_can_be_changed_and_compared() {
    let file = recording::write("questions.rec");
    let server = Server::start(&file.display().to_string());
    let difference = server.document("difference?at=12&drain=node-0");
    assert_eq!(difference["changes"][0]["change"], "--drain node-0");
    assert_eq!(difference["before"]["nodes"], 6);
    let moved = difference["pods"].as_array().unwrap();
    assert!(!moved.is_empty() && moved.iter().all(|pod| pod["from"] == "node-0"), "{difference}");
    let compared = server.document("comparison?compare=best-fit&compare=greedy&at=12");
    assert_eq!(compared["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn what_a_recording_does_not_have_is_refused_with_a_reason() {
    let file = recording::write("refused.rec");
    let path = file.display();
    let server = Server::start(&path.to_string());
    let cases = [
        ("cluster?at=99999", "400 at=99999: the recording has 26 decisions"),
        ("cluster?at=soon", "400 at=soon: expected a number of decisions, as in at=100"),
        ("decisions?limit=0", "400 limit=0: expected a number from 1 to 1000"),
        ("explanation?pod=shop/none&at=3", "404 there is no pod shop/none here"),
        ("difference?at=3&scale=deploy/shop/web=3", "400 "),
    ];
    for (address, expected) in cases {
        let refused = server.refused(address);
        assert!(refused.starts_with(expected), "{address}: {refused}");
    }
    let offline = Server::start(SHOP);
    assert_eq!(offline.refused("timeline"), "404 objects in files have no history");
    assert_eq!(offline.refused("cluster?at=3"), "400 at: only a recording has moments");
    let cases = [
        (format!("view {path} -f cluster.yaml"), "is a recording, and other input is named beside it"),
        (format!("view {path} --cordon node-0"), "is a recording, and --cordon is given"),
    ];
    for (line, expected) in cases {
        let ended = berth(&line).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(2) && said.contains(expected), "{line}: {said}");
    }
}

#[test]
fn a_damaged_recording_is_shown_up_to_the_damage() {
    let file = recording::write("torn.rec");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 5]).unwrap();
    let ended = berth(&format!("view {} --listen 192.0.2.1:1", file.display())).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("the recording ends within a block, because its writer was killed"), "{said}");
}

#[test]
fn the_slider_the_buttons_and_the_charts_move_through_time() {
    let Some(browser) = Browser::start() else { return };
    let file = recording::write("slider.rec");
    let server = Server::start(&file.display().to_string());
    browser.open(&server.url);
    browser.shows(".chart figcaption", "Wait for a node");
    browser.shows("#moment .time", "the end");
    browser.shows(".decisions tbody", "web-21");
    browser.assert_accessible();
    // Back by one decision, from the end: the pod of the high priority is on its node only after it.
    browser.click("#moment button");
    browser.until("return /[?&]at=\\d+/.test(location.hash)");
    browser.shows("#moment .time", "before decision");
    browser.run(
        "const slider = document.querySelector('#moment input'); slider.value = 1;
         slider.dispatchEvent(new Event('input', { bubbles: true }))",
    );
    browser.until("return Number(location.hash.match(/at=(\\d+)/)?.[1] ?? 99) < 5");
    browser.until("return document.querySelector('.decisions [aria-current]') !== null");
    let early = browser.address();
    // The other views show the same moment.
    browser.run("document.querySelector('#tab-pending').click()");
    browser.shows("main h1", "pending pod");
    assert!(browser.address().contains("at="), "{}", browser.address());
    browser.run("document.querySelector('#tab-map').click()");
    browser.shows(".summary", "6 nodes");
    let pods = "return Number(document.querySelector('.summary').innerText.match(/(\\d+) pods?/)[1])";
    let then = browser.run(pods).as_u64().unwrap();
    browser.click("#moment button:last-child");
    browser.until(&format!("{pods} > {then}"));
    // A decision opens the moment before it, and explains it.
    browser.open(&server.at(&early));
    browser.shows(".decisions tbody", "shop/web-");
    browser.run("document.querySelector('.decisions tbody tr:nth-child(3) a').click()");
    browser.shows("#panel", "Why here");
    browser.assert_accessible();
    browser.open(&server.at("#/over-time?of=shop/huge-0"));
    browser.shows(".decisions tbody", "0/6 nodes are available");
    browser.open(&server.at("#/over-time?as=table"));
    browser.shows("main caption", "Intervals of");
    browser.open(&server.at("#/pending?at=12"));
    browser.shows("main td, main th", HOSTILE);
    assert_eq!(browser.run("return window.hacked"), Value::Null);
    browser.assert_quiet();
}

#[test]
fn a_recording_is_legible_in_all_sizes() {
    let Some(browser) = Browser::start() else { return };
    let file = recording::write("sizes.rec");
    let server = Server::start(&file.display().to_string());
    for is_dark in [false, true] {
        for (width, height) in [(1440, 900), (1024, 768), (390, 844)] {
            browser.resize(width, height, is_dark);
            for fragment in ["#/over-time?at=14", "#/over-time?as=table", "#/map?at=9"] {
                browser.open(&server.at(fragment));
                browser.shows("#moment .time", if fragment.contains("at=") { "decision" } else { "end" });
                browser.until("return document.querySelector('.charts, .summary, caption') !== null");
                browser.assert_accessible();
                browser.assert_quiet();
                let wide = browser.run("return document.documentElement.scrollWidth > innerWidth");
                assert_eq!(wide, false, "{fragment} is wider than {width} pixels");
                browser
                    .keep_picture(&format!("{}-{width}-{is_dark}", &fragment[2..].replace(['?', '='], "-")));
            }
        }
    }
}
