//! A way to run the binary, and small inputs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The document on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(document) => document,
            Err(error) => panic!("{error} in {self:#?}"),
        }
    }
}

/// Runs `berth` with words as arguments and `stdin` to read from.
pub(crate) fn berth(arguments: &str, stdin: &str) -> Ended {
    berth_in(Path::new(env!("CARGO_TARGET_TMPDIR")), arguments, stdin.as_bytes())
}

/// The same in a folder.
pub(crate) fn berth_in(folder: &Path, arguments: &str, stdin: &[u8]) -> Ended {
    let mut child = command(arguments).current_dir(folder).spawn().unwrap();
    // A run that ends before it has read all of its input is fine.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The command with pipes, and without an environment that has a say about colours.
pub(crate) fn command(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    // No test asks the cluster of the person who runs it.
    command.env("KUBECONFIG", "/nonexistent/kubeconfig").env_remove("KUBERNETES_SERVICE_HOST");
    command.args(arguments.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// An empty folder of its own for a test.
pub(crate) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A cluster as text: a line an object, `node NAME CPU MEMORY [FIELDS]` or `pod NAME CPU MEMORY [FIELDS]`, where the
/// fields go into the spec in YAML's flow style. Nodes are of the zones a and b in turn, pods have the label `app` with
/// their name up to its last dash.
pub(crate) fn cluster(lines: &str) -> String {
    let mut out = String::new();
    let mut nodes = 0;
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.splitn(5, ' ');
        let mut word = || words.next().unwrap_or_default().trim();
        let (kind, name, cpu, memory, fields) = (word(), word(), word(), word(), word());
        if kind == "node" {
            let zone = ["a", "b"][nodes % 2];
            nodes += 1;
            write!(
                out,
                "---\napiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n  labels: {{kubernetes.io/hostname: {name}, \
                 zone: {zone}}}\nspec: {{{fields}}}\nstatus:\n  allocatable: {{cpu: '{cpu}', memory: {memory}, pods: '9'}}\n"
            )
        } else {
            let app = name.rsplit_once('-').map_or(name, |(app, _)| app);
            let container =
                format!("containers: [{{name: c, image: i, resources: {{requests: {{cpu: {cpu}, memory: {memory}}}}}}}]");
            let spec = match fields {
                "" => container,
                fields if fields.contains("containers: ") => fields.to_string(),
                fields => format!("{fields}, {container}"),
            };
            write!(
                out,
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {app}}}}}\nspec: {{{spec}}}\n"
            )
        }
        .unwrap();
    }
    out
}
