//! Fetches upstream's programs from the places where upstream publishes them, and verifies their checksums.
//!
//! A file that was fetched in part is kept as `NAME.part`, and the next try continues it. Only a file whose SHA-256 is
//! the published one gets its name.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures::TryStreamExt;
use http::header::{CONTENT_LENGTH, LOCATION, RANGE};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use kube::client::Body;
use ring::digest::{Context as Digest, SHA256};

use crate::find::Program;

/// The release of etcd that is fetched.
pub const ETCD: &str = "3.7.0";

/// How many times a transfer that breaks is continued.
const TRIES: usize = 5;
/// The pause before it is continued.
const PAUSE: Duration = Duration::from_millis(500);
/// How many redirections are followed.
const REDIRECTIONS: usize = 10;

/// Where upstream publishes its programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publishers {
    /// Kubernetes': below it are `vRELEASE/bin/OS/ARCH/NAME`.
    pub kubernetes: String,
    /// etcd's: below it are `vRELEASE/etcd-vRELEASE-OS-ARCH.tar.gz`.
    pub etcd: String,
}

impl Default for Publishers {
    fn default() -> Self {
        Self {
            kubernetes: "https://dl.k8s.io/release".to_owned(),
            etcd: "https://github.com/etcd-io/etcd/releases/download".to_owned(),
        }
    }
}

/// How much of a file has been fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The program.
    pub name: &'static str,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of the whole file, if the server says it.
    pub total: Option<u64>,
}

/// Fetches a program of a release of Kubernetes, or etcd, into `folder`.
///
/// # Errors
/// If upstream does not publish it for this machine, it cannot be fetched, or its checksum is not the published one.
pub fn fetch(
    publishers: &Publishers,
    program: Program,
    release: &str,
    folder: &Path,
    tell: &mut dyn FnMut(Progress),
) -> Result<()> {
    let machine = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    ensure!(
        OS == "linux",
        "upstream publishes {} for Linux only; use --build, or --components with a folder of your own",
        program.name()
    );
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let name = program.name();
    let (url, sums) = if program == Program::Etcd {
        let base = format!("{}/v{ETCD}", publishers.etcd);
        (format!("{base}/etcd-v{ETCD}-{OS}-{machine}.tar.gz"), format!("{base}/SHA256SUMS"))
    } else {
        let url = format!("{}/v{release}/bin/{OS}/{machine}/{name}", publishers.kubernetes);
        (url.clone(), format!("{url}.sha256"))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sum = runtime.block_on(published_sum(&sums, &url))?;
    let part = folder.join(format!("{name}.part"));
    runtime.block_on(transfer(&url, &part, &mut |done, total| tell(Progress { name, done, total })))?;
    let actual = sha256(&part)?;
    if actual != sum {
        let _ = fs::remove_file(&part);
        bail!(
            "{url}: the checksum is {actual}, and the published one is {sum}. The file was removed; try again"
        );
    }
    if program == Program::Etcd {
        unpack(&part, name, folder)?;
        fs::remove_file(&part)?;
    } else {
        finish(&part, &folder.join(name))?;
    }
    Ok(())
}

/// The published checksum of the file at `url`: the first word of the only line, or of the line with its name.
async fn published_sum(sums: &str, url: &str) -> Result<String> {
    let response = get(sums, 0).await?;
    let status = response.status();
    ensure!(status.is_success(), "{sums}: the server answers {status}");
    let bytes = response.into_body().collect().await.with_context(|| sums.to_owned())?.to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    let file = url.rsplit('/').next().unwrap_or_default();
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let sum = lines.find_map(|words| match words.as_slice() {
        [sum] => Some((*sum).to_owned()),
        [sum, name] if name.trim_start_matches('*') == file => Some((*sum).to_owned()),
        _ => None,
    });
    sum.filter(|sum| sum.len() == 64).with_context(|| format!("{sums} has no SHA-256 of {file}"))
}

/// Fetches a file, from where an earlier transfer broke.
async fn transfer(url: &str, part: &Path, tell: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
    let mut last = anyhow!("nothing was tried");
    for _ in 0..TRIES {
        match attempt(url, part, tell).await {
            Ok(()) => return Ok(()),
            Err(Broken::ForGood(error)) => return Err(error),
            Err(Broken::Passing(error)) => last = error,
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(last.context(format!("{url} cannot be fetched; what is there is kept, and the next try continues")))
}

/// Why a transfer broke.
enum Broken {
    /// Another try may do.
    Passing(anyhow::Error),
    /// Another try fails too.
    ForGood(anyhow::Error),
}

async fn attempt(url: &str, part: &Path, tell: &mut dyn FnMut(u64, Option<u64>)) -> Result<(), Broken> {
    let passing = |error: anyhow::Error| Broken::Passing(error);
    let on_disk = |error: io::Error| Broken::ForGood(anyhow!("{}: {error}", part.display()));
    let there = fs::metadata(part).map_or(0, |data| data.len());
    let response = get(url, there).await.map_err(passing)?;
    let status = response.status();
    let mut done = match status {
        StatusCode::PARTIAL_CONTENT => there,
        // There is nothing after the end.
        StatusCode::RANGE_NOT_SATISFIABLE => return Ok(()),
        StatusCode::OK => 0,
        _ if status.is_server_error() => return Err(passing(anyhow!("the server answers {status}"))),
        _ => return Err(Broken::ForGood(anyhow!("{url}: the server answers {status}"))),
    };
    let rest =
        response.headers().get(CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    let total = rest.map(|rest| done + rest);
    let mut options = OpenOptions::new();
    options.create(true).write(true).append(done > 0).truncate(done == 0);
    let mut file = options.open(part).map_err(on_disk)?;
    let mut pieces = response.into_body().into_data_stream();
    while let Some(piece) = pieces.try_next().await.map_err(|error| passing(error.into()))? {
        file.write_all(&piece).map_err(on_disk)?;
        done += piece.len() as u64;
        tell(done, total);
    }
    match total {
        Some(total) if done < total => Err(passing(anyhow!("{done} of {total} bytes were sent"))),
        _ => Ok(()),
    }
}

/// Asks for a file from an offset on, and follows redirections.
async fn get(url: &str, from: u64) -> Result<Response<Body>> {
    let mut url: Uri = url.parse().with_context(|| format!("{url} is no address"))?;
    for _ in 0..REDIRECTIONS {
        let host = url.authority().with_context(|| format!("{url} has no host"))?;
        let scheme = url.scheme_str().unwrap_or("https");
        let client = kube::Client::try_from(kube::Config::new(format!("{scheme}://{host}").parse()?))?;
        let mut request = Request::get(url.path_and_query().map_or("/", |path| path.as_str()));
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let response = client.send(request.body(Body::empty())?).await.with_context(|| url.to_string())?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.with_context(|| format!("{url} redirects to nowhere"))?;
        url = if to.starts_with('/') { format!("{scheme}://{host}{to}").parse()? } else { to.parse()? };
    }
    bail!("{url}: more than {REDIRECTIONS} redirections")
}

/// The SHA-256 of a file in hexadecimal.
fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut digest = Digest::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))? {
            0 => break,
            length => digest.update(&buffer[..length]),
        }
    }
    Ok(digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Takes the file `name` out of a compressed archive, whatever folder it is in there.
fn unpack(archive: &Path, name: &str, folder: &Path) -> Result<()> {
    let broken = || format!("{} cannot be unpacked", archive.display());
    let file = File::open(archive).with_context(broken)?;
    let mut all = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in all.entries().with_context(broken)? {
        let mut entry = entry.with_context(broken)?;
        if entry.path().with_context(broken)?.file_name().is_some_and(|file| file == name) {
            let unpacked = folder.join(format!("{name}.unpacked"));
            io::copy(&mut entry, &mut File::create(&unpacked)?).with_context(broken)?;
            return finish(&unpacked, &folder.join(name));
        }
    }
    bail!("{} has no file {name}", archive.display())
}

/// Gives a complete program its name.
fn finish(from: &Path, to: &Path) -> Result<()> {
    let broken = || format!("cannot write {}", to.display());
    fs::set_permissions(from, Permissions::from_mode(0o755)).with_context(broken)?;
    fs::rename(from, to).with_context(broken)
}

#[cfg(test)]
mod tests;
