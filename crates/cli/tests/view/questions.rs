//! What-if questions on the page, and the documents behind them.

use serde_json::Value;

use crate::browser::Browser;
use crate::server::{Server, printed};
use crate::views::SHOP;

/// The document that `berth simulate -o json` prints for the question of the page's command line.
fn simulated(command: &str) -> Value {
    let line = command.strip_prefix("berth ").unwrap();
    serde_json::from_str(&printed(&format!("{line} -q -o json"))).unwrap()
}

/// A kind of change, the fields of its form with their texts, and the parameter that they become.
type Form = (&'static str, &'static [(&'static str, &'static str)], &'static str);

#[test]
fn each_change_is_asked_by_the_form_and_answered_as_on_the_command_line() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(SHOP);
    browser.open(&server.at("#/what-if"));
    browser.shows("main", "Add a change");
    let forms: [Form; 7] = [
        ("cordon", &[("Node or label", "spot-b1")], "cordon=spot-b1"),
        ("without", &[("Node or label", "zone=eu-1c")], "without=zone%3Deu-1c"),
        ("add", &[("How many", "2"), ("Like node", "general-a1")], "add=2%3Dnode%2Fgeneral-a1"),
        ("scale", &[("Workload", "deploy/shop/web"), ("Pods", "20")], "scale=deploy%2Fshop%2Fweb%3D20"),
        ("untaint", &[("Taint", "example.com/spot")], "untaint=example.com%2Fspot"),
        ("weight", &[("Weight", "9")], "weight=TaintToleration%3D9"),
        ("drain", &[("Node or label", "general-b1")], "drain=general-b1"),
    ];
    for (kind, fields, parameter) in forms {
        browser.choose("Change", kind);
        for (label, text) in fields {
            browser.fill(label, text);
        }
        browser.click("main form .primary");
        browser.until(&format!("return location.hash.includes('{parameter}')"));
        browser.until("return document.querySelector('main [aria-busy]') === null");
        browser.shows("main .counts", "Pending pods");
        let command = browser.run("return document.querySelector('.command code').innerText");
        let result = simulated(command.as_str().unwrap());
        let row = "[...document.querySelectorAll('.counts tr')].find((row) => row.cells[0].innerText === 'Pending pods')";
        let after = browser.run(&format!("return {row}.cells[2].innerText"));
        assert_eq!(after, result["summary"]["pending"].to_string(), "{command}");
        let nodes =
            browser.run(&format!("return {}.cells[2].innerText", row.replace("Pending pods", "Nodes")));
        assert_eq!(nodes, result["summary"]["nodes"].to_string(), "{command}");
    }
    browser.choose("Change", "algorithm");
    browser.choose("Algorithm", "best-fit");
    browser.click(".chips li:nth-child(6) .remove"); // the weight of a plugin that does not score then
    browser.until("return !location.hash.includes('weight=')");
    browser.choose("Change", "algorithm");
    browser.choose("Algorithm", "best-fit");
    browser.click("main form .primary");
    browser.shows(".command code", "--algorithm best-fit");
    browser.until("return document.querySelectorAll('.pair canvas').length === 2");
    browser.click(".copy");
    browser.until("return /Copied|Selected/.test(document.querySelector('.copy').innerText)");
    browser.assert_accessible();
    browser.assert_quiet();
}

#[test]
fn a_question_that_cannot_be_answered_says_why() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(SHOP);
    browser.open(&server.at("#/what-if?cordon=n9"));
    browser.shows("main [role=alert]", "--cordon n9: no node has this name; there is control-1");
    browser.open(&server.at("#/map?node=n9"));
    browser.shows("#panel", "There is no node of this name here.");
    browser.open(&server.at("#/pending?pod=n9"));
    browser.shows("#panel [role=alert]", "no pod is named \"n9\"");
}

#[test]
fn the_documents_are_those_of_the_command_line() {
    let server = Server::start(SHOP);
    for options in
        ["", "--cordon spot-b1 --scale deploy/shop/web=20", "--drain zone=eu-1c --algorithm best-fit"]
    {
        let words: Vec<&str> = options.split_whitespace().collect();
        let query: Vec<String> = words
            .chunks(2)
            .map(|pair| format!("{}={}", &pair[0][2..], pair[1].replace('=', "%3D")))
            .collect();
        let printed: Value =
            serde_json::from_str(&printed(&format!("simulate {SHOP} --offline -q -o json {options}")))
                .unwrap();
        assert_eq!(server.document(&format!("simulation?{}", query.join("&"))), printed, "{options}");
    }
    let compared: Value = serde_json::from_str(&printed(&format!(
        "simulate {SHOP} --offline -q -o json --compare greedy,least-load"
    )))
    .unwrap();
    assert_eq!(server.document("comparison?compare=greedy&compare=least-load"), compared);
    let explained: Value =
        serde_json::from_str(&printed(&format!("explain ml/finetune-llm-0 {SHOP} --offline -q -o json")))
            .unwrap();
    let served = server.document("explanation?pod=ml/finetune-llm-0");
    for (field, value) in explained.as_object().unwrap() {
        assert_eq!(&served[field], value, "{field}");
    }
    assert_eq!(served["nodesLeftOut"], 0);
    assert_eq!(server.document("explanation?pod=ml/finetune-llm-0&nodes=5")["nodesLeftOut"], 7);
}

#[test]
fn questions_of_other_programs_get_an_answer_or_a_reason() {
    let server = Server::start("-f cluster.yaml --cordon zone=eu-1a");
    assert!(server.url.ends_with("#/what-if?cordon=zone%3Deu-1a"), "{}", server.url);
    let cases = [
        ("cluster?scale=web", "400 invalid value 'web' for '--scale <KIND/NAME=N>': expected KIND/NAME=N"),
        ("cluster?add=3=cluster.yaml", "400 add=3=cluster.yaml: expected COUNT=node/NAME, as in 3=node/n1"),
        ("cluster?weight=Missing=3", "400 --weight Missing=3: no plugin of this name scores; there is"),
        ("cluster?untaint=none", "400 --untaint none: no node has this taint; there is example.com/"),
        ("cluster?force=true", "400 "),
        ("explanation?pod=none", "404 no pod is named \"none\""),
        ("comparison", "400 expected algorithms, as in compare=greedy&compare=best-fit"),
        ("secrets", "404 there is no such page"),
    ];
    for (address, expected) in cases {
        let refused = server.refused(address);
        assert!(refused.starts_with(expected), "{address}: {refused}");
    }
    let (head, _) = server.ask("POST", "/api/v1/cluster", "localhost");
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");
    let (head, _) = server.ask("GET", "/api/v1/cluster", "attacker.example");
    assert!(head.starts_with("HTTP/1.1 421"), "{head}");
    let (head, _) = server.ask("GET", "/", "127.0.0.1");
    for header in ["content-security-policy: default-src 'none'; script-src 'self'", "x-frame-options: DENY"]
    {
        assert!(head.contains(header), "{head}");
    }
    assert!(!head.contains("cookie"), "{head}");
}
