//! The authorities whose certificates name users: from files, or from where the cluster publishes its own.

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

/// Where a cluster says how its clients are to be recognized.
const PUBLISHED: &str = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
/// Files and the cluster are looked at so often.
const LOOK: Duration = Duration::from_secs(30);

/// Who vouches for clients that show a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// Its certificates name users and their groups.
    pub ca_file: Option<PathBuf>,
    /// Its certificates name proxies, who may speak for others.
    pub proxies_ca_file: Option<PathBuf>,
    /// How proxies speak for others.
    pub proxies: Proxies,
    /// What becomes of that which no file says.
    pub lookup: Lookup,
}

/// Whether the cluster is asked for authorities that were not named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// It is not.
    Skip,
    /// It is; where it cannot tell, its certificates name nobody until it can.
    #[default]
    Tolerate,
    /// It is, and nothing is served where it cannot tell.
    Require,
}

/// How proxies speak for others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Who may, by common names; all, if there are none.
    pub allowed_names: Vec<String>,
    /// The headers that name a user; the first that is there counts.
    pub username_headers: Vec<String>,
    /// The headers that name the user's groups.
    pub group_headers: Vec<String>,
    /// The headers that name the user's uid.
    pub uid_headers: Vec<String>,
    /// How headers begin that say more of the user.
    pub extra_prefixes: Vec<String>,
}

/// Authorities, ready to be used.
#[derive(Debug, Default)]
pub(super) struct Authorities {
    pub(super) clients: Vec<TrustAnchor<'static>>,
    pub(super) proxies: Vec<TrustAnchor<'static>>,
    pub(super) headers: Proxies,
}

/// The newest authorities.
pub(super) type Newest = watch::Receiver<Arc<Authorities>>;

impl Authorities {
    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.proxies.is_empty()
    }
}

/// Reads the authorities, and goes on reading them for as long as anybody uses them.
///
/// # Errors
/// A file cannot be used, or the cluster cannot tell though it has to.
pub(super) async fn keep(clients: Clients, api: Api) -> Result<Newest, ServeError> {
    let (sender, newest) = watch::channel(Arc::new(read(&clients, &api, true).await?));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            match read(&clients, &api, false).await {
                Ok(authorities) => drop(sender.send(Arc::new(authorities))),
                // They may be half written, or the server away; those that were good stay.
                Err(error) => tracing::warn!("the authorities of clients stay as they were: {error}"),
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
            "the cluster does not tell who its clients are, so that their certificates name nobody for now: {why}"
        ),
        Err(why) => return Err(ServeError::Lookup(why)),
    }
    Ok(found)
}

/// What the cluster publishes.
async fn published(api: &Api) -> Result<Value, String> {
    let answer = api.get(PUBLISHED).await.map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.status {
        StatusCode::OK => Ok(body["data"].clone()),
        // A cluster that has no client certificates.
        StatusCode::NOT_FOUND => Ok(Value::Null),
        status => Err(body["message"].as_str().map_or_else(|| status.to_string(), str::to_owned)),
    }
}

/// Adds what the cluster says to what files say.
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
    if anchors.is_empty() { Err(broken("holds no certificate".to_owned())) } else { Ok(anchors) }
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
    fn a_cluster_tells_who_its_clients_are() {
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
    fn a_cluster_that_cannot_tell_is_tolerated_unless_it_must_not_be() {
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
    fn files_go_before_the_cluster() {
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
