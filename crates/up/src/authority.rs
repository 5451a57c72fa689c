//! Certificate authorities: they issue the certificates of servers, components and users.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// An authority; its files are `NAME.crt` and `NAME.key` in a folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    name: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub key: PathBuf,
}

impl Authority {
    /// The authority whose files are in the folder; creates it if there are none.
    ///
    /// # Errors
    /// If a file cannot be written, or the key that is there cannot be used.
    pub fn open(folder: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let (certificate, key) = files(folder, name);
        let is_new = !key.exists() || !certificate.exists();
        let pair = key_of(&key)?;
        let params = params(name);
        if is_new {
            write_private(&certificate, &params.self_signed(&pair)?.pem())?;
        }
        Ok(Self { folder: folder.to_owned(), name: name.to_owned(), issuer: Issuer::new(params, pair) })
    }

    /// The file of the authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        files(&self.folder, &self.name).0
    }

    /// The file of the authority's key.
    pub fn key(&self) -> PathBuf {
        files(&self.folder, &self.name).1
    }

    /// Issues a certificate for a user in a group, who is a client.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn client(&self, user: &str, group: &str) -> Result<Identity> {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, group);
        subject.push(DnType::CommonName, user);
        let file = format!("{}-{}", self.name, user.replace(':', "-"));
        self.issue(&file, subject, &[], &[ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// Issues a certificate for a server with these host names and addresses. The server may also be a client.
    ///
    /// # Errors
    /// If a name is invalid, or a file cannot be written.
    pub fn server(&self, name: &str, hosts: &[&str]) -> Result<Identity> {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, name);
        let usages = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(name, subject, hosts, &usages)
    }

    fn issue(
        &self,
        file: &str,
        subject: DistinguishedName,
        hosts: &[&str],
        usages: &[ExtendedKeyUsagePurpose],
    ) -> Result<Identity> {
        let (certificate, key) = files(&self.folder, file);
        let pair = key_of(&key)?;
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name = subject;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages.to_vec();
        params.use_authority_key_identifier_extension = true;
        write_private(&certificate, &params.signed_by(&pair, &self.issuer)?.pem())?;
        Ok(Identity { certificate, key })
    }
}

/// The key in the file; creates one if there is none (ECDSA with the curve P-256, in PKCS 8).
///
/// # Errors
/// If the file cannot be written, or holds no such key.
pub fn key_of(file: &Path) -> Result<KeyPair> {
    if file.exists() {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        return KeyPair::from_pem(&text).with_context(|| format!("{} is not a private key", file.display()));
    }
    let pair = KeyPair::generate()?;
    write_private(file, &pair.serialize_pem())?;
    Ok(pair)
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// If it cannot be written.
pub fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(file);
    opened
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign];
    params
}

fn files(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_the_same_after_a_second_start() {
        let folder = std::env::temp_dir().join(format!("berth-authority-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let first = Authority::open(&folder, "ca").unwrap();
        let certificate = fs::read_to_string(first.certificate()).unwrap();
        let ann = first.client("system:ann", "masters").unwrap();
        assert_eq!(ann.key, folder.join("ca-system-ann.key"));
        let key = fs::read_to_string(&ann.key).unwrap();
        let second = Authority::open(&folder, "ca").unwrap();
        assert_eq!(fs::read_to_string(second.certificate()).unwrap(), certificate);
        assert_eq!(second.client("system:ann", "masters").unwrap(), ann);
        assert_eq!(fs::read_to_string(&ann.key).unwrap(), key);
        fs::write(first.key(), "no key").unwrap();
        let error = format!("{:#}", Authority::open(&folder, "ca").unwrap_err());
        assert!(error.contains("ca.key is not a private key"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
