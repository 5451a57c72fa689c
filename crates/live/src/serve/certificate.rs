//! The certificate that is served with: from files, which may be replaced at any time, or made for this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use tokio_rustls::TlsAcceptor;

use super::tls::TlsLimits;

/// Files are looked at so often.
const LOOK: Duration = Duration::from_secs(10);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key are no pair, or of a kind that is not supported.
    #[error("certificate: {0}")]
    Tls(#[from] rustls::Error),
    /// None can be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// How TLS is spoken: what is allowed of it, and what becomes of the certificates of clients.
pub(super) struct Manner {
    pub(super) limits: TlsLimits,
    pub(super) clients: Arc<dyn ClientCertVerifier>,
}

/// A certificate, ready to be used.
pub(super) struct Certificate {
    manner: Manner,
    files: Option<(PathBuf, PathBuf)>,
    /// When the files were changed, as far as they tell.
    changed: [Option<SystemTime>; 2],
    looked: Instant,
    acceptor: TlsAcceptor,
}

impl Certificate {
    pub(super) fn new(
        files: Option<(PathBuf, PathBuf)>,
        host: &str,
        manner: Manner,
    ) -> Result<Self, CertificateError> {
        let (changed, acceptor) = match &files {
            Some(files) => (times(files), read(files, &manner)?),
            None => ([None, None], make(host, &manner)?),
        };
        Ok(Self { manner, files, changed, looked: Instant::now(), acceptor })
    }

    /// What to accept connections with now.
    pub(super) fn acceptor(&mut self) -> TlsAcceptor {
        if let Some(files) = &self.files
            && self.looked.elapsed() >= LOOK
        {
            self.looked = Instant::now();
            let changed = times(files);
            if changed != self.changed {
                match read(files, &self.manner) {
                    Ok(acceptor) => (self.acceptor, self.changed) = (acceptor, changed),
                    // They may be half written.
                    Err(error) => {
                        tracing::warn!("the new certificate cannot be used, the old one stays: {error}")
                    }
                }
            }
        }
        self.acceptor.clone()
    }
}

fn times((certificate, key): &(PathBuf, PathBuf)) -> [Option<SystemTime>; 2] {
    [certificate, key].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
}

fn read((certificate, key): &(PathBuf, PathBuf), manner: &Manner) -> Result<TlsAcceptor, CertificateError> {
    let broken = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(broken(key))?;
    acceptor(chain.map_err(broken(certificate))?, key_der, manner)
}

fn make(host: &str, manner: &Manner) -> Result<TlsAcceptor, CertificateError> {
    let names = ["localhost", "127.0.0.1", host].map(ToOwned::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    acceptor(vec![made.cert.der().clone()], key.into(), manner)
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    manner: &Manner,
) -> Result<TlsAcceptor, CertificateError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(manner.limits.provider()));
    let builder = builder.with_protocol_versions(manner.limits.versions())?;
    let builder = builder.with_client_cert_verifier(Arc::clone(&manner.clients));
    Ok(TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manner() -> Manner {
        Manner {
            limits: TlsLimits::default(),
            clients: rustls::server::WebPkiClientVerifier::no_client_auth(),
        }
    }

    #[test]
    fn a_certificate_is_made_or_read_from_files() {
        assert!(Certificate::new(None, "host", manner()).is_ok());
        let folder = std::env::temp_dir().join(format!("berth-certificate-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = (folder.join("tls.crt"), folder.join("tls.key"));
        assert!(matches!(
            Certificate::new(Some(files.clone()), "", manner()),
            Err(CertificateError::File { .. })
        ));
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        std::fs::write(&files.0, made.cert.pem()).unwrap();
        std::fs::write(&files.1, made.signing_key.serialize_pem()).unwrap();
        assert!(Certificate::new(Some(files.clone()), "", manner()).is_ok());
        let other = rcgen::generate_simple_self_signed(["b".to_owned()]).unwrap();
        std::fs::write(&files.1, other.signing_key.serialize_pem()).unwrap();
        assert!(matches!(Certificate::new(Some(files), "", manner()), Err(CertificateError::Tls(_))));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
