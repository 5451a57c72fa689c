//! The certificate that is served with: from files, which may be replaced at any time, or made for this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

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

/// A certificate, ready to be used.
pub(super) struct Certificate {
    files: Option<(PathBuf, PathBuf)>,
    /// When the files were changed, as far as they tell.
    changed: [Option<SystemTime>; 2],
    looked: Instant,
    acceptor: TlsAcceptor,
}

impl Certificate {
    pub(super) fn new(files: Option<(PathBuf, PathBuf)>, host: &str) -> Result<Self, CertificateError> {
        let (changed, acceptor) = match &files {
            Some(files) => (times(files), read(files)?),
            None => ([None, None], make(host)?),
        };
        Ok(Self { files, changed, looked: Instant::now(), acceptor })
    }

    /// What to accept connections with now.
    pub(super) fn acceptor(&mut self) -> TlsAcceptor {
        if let Some(files) = &self.files
            && self.looked.elapsed() >= LOOK
        {
            self.looked = Instant::now();
            let changed = times(files);
            if changed != self.changed {
                match read(files) {
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

fn read((certificate, key): &(PathBuf, PathBuf)) -> Result<TlsAcceptor, CertificateError> {
    let broken = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(broken(key))?;
    acceptor(chain.map_err(broken(certificate))?, key_der)
}

fn make(host: &str) -> Result<TlsAcceptor, CertificateError> {
    let names = ["localhost", "127.0.0.1", host].map(ToOwned::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    acceptor(vec![made.cert.der().clone()], key.into())
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, CertificateError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    Ok(TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_or_read_from_files() {
        assert!(Certificate::new(None, "host").is_ok());
        let folder = std::env::temp_dir().join(format!("berth-certificate-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = (folder.join("tls.crt"), folder.join("tls.key"));
        assert!(matches!(Certificate::new(Some(files.clone()), ""), Err(CertificateError::File { .. })));
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        std::fs::write(&files.0, made.cert.pem()).unwrap();
        std::fs::write(&files.1, made.signing_key.serialize_pem()).unwrap();
        assert!(Certificate::new(Some(files.clone()), "").is_ok());
        let other = rcgen::generate_simple_self_signed(["b".to_owned()]).unwrap();
        std::fs::write(&files.1, other.signing_key.serialize_pem()).unwrap();
        assert!(matches!(Certificate::new(Some(files), ""), Err(CertificateError::Tls(_))));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
