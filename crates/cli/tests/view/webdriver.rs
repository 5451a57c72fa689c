//! The part of the WebDriver protocol that the tests use: JSON over HTTP, one connection for each command.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

/// Under this key WebDriver gives the identifiers of elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that have no character, as WebDriver writes them.
pub(crate) mod key {
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const ESCAPE: &str = "\u{e00c}";
    pub(crate) const RIGHT: &str = "\u{e014}";
    pub(crate) const DOWN: &str = "\u{e015}";
}

/// A session of a chromedriver.
pub(crate) struct Session {
    port: u16,
    path: String,
}

impl Session {
    /// Starts a browser with these capabilities.
    pub(crate) fn start(port: u16, capabilities: &Value) -> Self {
        let mut session = Self { port, path: "/session".to_owned() };
        let made = session.post("", &json!({ "capabilities": { "alwaysMatch": capabilities } }));
        session.path = format!("/session/{}", made["sessionId"].as_str().unwrap());
        session
    }

    /// The value that a GET command gives.
    pub(crate) fn get(&self, command: &str) -> Value {
        self.ask("GET", command, "")
    }

    /// The value that a POST command gives.
    pub(crate) fn post(&self, command: &str, body: &Value) -> Value {
        self.ask("POST", command, &body.to_string())
    }

    /// Ends the browser.
    pub(crate) fn end(&self) {
        self.ask("DELETE", "", "");
    }

    /// The path of the first element of a selector.
    pub(crate) fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        format!("/element/{}", found[ELEMENT].as_str().unwrap())
    }

    fn ask(&self, method: &str, command: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let (path, length) = (format!("{}{command}", self.path), body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nContent-Length: \
             {length}\r\n\r\n{body}",
            self.port
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let value = &answer["value"];
        assert!(
            value.get("error").is_none(),
            "{method} {path} {body}: {}: {}",
            value["error"],
            value["message"]
        );
        value.clone()
    }
}
