//! An authority that vouches for clients, made with openssl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// An authority; its files are `NAME.crt` and `NAME.key` in a folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    name: String,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub key: PathBuf,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// There is no openssl.
    pub fn make(folder: &Path, name: &str) -> Result<Self> {
        let subject = format!("/CN={name}");
        let files = [format!("{name}.key"), format!("{name}.crt")];
        let [key, certificate] = &files;
        let line = ["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt", CURVE];
        let rest = ["-subj", &subject, "-keyout", key, "-out", certificate];
        openssl(folder, &[&line[..], &rest[..]].concat())?;
        Ok(Self { folder: folder.to_owned(), name: name.to_owned() })
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(format!("{}.crt", self.name))
    }

    /// Vouches for a user of a group.
    ///
    /// # Errors
    /// There is no openssl.
    pub fn vouch(&self, user: &str, group: &str) -> Result<Identity> {
        let (authority, subject) = (&self.name, format!("/O={group}/CN={user}"));
        let file = |end: &str| format!("{authority}-{}.{end}", user.replace(':', "-"));
        let (key, request, certificate) = (file("key"), file("csr"), file("crt"));
        fs::write(self.folder.join("client.ext"), "extendedKeyUsage=clientAuth\n")?;
        let line = ["req", "-nodes", "-newkey", "ec", "-pkeyopt", CURVE];
        let rest = ["-subj", &subject, "-keyout", &key, "-out", &request];
        openssl(&self.folder, &[&line[..], &rest[..]].concat())?;
        let (own, own_key) = (format!("{authority}.crt"), format!("{authority}.key"));
        let line = ["x509", "-req", "-days", "2", "-extfile", "client.ext", "-CAcreateserial"];
        let rest = ["-CA", &own, "-CAkey", &own_key, "-in", &request, "-out", &certificate];
        openssl(&self.folder, &[&line[..], &rest[..]].concat())?;
        Ok(Identity { certificate: self.folder.join(certificate), key: self.folder.join(key) })
    }
}

const CURVE: &str = "ec_paramgen_curve:prime256v1";

fn openssl(folder: &Path, args: &[&str]) -> Result<()> {
    let made = Command::new("openssl")
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot run openssl, which makes keys and certificates")?;
    ensure!(made.success(), "openssl {} failed", args.join(" "));
    Ok(())
}
