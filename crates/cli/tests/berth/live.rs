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
    let node = |name: &str| json!({"metadata": {"name": name, "uid": name}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "9"}}});
    let pod = |name: &str, node: Option<&str>, cpu: &str| {
        json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": name}}, "spec": {"nodeName": node,
            "priority": 0, "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]}})
    };
    match path {
        "/api/v1/nodes" => vec![node("n1"), node("n2")],
        "/api/v1/pods" => vec![pod("web", Some("n1"), "2"), pod("big", None, "5")],
        "/apis/metrics.k8s.io/v1beta1/pods" => {
            vec![
                json!({"metadata": {"name": "web", "namespace": "shop"}, "containers": [{"name": "c", "usage": {"cpu": "500m"}}]}),
            ]
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

/// Runs several commands.
fn run_all(test: &str, commands: &[(&str, &str)]) -> String {
    let folder = folder(test);
    kubeconfig(&folder);
    commands.iter().map(|(arguments, stdin)| run(&folder, arguments, stdin)).collect()
}

#[test]
fn a_running_cluster_is_read_if_it_is_asked_for_or_if_the_input_has_no_nodes() {
    let pod = cluster("pod new-0 1 1Gi");
    let commands = [("usage", ""), ("simulate -f -", pod.as_str()), ("simulate --live -f - -n shop", &pod)];
    expect![[r#"
        $ berth usage
        NODES (2)
          NODE   PODS  CPU REQ  USED     MEM REQ  USED
          n1     1     2 50%    0.5 12%  0        -
          n2     0     0        -        0        -
          TOTAL  1     2 25%    0.5 6%   0        -

        requested and not used: 1.5 CPU
        no pod has a limit of CPU or memory
        1 pending pod on no node, not counted
        exit code 0

        $ berth simulate -f -
        note: the input has no nodes, so the cluster of context kind is read
        PLACED (1)
          POD            NODE
          default/new-0  n2

        NODES (2)
          NODE  PODS  CPU                  MEMORY
          n1    1/9   #####-----  50% 2/4  ----------   0% 0/8Gi
          n2    1/9   ###-------  25% 1/4  #---------  12% 1Gi/8Gi

        PENDING (1)
          shop/big
            0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are
            available: 2 Preemption is not helpful for scheduling.

        2 nodes, 3 pods: 1 placed, 1 pending (greedy)
        exit code 1

        $ berth simulate --live -f - -n shop
        PLACED (1)
          POD         NODE
          shop/new-0  n2

        NODES (2)
          NODE  PODS  CPU                  MEMORY
          n1    1/9   #####-----  50% 2/4  ----------   0% 0/8Gi
          n2    1/9   ###-------  25% 1/4  #---------  12% 1Gi/8Gi

        PENDING (1)
          shop/big
            0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are
            available: 2 Preemption is not helpful for scheduling.

        2 nodes, 3 pods: 1 placed, 1 pending (greedy)
        only pods of this selection are listed: namespace shop
        exit code 1

    "#]]
    .assert_eq(&run_all("live", &commands));
}

#[test]
fn a_context_chooses_the_cluster_and_offline_reads_none() {
    let pod = cluster("pod new-0 1 1Gi");
    let commands = [
        ("explain -l app=web --context kind", ""),
        ("simulate -f - --offline", pod.as_str()),
        ("usage --context other", ""),
        ("explain pod/big --context gone", ""),
        ("simulate -f - --offline --live", &pod),
    ];
    expect![[r#"
        $ berth explain -l app=web --context kind
        PODS app=web
          Not pending: its pod is on a node

          POD       NODE  STATE
          shop/web  n1    running
        exit code 0

        $ berth simulate -f - --offline
        warning: the input has no nodes, so that every pod stays pending: add those of a cluster (kubectl get nodes -o json, or berth snapshot)
        NODES (0)

        PENDING (1)
          default/new-0
            no nodes available to schedule pods

        0 nodes, 1 pod: 0 placed, 1 pending (greedy)
        exit code 1

        $ berth usage --context other
        error: no context is named "other" in the kubeconfig (there is: kind, gone)
        exit code 2

        $ berth explain pod/big --context gone
        error: cannot reach 127.0.0.1:1: connection refused
        exit code 2

        $ berth simulate -f - --offline --live
        error: the argument '--offline' cannot be used with '--live'

        Usage: berth simulate --filename <PATH> --offline

        For more information, try '--help'.
        exit code 2

    "#]].assert_eq(&run_all("contexts", &commands));
}
