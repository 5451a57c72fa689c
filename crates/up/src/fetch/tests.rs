use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

/// A server of files. It may break the first transfer of a file after some bytes.
struct Server {
    url: String,
    /// The ranges that were asked for, by path.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    fn start(files: HashMap<String, Vec<u8>>, break_after: Option<usize>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &files, break_after, &log);
            }
        });
        Self { url, asked }
    }

    fn publishers(&self) -> Publishers {
        Publishers { kubernetes: format!("{}/k", self.url), etcd: format!("{}/moved", self.url) }
    }
}

fn answer(
    mut stream: TcpStream,
    files: &HashMap<String, Vec<u8>>,
    break_after: Option<usize>,
    log: &Mutex<Vec<(String, String)>>,
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = head.iter().find_map(|line| line.strip_prefix("range: bytes=")).unwrap_or("0-").to_owned();
    let start: usize = range.trim_end_matches('-').parse().unwrap();
    log.lock().unwrap().push((path.clone(), range));
    if let Some(rest) = path.strip_prefix("/moved") {
        let head = format!("HTTP/1.1 302 Found\r\nlocation: /etcd{rest}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        return;
    }
    let Some(body) = files.get(&path) else {
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").unwrap();
        return;
    };
    let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
    let rest = &body[start..];
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", rest.len());
    stream.write_all(head.as_bytes()).unwrap();
    let sent = if start == 0 { break_after.unwrap_or(rest.len()).min(rest.len()) } else { rest.len() };
    stream.write_all(&rest[..sent]).unwrap();
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("berth-fetch-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn machine() -> &'static str {
    if ARCH == "aarch64" { "arm64" } else { "amd64" }
}

fn hex(bytes: &[u8]) -> String {
    ring::digest::digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// kube-apiserver as it is published, with this checksum.
fn published(program: &[u8], sum: &str) -> HashMap<String, Vec<u8>> {
    let path = format!("/k/v1.2.3/bin/{OS}/{}/kube-apiserver", machine());
    [(format!("{path}.sha256"), sum.as_bytes().to_vec()), (path, program.to_vec())].into()
}

#[test]
#[cfg(target_os = "linux")]
fn a_transfer_that_breaks_is_continued_and_verified() {
    let folder = folder("continued");
    let program: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
    let server = Server::start(published(&program, &hex(&program)), Some(70_000));
    let mut last = None;
    let tell = &mut |progress| last = Some(progress);
    fetch(&server.publishers(), Program::Server, "1.2.3", &folder, tell).unwrap();
    let file = folder.join("kube-apiserver");
    assert_eq!(fs::read(&file).unwrap(), program);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o755);
    let progress = Progress { name: "kube-apiserver", done: 200_000, total: Some(200_000) };
    assert_eq!(last, Some(progress));
    let asked = server.asked.lock().unwrap();
    let ranges: Vec<&str> = asked.iter().map(|(_, range)| range.as_str()).collect();
    assert_eq!(ranges[..2], ["0-", "0-"]);
    let continued: usize = ranges[2].trim_end_matches('-').parse().unwrap();
    assert!(continued > 0 && continued <= 70_000, "{ranges:?}");
    assert!(!folder.join("kube-apiserver.part").exists());
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_with_another_checksum_is_removed() {
    let folder = folder("wrong");
    let server = Server::start(published(b"evil", &hex(b"good")), None);
    let error = fetch(&server.publishers(), Program::Server, "1.2.3", &folder, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("The file was removed; try again"), "{error}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let error = fetch(&server.publishers(), Program::Server, "9.9.9", &folder, &mut |_| {}).unwrap_err();
    assert!(
        error.to_string().ends_with("kube-apiserver.sha256: the server answers 404 Not Found"),
        "{error}"
    );
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn etcd_is_taken_out_of_its_archive_after_a_redirection() {
    let folder = folder("etcd");
    let name = format!("etcd-v{ETCD}-{OS}-{}", machine());
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in [("README.md", "no"), ("etcd", "the program"), ("etcdctl", "no")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_cksum();
        archive.append_data(&mut header, format!("{name}/{path}"), text.as_bytes()).unwrap();
    }
    let archive = archive.into_inner().unwrap().finish().unwrap();
    let sums = format!("{}  other.zip\n{}  {name}.tar.gz\n", "0".repeat(64), hex(&archive));
    let base = format!("/etcd/v{ETCD}");
    let files =
        [(format!("{base}/SHA256SUMS"), sums.into_bytes()), (format!("{base}/{name}.tar.gz"), archive)];
    let server = Server::start(files.into(), None);
    fetch(&server.publishers(), Program::Etcd, "1.2.3", &folder, &mut |_| {}).unwrap();
    assert_eq!(fs::read_to_string(folder.join("etcd")).unwrap(), "the program");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    fs::remove_dir_all(&folder).unwrap();
}
