//! The certificate authorities for clients and front proxies, from files or from the cluster.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use serde_json::Value;
use tokio::sync::watch;

use super::ServeError;
use crate::client::Api;

/// The ConfigMap in which a cluster publishes its authentication configuration.
const PUBLISHED: &str = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
/// The time between two looks at the files and the cluster.
const LOOK: Duration = Duration::from_secs(30);

/// The authorities for client certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// The authorities for users.
    pub ca_file: Option<PathBuf>,
    /// The authorities for front proxies, whose headers name the user.
    pub proxies_ca_file: Option<PathBuf>,
    /// The front proxies and their headers.
    pub proxies: Proxies,
    /// How the cluster is asked for what no file names.
    pub lookup: Lookup,
}

/// Whether missing authorities are looked up in the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// They are not.
    Skip,
    /// They are. After a failure, client certificates are rejected until the lookup succeeds.
    #[default]
    Tolerate,
    /// They are, and the server does not start after a failure.
    Require,
}

/// The front proxies and their headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The common names of the allowed proxies; empty: all.
    pub allowed_names: Vec<String>,
    /// The headers with the user name; the first one that is present counts.
    pub username_headers: Vec<String>,
    /// The headers with the groups.
    pub group_headers: Vec<String>,
    /// The headers with the uid.
    pub uid_headers: Vec<String>,
    /// The prefixes of headers with extra information.
    pub extra_prefixes: Vec<String>,
}

/// The authorities as trust anchors.
#[derive(Debug, Default)]
pub(super) struct Authorities {
    pub(super) clients: Vec<TrustAnchor<'static>>,
    pub(super) proxies: Vec<TrustAnchor<'static>>,
    pub(super) headers: Proxies,
}

/// Receives the current authorities.
pub(super) type AuthoritiesRx = watch::Receiver<Arc<Authorities>>;

impl Authorities {
    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.proxies.is_empty()
    }
}

/// Reads the authorities, and reads them again periodically as long as there is a receiver.
///
/// # Errors
/// If a file cannot be used, or a required lookup fails.
pub(super) async fn keep(clients: Clients, api: Api) -> Result<AuthoritiesRx, ServeError> {
    let (sender, newest) = watch::channel(Arc::new(read(&clients, &api, true).await?));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            match read(&clients, &api, false).await {
                Ok(authorities) => drop(sender.send(Arc::new(authorities))),
                // A file may be half written, or the API server unavailable: the last good ones stay.
                Err(error) => tracing::warn!(
                    "cannot reload the authorities for client certificates, keeping the current ones: {error}"
                ),
            }
        }
    });
    Ok(newest)
}

async fn read(clients: &Clients, api: &Api, is_first: bool) -> Result<Authorities, ServeError> {
    let mut found = Authorities { headers: clients.proxies.clone(), ..Authorities::default() };
    if let Some(path) = &clients.ca_file {
        found.clients = from_file(path)?;
    }
    if let Some(path) = &clients.proxies_ca_file {
        found.proxies = from_file(path)?;
    }
    let is_complete = clients.ca_file.is_some() && clients.proxies_ca_file.is_some();
    if is_complete || clients.lookup == Lookup::Skip {
        return Ok(found);
    }
    match published(api).await {
        Ok(data) => add(&mut found, clients, &data)?,
        Err(why) if is_first && clients.lookup == Lookup::Tolerate => tracing::warn!(
            "cannot look up the authentication configuration of the cluster, rejecting client certificates until it can be read: {why}"
        ),
        Err(why) => return Err(ServeError::Lookup(why)),
    }
    Ok(found)
}

/// The data of the ConfigMap.
async fn published(api: &Api) -> Result<Value, String> {
    let answer = api.get(PUBLISHED).await.map_err(|error| error.to_string())?;
    match answer.status {
        StatusCode::OK => {
            let body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
            Ok(body["data"].clone())
        }
        // The cluster has no authentication configuration.
        StatusCode::NOT_FOUND => Ok(Value::Null),
        _ => Err(answer.message()),
    }
}

/// Adds the data of the cluster where no file is given.
fn add(found: &mut Authorities, clients: &Clients, data: &Value) -> Result<(), ServeError> {
    let anchors = |key: &str| {
        let pem = data[key].as_str().unwrap_or_default();
        from_pem(pem.as_bytes()).map_err(|why| ServeError::Lookup(format!("{key}: {why}")))
    };
    if clients.ca_file.is_none() {
        found.clients = anchors("client-ca-file")?;
    }
    if clients.proxies_ca_file.is_none() {
        found.proxies = anchors("requestheader-client-ca-file")?;
        let list = |key: &str| -> Vec<String> {
            data[key].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        };
        found.headers = Proxies {
            allowed_names: list("requestheader-allowed-names"),
            username_headers: list("requestheader-username-headers"),
            group_headers: list("requestheader-group-headers"),
            uid_headers: list("requestheader-uid-headers"),
            extra_prefixes: list("requestheader-extra-headers-prefix"),
        };
    }
    Ok(())
}

fn from_file(path: &Path) -> Result<Vec<TrustAnchor<'static>>, ServeError> {
    let broken = |why: String| ServeError::Authority { path: path.to_owned(), why };
    let pem = std::fs::read(path).map_err(|error| broken(error.to_string()))?;
    let anchors = from_pem(&pem).map_err(broken)?;
    if anchors.is_empty() { Err(broken("the file has no certificate".to_owned())) } else { Ok(anchors) }
}

fn from_pem(pem: &[u8]) -> Result<Vec<TrustAnchor<'static>>, String> {
    let anchor = |certificate: Result<CertificateDer<'static>, _>| {
        let certificate = certificate.map_err(|error: rustls::pki_types::pem::Error| error.to_string())?;
        let anchor = webpki::anchor_from_trusted_cert(&certificate).map_err(|error| error.to_string())?;
        Ok(anchor.to_owned())
    };
    CertificateDer::pem_slice_iter(pem).map(anchor).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Script;

    fn ca() -> String {
        rcgen::generate_simple_self_signed(["ca".to_owned()]).unwrap().cert.pem()
    }

    fn read_with(clients: &Clients, status: u16, body: &Value) -> Result<Authorities, ServeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let script = Script::new([(status, None, body.to_string())]);
        runtime.block_on(read(clients, &script.api(), true))
    }

    #[test]
    fn authorities_are_read_from_the_cluster() {
        let data = json!({
            "client-ca-file": ca(), "requestheader-client-ca-file": ca() + &ca(),
            "requestheader-allowed-names": "[\"front-proxy-client\"]",
            "requestheader-username-headers": "[\"X-Remote-User\"]",
        });
        let found = read_with(&Clients::default(), 200, &json!({"data": data})).unwrap();
        assert_eq!((found.clients.len(), found.proxies.len()), (1, 2));
        assert_eq!(found.headers.allowed_names, ["front-proxy-client"]);
        assert_eq!(found.headers.username_headers, ["X-Remote-User"]);
        assert!(found.headers.group_headers.is_empty());
    }

    #[test]
    fn a_failed_lookup_is_tolerated_unless_it_is_required() {
        let refused = json!({"message": "configmaps is forbidden"});
        let required = Clients { lookup: Lookup::Require, ..Clients::default() };
        let skipped = Clients { lookup: Lookup::Skip, ..Clients::default() };
        assert!(read_with(&Clients::default(), 403, &refused).unwrap().is_empty());
        assert!(read_with(&required, 404, &json!({})).unwrap().is_empty());
        assert!(read_with(&skipped, 500, &refused).unwrap().is_empty());
        let error = read_with(&required, 403, &refused).unwrap_err();
        assert!(error.to_string().contains("configmaps is forbidden"), "{error}");
    }

    #[test]
    fn files_override_the_cluster() {
        let folder = std::env::temp_dir().join(format!("berth-authority-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("ca.crt");
        let clients = Clients { ca_file: Some(file.clone()), ..Clients::default() };
        let published = json!({"data": {"client-ca-file": ca()}});
        assert!(matches!(read_with(&clients, 200, &published), Err(ServeError::Authority { .. })));
        std::fs::write(&file, "nothing").unwrap();
        assert!(matches!(read_with(&clients, 200, &published), Err(ServeError::Authority { .. })));
        std::fs::write(&file, ca() + &ca()).unwrap();
        assert_eq!(read_with(&clients, 200, &published).unwrap().clients.len(), 2);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
