//! A running cluster as input: an API server that answers lists from a table.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use expect_test::expect;
use serde_json::{Value, json};

use crate::fixture::{cluster, command, folder};

/// The objects of the cluster: two nodes, of which one has a pod, and a pod that is pending.
fn items(path: &str) -> Vec<Value> {
    let node = |name: &str| json!({"metadata": {"name": name, "uid": name}, "status": {"allocatable": {"cpu": "4", "pods": "9"}}});
    let pod = |name: &str, node: Option<&str>, cpu: &str| {
        json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": name}}, "spec": {"nodeName": node,
            "priority": 0, "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]}})
    };
    match path {
        "/api/v1/nodes" => vec![node("n1"), node("n2")],
        "/api/v1/pods" => vec![pod("web", Some("n1"), "2"), pod("big", None, "5")],
        "/apis/metrics.k8s.io/v1beta1/pods" => {
            vec![json!({"metadata": {"name": "web", "namespace": "shop"}, "containers": [{"name": "c", "usage": {"cpu": "500m"}}]})]
        }
        _ => Vec::new(),
    }
}

fn answer(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let body = json!({"metadata": {"resourceVersion": "7"}, "items": items(path)}).to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Writes a kubeconfig whose context `kind` is an API server of this test, and whose context `gone` is none.
fn kubeconfig(folder: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that goes away is no fault of the server.
            let _ = answer(&mut stream);
        }
    });
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: kind\nclusters:\n- {{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}\n\
         - {{name: d, cluster: {{server: 'http://127.0.0.1:1'}}}}\nusers:\n- {{name: u, user: {{}}}}\ncontexts:\n\
         - {{name: kind, context: {{cluster: c, user: u}}}}\n- {{name: gone, context: {{cluster: d, user: u}}}}\n"
    );
    std::fs::write(folder.join("kubeconfig"), text).unwrap();
}

/// Runs a command with this kubeconfig; says the exit code and what was printed.
fn run(folder: &Path, arguments: &str, stdin: &str) -> String {
    let mut child = command(arguments)
        .current_dir(folder)
        .env("KUBECONFIG", folder.join("kubeconfig"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes()); // the command may end before
    let output = child.wait_with_output().unwrap();
    let text = [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    format!("$ berth {arguments}\n{text}exit code {}\n\n", output.status.code().unwrap_or(-1))
}

#[test]
fn a_running_cluster_is_read_if_it_is_asked_for_or_if_the_input_has_no_nodes() {
    let folder = folder("live");
    kubeconfig(&folder);
    let pod = cluster("pod new-0 1 1Gi");
    let mut out = String::new();
    for (arguments, stdin) in [
        ("usage", ""),
        ("simulate -f -", pod.as_str()),
        ("simulate --live -f - -n shop", &pod),
        ("explain -l app=web --context kind", ""),
        ("simulate -f - --offline", &pod),
        ("usage --context other", ""),
        ("explain pod/big --context gone", ""),
        ("simulate -f - --offline --live", &pod),
    ] {
        out += &run(&folder, arguments, stdin);
    }
    expect![[""]].assert_eq(&out);
}
