//! Each view, and each way to use it.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::server::{Server, printed};
use crate::webdriver::key;

/// The cluster of the examples with pods that wait and measurements.
pub(crate) const SHOP: &str = "-f cluster.yaml -f metrics.yaml -f shop -f ml";
/// A pod of it that no node takes.
const PENDING: &str = "ml/finetune-llm-0";

/// The texts of a node's cell in the map's table.
fn rows(browser: &Browser, selector: &str) -> usize {
    let count = browser.run(&format!("return document.querySelectorAll({}).length", Value::from(selector)));
    usize::try_from(count.as_u64().unwrap()).unwrap()
}

#[test]
fn every_view_shows_its_contents_accessibly_in_light_and_dark() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(SHOP);
    let placed = placed_pod(&server);
    let views = [
        ("#/map", ".summary", "12 nodes · 84 pods"),
        ("#/map?as=table", "caption", "eu-1a: 4 nodes"),
        ("#/map?node=general-c2", "#panel .states", "cordoned"),
        ("#/pending", "main td", "0/12 nodes are available"),
        ("#/pending?list=reason", "main .group", "Job ml/finetune-llm"),
        (&format!("#/pending?pod={PENDING}"), "#panel", "It fits on none of the 12 nodes"),
        ("#/placed", "main table", "Deployment shop/web"),
        (
            &format!("#/placed?pod={placed}"),
            "#panel caption",
            "Scores by plugin, the chosen node beside the next ones",
        ),
        ("#/what-if", "main", "Add a change"),
        ("#/what-if?drain=general-b1", "main .reports", "1 node drained"),
        ("#/compare?compare=greedy&compare=best-fit", "main", "Pods that differ"),
    ];
    for is_dark in [false, true] {
        for (width, height) in [(1440, 900), (390, 844)] {
            browser.resize(width, height, is_dark);
            for (fragment, selector, text) in &views {
                browser.open(&server.at(fragment));
                browser.shows(selector, text);
                browser.assert_accessible();
                browser.assert_quiet();
                let wide = browser.run("return document.documentElement.scrollWidth > innerWidth");
                assert_eq!(wide, false, "{fragment} is wider than {width} pixels");
            }
        }
    }
}

#[test]
fn what_is_not_accessible_is_found() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(SHOP);
    browser.open(&server.at(""));
    browser.shows(".summary", "12 nodes");
    browser.run(
        "const add = (tag, text) => { const one = document.createElement(tag); one.textContent = text;
           document.querySelector('main').append(one); return one; };
         add('button', '').style.width = '40px'; add('p', 'too grey').style.color = '#aaa'; add('p', 'twice').id = 'view';
         const table = add('table', ''); table.insertRow().insertCell().textContent = 'no caption'",
    );
    let found = browser.run(crate::browser::ACCESSIBLE);
    let found: Vec<&str> = found.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let begins = |text: &str| found.iter().any(|one| one.starts_with(text));
    for problem in ["no name: <button", "no caption: <table", "the id view is there twice", "contrast 2."] {
        assert!(begins(problem), "{problem}: {found:?}");
    }
}

/// A pod that the run placed.
fn placed_pod(server: &Server) -> String {
    let result = server.document("simulation");
    let pod = &result["placements"][0];
    format!("{}/{}", pod["namespace"].as_str().unwrap(), pod["name"].as_str().unwrap())
}

#[test]
fn the_map_is_used_by_keyboard_and_by_pointer() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(SHOP);
    browser.open(&server.at(""));
    browser.shows(".summary", "12 nodes");
    browser.run("document.querySelector('.map canvas').focus()");
    browser.type_in(".map canvas", key::RIGHT);
    browser
        .until("return document.getElementById('status').textContent.startsWith('general-a1, fullest 78%')");
    browser.type_in(".map canvas", key::ENTER);
    browser.shows("#panel h2", "general-a1");
    browser.shows("#panel table", "14.6 GiB");
    assert_eq!(browser.address(), "#/map?node=general-a1");
    browser.shows("#panel .workload", "Deployment shop/cart");
    browser.click("#panel .workload summary");
    browser.shows("#panel .workload li a", "kube-system/node-agent");
    browser.type_in("body", key::ESCAPE);
    browser.until("return document.getElementById('panel').hidden");
    browser.until("return document.activeElement.tagName === 'CANVAS'");

    browser.click(".map canvas"); // in the middle, where no cell may be
    browser.run(
        "const canvas = document.querySelector('.map canvas'); const box = canvas.getBoundingClientRect();
         const at = { clientX: box.left + 20, clientY: box.top + 40, pointerId: 1, bubbles: true };
         canvas.dispatchEvent(new PointerEvent('pointermove', at))",
    );
    browser.shows(".tooltip", "control-1");
    browser.choose("Group by", "label:example.com/pool");
    browser.until("return location.hash.includes('by=label')");
    browser.choose("Colour by", "memory");
    browser.until("return location.hash.includes('colour=memory')");
    browser.choose("Share", "measured");
    browser.until("return location.hash.includes('share=measured')");
    browser.click(".switch button:last-child");
    browser.shows("caption", "general: 6 nodes");
    assert_eq!(rows(&browser, "main tbody tr"), 12);
    browser.back();
    browser.until("return document.querySelector('.map canvas')");
    browser.assert_quiet();
}

#[test]
fn a_search_finds_nodes_labels_pods_and_reasons() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(SHOP);
    browser.open(&server.at(""));
    browser.shows(".summary", "12 nodes");
    browser.type_in("body", "/");
    browser.until("return document.activeElement.id === 'search'");
    browser.type_in("#search", "gpu-a1");
    browser.shows("#found", "Node");
    browser.assert_accessible();
    browser.type_in("#search", &format!("{}{}", key::DOWN, key::ENTER));
    browser.shows("#panel h2", "gpu-a1");
    for (text, result, address) in [
        ("zone=eu-1b", "topology.kubernetes.io/zone=eu-1b", "#/map?find="),
        ("Insufficient", "nvidia.com/gpu", "#/pending?list=reason"),
        ("finetune", "Job ml/finetune-llm", "#/pending?pod=ml%2Ffinetune-llm-0"),
        ("catalog", "Deployment shop/catalog", "#/placed?pod=shop%2Fcatalog"),
    ] {
        browser.run("const field = document.getElementById('search'); field.value = ''; field.focus()");
        browser.type_in("#search", text);
        browser.shows("#found li", result);
        browser.type_in("#search", &format!("{}{}", key::DOWN, key::ENTER));
        let begins = format!("return location.hash.startsWith({})", Value::from(address));
        browser.until(&begins);
    }
    browser.assert_quiet();
}

#[test]
fn pods_are_explained_as_the_command_line_explains_them() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(SHOP);
    browser.open(&server.at("#/pending"));
    browser.click("main table a");
    browser.shows("#panel h2", PENDING);
    let command = format!("explain {PENDING} {SHOP} --offline -q -o json");
    let explained: Value = serde_json::from_str(&printed(&command)).unwrap();
    for sentence in explained["answer"].as_array().unwrap().iter().skip(1) {
        browser.shows("#panel .answer li", sentence.as_str().unwrap());
    }
    browser.shows("#panel .message", explained["message"].as_str().unwrap());
    browser.shows("#panel td", "NodeResourcesFit");
    browser.click("#panel .close");
    browser.until("return document.getElementById('panel').hidden");

    let placed = placed_pod(&server);
    let explained: Value =
        serde_json::from_str(&printed(&format!("explain {placed} {SHOP} --offline -q -o json"))).unwrap();
    browser.open(&server.at(&format!("#/placed?pod={placed}")));
    browser.shows("#panel .chosen", "chosen");
    let nodes = explained["nodes"].as_array().unwrap();
    let chosen = nodes.iter().find(|node| node["name"] == explained["node"]).unwrap();
    for (plugin, score) in chosen["scores"].as_object().unwrap() {
        let script = format!(
            "return [...document.querySelectorAll('.scores tbody tr')].some((row) =>
               row.cells[0].innerText === '{plugin}' && row.cells[1].innerText.trim() === '{score}')"
        );
        browser.until(&script);
    }
    browser.shows(".scores .total", &explained["score"].to_string());
    browser.assert_quiet();
}

#[test]
fn a_page_in_a_file_needs_no_server() {
    let Some(browser) = Browser::start() else { return };
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("view-file");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("cluster.html");
    let line = format!("simulate {SHOP} --offline -q --drain general-b1 --compare greedy,best-fit -o html");
    std::fs::write(&path, printed(&line)).unwrap();
    let views = [
        ("#/map", ".summary", "12 nodes"),
        ("#/map?node=general-a1", "#panel .workload", "Deployment shop/cart"),
        ("#/pending?pod=ml/finetune-llm-0", "#panel", "It fits on none of the 12 nodes"),
        ("#/placed?pod=shop/web-0", "#panel .command", "berth explain shop/web-0"),
        ("#/what-if", "main .command", "--drain general-b1"),
        ("#/compare", "main", "Pods that differ"),
    ];
    for (fragment, selector, text) in views {
        browser.open(&format!("file://{}{fragment}", path.display()));
        browser.shows(selector, text);
        browser.assert_accessible();
        browser.assert_quiet();
    }
}

/// What would run if it were taken for markup.
const HOSTILE: &str = "<img src=x onerror=hacked=1>\"'&</script><script>hacked=1</script>";

/// Fails if a script of the names ran, or if a name became an element.
fn assert_harmless(browser: &Browser) {
    let hacked = "return window.hacked !== undefined || document.querySelector('img') !== null";
    assert_eq!(browser.run(hacked), false, "at {}", browser.address());
    browser.assert_quiet();
}

#[test]
fn hostile_texts_that_an_api_server_takes_are_texts() {
    let Some(browser) = Browser::start() else { return };
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "a", "uid": "u", "ownerReferences": [{"apiVersion": "example.com/v1", "kind": HOSTILE,
            "name": HOSTILE, "uid": "o", "controller": true}]},
        "spec": {"containers": [{"name": "c", "image": "i"}], "schedulerName": HOSTILE}});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "9"}}});
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("view-hostile");
    std::fs::create_dir_all(&folder).unwrap();
    let input = folder.join("input.json");
    std::fs::write(&input, json!({"apiVersion": "v1", "kind": "List", "items": [node, pod]}).to_string())
        .unwrap();
    let server = Server::start(&format!("-f {}", input.display()));
    for (fragment, selector) in [
        ("#/pending", "main td"),
        ("#/pending?list=reason", "main .message"),
        ("#/pending?pod=default/a", "#panel .answer"),
    ] {
        browser.open(&server.at(fragment));
        browser.shows(selector, "<img src=x onerror=hacked=1>");
        assert_harmless(&browser);
    }
}

#[test]
fn hostile_names_in_documents_are_texts() {
    let Some(browser) = Browser::start() else { return };
    let page = printed(&format!("simulate {SHOP} --offline -q -o html"));
    // As the documents of a server without any checks would be: in a node's name and labels, a pod's name and reasons.
    let escaped = json!(HOSTILE).to_string().replace('<', "\\u003c");
    let mut page = page.replace("general-a1", escaped.trim_matches('"'));
    page = page.replace("nvidia.com/gpu", escaped.trim_matches('"'));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("view-hostile.html");
    std::fs::write(&path, page).unwrap();
    let encoded = browser.run(&format!("return encodeURIComponent({})", json!(HOSTILE)));
    let node = format!("#/map?node={}", encoded.as_str().unwrap());
    for (fragment, selector) in [
        ("#/map?as=table", "main th"),
        (node.as_str(), "#panel h2"),
        (node.as_str(), "#panel td"),
        ("#/placed", "main td"),
        ("#/pending", "main .message"),
        ("#/pending?pod=ml/finetune-llm-0", "#panel td"),
    ] {
        browser.open(&format!("file://{}{fragment}", path.display()));
        browser.shows(selector, "<img src=x onerror=hacked=1>");
        assert_harmless(&browser);
    }
}
