//! The scheduler of a control plane: Berth's or upstream's, configured and started alike.

use std::path::Path;
use std::str::FromStr;
use std::{fmt, fs};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Whose scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `berth scheduler`.
    Berth,
    /// kube-scheduler.
    Upstream,
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "berth" => Ok(Self::Berth),
            "upstream" => Ok(Self::Upstream),
            other => bail!("no scheduler {other}; there are berth and upstream"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Berth => "berth",
            Self::Upstream => "upstream",
        })
    }
}

/// Writes the configuration of a scheduler that is the only one: `config` over defaults without a leader election and
/// without upstream's own limit of 50 requests a second, which a control plane on one machine does not need. Returns
/// the arguments of the scheduler.
///
/// # Errors
/// If the file cannot be written.
pub fn configure(
    kind: Kind,
    config: &Value,
    kubeconfig: &Path,
    port: u16,
    file: &Path,
) -> Result<Vec<String>> {
    let mut whole = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": false},
        "clientConnection": {"kubeconfig": kubeconfig, "qps": 5000, "burst": 10000},
    });
    merge(&mut whole, config);
    fs::write(file, format!("{whole:#}\n")).with_context(|| format!("cannot write {}", file.display()))?;
    let mut args = match kind {
        Kind::Berth => vec!["scheduler".to_owned()],
        Kind::Upstream => Vec::new(),
    };
    args.push(format!("--config={}", file.display()));
    let kubeconfig = whole["clientConnection"]["kubeconfig"].as_str().unwrap_or_default();
    for flag in ["authentication-kubeconfig", "authorization-kubeconfig"] {
        args.push(format!("--{flag}={kubeconfig}"));
    }
    args.extend(["--bind-address=127.0.0.1".to_owned(), format!("--secure-port={port}")]);
    Ok(args)
}

/// Puts the fields of `change` over those of `value`; lists are replaced as a whole.
fn merge(value: &mut Value, change: &Value) {
    match (value, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (key, change) in changes {
                merge(fields.entry(key.clone()).or_insert(Value::Null), change);
            }
        }
        (value, change) => *value = change.clone(),
    }
}
