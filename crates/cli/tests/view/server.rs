//! A `berth view` for one test, and what a client reads from it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running `berth view`.
pub(crate) struct Server {
    child: Child,
    /// As in `http://127.0.0.1:41234/`, with the question of the command line.
    pub(crate) url: String,
}

/// The folder with the examples.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// `berth` with the words of a line as arguments, in the folder of the examples.
pub(crate) fn berth(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
    command.args(line.split_whitespace()).current_dir(examples()).env("NO_COLOR", "1");
    command.env("KUBECONFIG", "/nonexistent/kubeconfig").env_remove("KUBERNETES_SERVICE_HOST");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command prints on stdout.
pub(crate) fn printed(line: &str) -> String {
    let output = berth(line).output().unwrap();
    let (code, said) = (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(matches!(code, Some(0 | 1)), "berth {line}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

impl Server {
    /// Starts `berth view` with more words.
    pub(crate) fn start(line: &str) -> Self {
        Self::start_plainly(&format!("--offline -q {line}"))
    }

    /// Starts `berth view` with these words and no others.
    pub(crate) fn start_plainly(line: &str) -> Self {
        let mut child = berth(&format!("view {line}")).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let server = Self { child, url: url.trim().to_owned() };
        assert!(server.url.starts_with("http://127.0.0.1:"), "berth view {line} printed {:?}", server.url);
        server
    }

    /// The address of a view.
    pub(crate) fn at(&self, fragment: &str) -> String {
        format!("{}{fragment}", self.url.split('#').next().unwrap_or_default())
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The answer to a raw request: its head and its body.
    pub(crate) fn ask(&self, method: &str, path: &str, host: &str) -> (String, String) {
        let address = self.url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// A document of the API.
    pub(crate) fn document(&self, address: &str) -> Value {
        let (head, body) = self.ask("GET", &format!("/api/v1/{address}"), "localhost");
        assert!(head.starts_with("HTTP/1.1 200"), "{address}: {head}\n{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The status and the problems of a question that cannot be answered.
    pub(crate) fn refused(&self, address: &str) -> String {
        let (head, body) = self.ask("GET", &format!("/api/v1/{address}"), "localhost");
        let body: Value = serde_json::from_str(&body).unwrap();
        let problems: Vec<&str> =
            body["problems"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        format!("{} {}", head.split(' ').nth(1).unwrap_or_default(), problems.join(" / "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
