//! The page of a running scheduler. A scheduler that is none serves the documents of a recording, one decision later with
//! each look, as a scheduler does that works. The end-to-end tests play a real one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::browser::Browser;
use crate::recording;
use crate::server::{Server, berth};

/// Answers as a scheduler does whose page a user may read, or may not.
struct Scheduler {
    address: SocketAddr,
    looks: Arc<AtomicUsize>,
}

impl Scheduler {
    fn start(name: &str) -> Self {
        let recorded = Server::start(&recording::write(name).display().to_string());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, looks) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(4)));
        let seen = Arc::clone(&looks);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(&stream, &recorded, &seen);
            }
        });
        Self { address, looks }
    }

    /// The options of `berth view` that show it.
    fn options(&self) -> String {
        let kubeconfig = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("view-live-kubeconfig");
        let text = "{apiVersion: v1, kind: Config, current-context: a, clusters: [{name: a, cluster: {server: \
                    'http://127.0.0.1:1'}}], users: [{name: a, user: {token: good}}], contexts: [{name: a, context: \
                    {cluster: a, user: a}}]}";
        std::fs::write(&kubeconfig, text).unwrap();
        format!("--scheduler http://{} --kubeconfig {}", self.address, kubeconfig.display())
    }
}

fn serve(stream: &TcpStream, recorded: &Server, looks: &AtomicUsize) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let has_token = head.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer good"));
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, text) = match path.strip_prefix("/ui/api/v1/") {
        _ if !has_token => ("401 Unauthorized", "Unauthorized\n".to_owned()),
        None => ("404 Not Found", "Not Found\n".to_owned()),
        Some(name) => {
            let at = match name {
                "cluster" => looks.fetch_add(1, Ordering::SeqCst),
                _ => looks.load(Ordering::SeqCst),
            };
            let separator = if name.contains('?') { '&' } else { '?' };
            let document = recorded.document(&format!("{name}{separator}at={at}")).to_string();
            ("200 OK", document.replace(r#""overTime":"recording""#, r#""overTime":"live""#))
        }
    };
    let length = text.len();
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    );
}

#[test]
fn the_page_follows_a_running_scheduler_until_it_is_paused() {
    let Some(browser) = Browser::start() else { return };
    let scheduler = Scheduler::start("live.rec");
    let server = Server::start_plainly(&scheduler.options());
    browser.open(&server.at("#/map"));
    browser.shows("#moment .time", "Live");
    browser.shows(".summary", "6 nodes");
    browser.assert_accessible();
    let pods = "return Number(document.querySelector('.summary').innerText.match(/(\\d+) pods?/)[1])";
    let first = browser.run(pods).as_u64().unwrap();
    browser.until(&format!("{pods} > {first}"));
    browser.keep_picture("live-map");
    browser.click("#moment .pause");
    browser.shows("#moment .time", "Paused");
    let paused = scheduler.looks.load(Ordering::SeqCst);
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(scheduler.looks.load(Ordering::SeqCst), paused, "a paused page asks for nothing");
    browser.click("#moment .pause");
    browser.until(&format!(
        "{pods} > {first} && document.querySelector('#moment .time').innerText !== 'Paused'"
    ));
    // Where the reader is stays as it is while the page follows.
    browser.open(&server.at("#/over-time"));
    browser.shows(".chart figcaption", "Wait for a node");
    let shown = browser.run("return document.querySelector('.decisions')");
    assert_eq!(shown, serde_json::Value::Null, "a running scheduler keeps no decisions");
    browser.keep_picture("live-over-time");
    browser.open(&server.at("#/pending?pod=shop/huge-0"));
    browser.shows("#panel", "It fits on none of the 6 nodes");
    browser.open(&server.at("#/what-if?drain=node-0"));
    browser.shows("main .reports", "--drain node-0");
    browser.assert_quiet();
}

#[test]
fn a_scheduler_that_does_not_show_its_page_is_named_with_the_reason() {
    let scheduler = Scheduler::start("refusing.rec");
    let options = scheduler.options();
    let kubeconfig = options.split(' ').next_back().unwrap().to_owned();
    let bad = format!("{kubeconfig}-bad");
    std::fs::write(&bad, std::fs::read_to_string(&kubeconfig).unwrap().replace("good", "bad")).unwrap();
    let address = scheduler.address;
    let cases = [
        (
            format!("view --scheduler http://{address} --kubeconfig {bad}"),
            "it does not know the user of the kubeconfig (401)",
        ),
        (
            format!("view --scheduler http://{address}/other --kubeconfig {kubeconfig}"),
            "it has no page: start the scheduler with --ui",
        ),
        (
            format!("view --scheduler http://127.0.0.1:1 --kubeconfig {kubeconfig}"),
            "error: --scheduler http://127.0.0.1:1: 127.0.0.1:1: ",
        ),
        (format!("view --scheduler http://{address} -f cluster.yaml"), "cannot be used with"),
    ];
    for (line, expected) in cases {
        let ended = berth(&line).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(2) && said.contains(expected), "{line}: {said}");
    }
}
