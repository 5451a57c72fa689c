//! Kubeconfigs: how a client finds the API server, and who it is there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::authority::{Identity, write_private};

/// How a client shows who it is.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// A certificate and its key.
    Certificate(&'a Identity),
    /// A bearer token.
    Token(&'a str),
}

/// An API server as clients see it.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// The name of the cluster and of the context.
    pub cluster: &'a str,
    /// Its address.
    pub url: &'a str,
    /// The certificate of the authority that issued its certificate.
    pub authority: &'a Path,
}

/// Writes a kubeconfig with one user, which holds all certificates itself and so can be copied.
///
/// # Errors
/// If a certificate cannot be read or the file cannot be written.
pub fn write(file: &Path, server: Server<'_>, user: &str, credentials: Credentials<'_>) -> Result<()> {
    let who = match credentials {
        Credentials::Token(token) => json!({"token": token}),
        Credentials::Certificate(identity) => json!({
            "client-certificate-data": encoded(&identity.certificate)?,
            "client-key-data": encoded(&identity.key)?,
        }),
    };
    write_private(file, &format!("{:#}\n", config(server, user, &who)?))
}

fn config(server: Server<'_>, user: &str, who: &Value) -> Result<Value> {
    let name = server.cluster;
    let cluster = json!({"server": server.url, "certificate-authority-data": encoded(server.authority)?});
    Ok(json!({
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": who}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
    }))
}

fn encoded(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(STANDARD.encode(bytes))
}
