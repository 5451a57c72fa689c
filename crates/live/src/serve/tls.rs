//! The limits on TLS.

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ProtocolVersion, SupportedProtocolVersion};

static TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

/// The versions, cipher suites and key exchange groups that an administrator allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsLimits {
    /// Only TLS 1.3, not TLS 1.2.
    pub only_tls13: bool,
    /// The names of cipher suites of TLS 1.2; those of TLS 1.3 cannot be chosen. Empty: all.
    pub cipher_suites: Vec<String>,
    /// The key exchange groups, by their TLS numbers. Empty: all.
    pub curves: Vec<u16>,
}

impl TlsLimits {
    /// Requested cipher suites and groups that this build does not support.
    pub fn missing(&self) -> Vec<String> {
        let all = ring::default_provider();
        let suites =
            self.cipher_suites.iter().filter(|name| !all.cipher_suites.iter().any(|s| named(s, name)));
        let curves =
            self.curves.iter().filter(|id| !all.kx_groups.iter().any(|g| u16::from(g.name()) == **id));
        suites.cloned().chain(curves.map(ToString::to_string)).collect()
    }

    /// The supported cipher suites and groups that are allowed.
    pub(super) fn provider(&self) -> CryptoProvider {
        let mut provider = ring::default_provider();
        if !self.cipher_suites.is_empty() {
            provider.cipher_suites.retain(|suite| {
                suite.version().version == ProtocolVersion::TLSv1_3
                    || self.cipher_suites.iter().any(|name| named(suite, name))
            });
        }
        if !self.curves.is_empty() {
            provider.kx_groups.retain(|group| self.curves.contains(&u16::from(group.name())));
        }
        provider
    }

    /// The allowed versions.
    pub(super) fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        if self.only_tls13 { &TLS13 } else { rustls::ALL_VERSIONS }
    }
}

/// Whether a suite has this name. Go's names have no version.
fn named(suite: &rustls::SupportedCipherSuite, name: &str) -> bool {
    let own = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
    own == name
        || own.strip_suffix("_SHA256").is_some_and(|short| short == name && name.ends_with("POLY1305"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_suites_and_groups_are_used() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let limits = TlsLimits {
            only_tls13: false,
            cipher_suites: names(&[
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
                "TLS_AES_128_GCM_SHA256",
                "TLS_RSA_WITH_AES_128_CBC_SHA",
            ]),
            curves: vec![23, 25],
        };
        let provider = limits.provider();
        assert_eq!((provider.cipher_suites.len(), provider.kx_groups.len()), (5, 1)); // three of TLS 1.3
        assert_eq!(limits.missing(), ["TLS_RSA_WITH_AES_128_CBC_SHA", "25"]);
        assert_eq!(TlsLimits::default().provider().cipher_suites.len(), 9);
        assert!(TlsLimits::default().missing().is_empty());
    }
}
