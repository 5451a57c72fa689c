//! A scheduler extender inside of the test: an HTTP server that answers as a closure says.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A running extender. Its thread ends with the test program.
pub struct Extender {
    /// What schedulers call it by.
    pub url: String,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Extender {
    /// Starts one: `answer` gets the verb and what was sent.
    ///
    /// # Errors
    /// There is no port.
    pub fn start(answer: impl Fn(&str, &Value) -> Value + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let url = format!("http://{}/extender", listener.local_addr()?);
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&calls);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A caller that goes away in between has had its answer or does not want it.
                let _ = serve(&stream, |verb, sent| {
                    let said = answer(verb, sent);
                    if let Ok(mut calls) = noted.lock() {
                        calls.push((verb.to_owned(), sent.clone()));
                    }
                    said
                });
            }
        });
        Ok(Self { url, calls })
    }

    /// What was sent to a verb, in order.
    pub fn sent(&self, verb: &str) -> Vec<Value> {
        let calls = self.calls.lock().map(|calls| calls.clone()).unwrap_or_default();
        calls.into_iter().filter(|(name, _)| name == verb).map(|(_, sent)| sent).collect()
    }
}

/// One request a connection: the answer closes it.
fn serve(mut stream: &TcpStream, answer: impl FnOnce(&str, &Value) -> Value) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let verb = line.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).context("no path")?.to_owned();
    let body = body(&mut reader)?;
    let said = answer(&verb, &serde_json::from_slice(&body)?).to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    )?;
    Ok(())
}

fn body(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((key, value)) = line.trim_end().split_once(':') else { break };
        match key.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse()?,
            "transfer-encoding" => chunked = value.trim() == "chunked",
            _ => {}
        }
    }
    if !chunked {
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        return Ok(body);
    }
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16)?;
        if length > 1 << 26 {
            bail!("a chunk of {length} bytes");
        }
        let start = body.len();
        body.resize(start + length, 0);
        reader.read_exact(&mut body[start..])?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}
