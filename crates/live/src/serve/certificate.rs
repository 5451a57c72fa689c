//! The server's certificate: from files, which may be replaced at any time, or self-signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use tokio_rustls::TlsAcceptor;

use super::tls::TlsLimits;

/// The time between two looks at the files.
const LOOK: Duration = Duration::from_secs(10);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The reason.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not match, or are not supported.
    #[error("the server certificate cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// No certificate can be generated.
    #[error("cannot generate a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// The TLS settings, and the verifier of client certificates.
pub(super) struct TlsConfig {
    pub(super) limits: TlsLimits,
    pub(super) clients: Arc<dyn ClientCertVerifier>,
}

/// The current certificate.
pub(super) struct Certificate {
    tls_config: TlsConfig,
    files: Option<(PathBuf, PathBuf)>,
    /// The modification times of the files, as far as known.
    changed: [Option<SystemTime>; 2],
    looked: Instant,
    acceptor: TlsAcceptor,
}

impl Certificate {
    pub(super) fn new(
        files: Option<(PathBuf, PathBuf)>,
        host: &str,
        tls_config: TlsConfig,
    ) -> Result<Self, CertificateError> {
        let (changed, acceptor) = match &files {
            Some(files) => (times(files), read(files, &tls_config)?),
            None => ([None, None], make(host, &tls_config)?),
        };
        Ok(Self { tls_config, files, changed, looked: Instant::now(), acceptor })
    }

    /// The acceptor with the current certificate. Files that have changed are read again.
    pub(super) fn acceptor(&mut self) -> TlsAcceptor {
        if let Some(files) = &self.files
            && self.looked.elapsed() >= LOOK
        {
            self.looked = Instant::now();
            let changed = times(files);
            if changed != self.changed {
                match read(files, &self.tls_config) {
                    Ok(acceptor) => (self.acceptor, self.changed) = (acceptor, changed),
                    // The files may be half written.
                    Err(error) => {
                        tracing::warn!(
                            "cannot reload the server certificate, keeping the current one: {error}"
                        )
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

fn read(
    (certificate, key): &(PathBuf, PathBuf),
    tls_config: &TlsConfig,
) -> Result<TlsAcceptor, CertificateError> {
    let broken = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(broken(key))?;
    acceptor(chain.map_err(broken(certificate))?, key_der, tls_config)
}

fn make(host: &str, tls_config: &TlsConfig) -> Result<TlsAcceptor, CertificateError> {
    let names = ["localhost", "127.0.0.1", host].map(ToOwned::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    acceptor(vec![made.cert.der().clone()], key.into(), tls_config)
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    tls_config: &TlsConfig,
) -> Result<TlsAcceptor, CertificateError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(tls_config.limits.provider()));
    let builder = builder.with_protocol_versions(tls_config.limits.versions())?;
    let builder = builder.with_client_cert_verifier(Arc::clone(&tls_config.clients));
    Ok(TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls_config() -> TlsConfig {
        TlsConfig {
            limits: TlsLimits::default(),
            clients: rustls::server::WebPkiClientVerifier::no_client_auth(),
        }
    }

    #[test]
    fn a_certificate_is_generated_or_read_from_files() {
        assert!(Certificate::new(None, "host", tls_config()).is_ok());
        let folder = std::env::temp_dir().join(format!("berth-certificate-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = (folder.join("tls.crt"), folder.join("tls.key"));
        assert!(matches!(
            Certificate::new(Some(files.clone()), "", tls_config()),
            Err(CertificateError::File { .. })
        ));
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        std::fs::write(&files.0, made.cert.pem()).unwrap();
        std::fs::write(&files.1, made.signing_key.serialize_pem()).unwrap();
        assert!(Certificate::new(Some(files.clone()), "", tls_config()).is_ok());
        let other = rcgen::generate_simple_self_signed(["b".to_owned()]).unwrap();
        std::fs::write(&files.1, other.signing_key.serialize_pem()).unwrap();
        assert!(matches!(Certificate::new(Some(files), "", tls_config()), Err(CertificateError::Tls(_))));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
