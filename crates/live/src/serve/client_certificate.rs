//! Certificates that clients show, and whom they name.
//!
//! At the handshake a client only proves that the certificate is its own. Whether an authority vouches for it is asked with
//! each request, as upstream does: a client that shows a strange certificate is answered in HTTP, and may have a token.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

use super::authority::{Authorities, Newest, Proxies};
use super::subject::Subject;
use super::user::User;

/// Asks clients for a certificate where some authority vouches for clients.
pub(super) struct Handshake {
    provider: CryptoProvider,
    authorities: Newest,
}

impl Handshake {
    pub(super) fn new(authorities: Newest) -> Self {
        Self { provider: ring::default_provider(), authorities }
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Handshake {
    fn offer_client_auth(&self) -> bool {
        !self.authorities.borrow().is_empty()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[] // they may change while this is in use; without hints a client shows what it has
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion()) // see the head of this file
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whom a client's certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// There is none, or nobody who could vouch for it.
    Nobody,
    /// Somebody.
    User(User),
    /// Nobody vouches for it.
    Stranger,
}

/// Says whom the certificates name that a client has shown, its own first.
pub(super) fn named(shown: &[CertificateDer<'_>], headers: &HeaderMap, authorities: &Authorities) -> Named {
    if shown.is_empty() || authorities.is_empty() {
        return Named::Nobody;
    }
    if let Some(proxy) = verified(shown, &authorities.proxies)
        && is_allowed(&proxy, &authorities.headers)
        && let Some(user) = spoken_for(headers, &authorities.headers)
    {
        return Named::User(user);
    }
    match verified(shown, &authorities.clients) {
        Some(Subject { common_name, organizations }) if !common_name.is_empty() => {
            Named::User(User { name: common_name, groups: organizations, ..User::default() }.authenticated())
        }
        _ => Named::Stranger,
    }
}

/// Whom a certificate names if one of these authorities vouches for it as that of a client.
fn verified(shown: &[CertificateDer<'_>], anchors: &[TrustAnchor<'_>]) -> Option<Subject> {
    let (own, intermediates) = shown.split_first()?;
    let certificate = EndEntityCert::try_from(own).ok()?;
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH).ok()?);
    let usage = KeyUsage::client_auth();
    certificate.verify_for_usage(algorithms, anchors, intermediates, now, usage, None, None).ok()?;
    Subject::read(certificate.subject())
}

fn is_allowed(proxy: &Subject, proxies: &Proxies) -> bool {
    proxies.allowed_names.is_empty() || proxies.allowed_names.contains(&proxy.common_name)
}

/// For whom a proxy speaks.
fn spoken_for(headers: &HeaderMap, proxies: &Proxies) -> Option<User> {
    let all = |names: &[String]| -> Vec<String> {
        let values = names.iter().flat_map(|name| headers.get_all(name.as_str()));
        let texts = values.filter_map(|value| value.to_str().ok());
        texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
    };
    let mut user = User {
        name: all(&proxies.username_headers).into_iter().next()?,
        uid: all(&proxies.uid_headers).into_iter().next().unwrap_or_default(),
        groups: all(&proxies.group_headers),
        ..User::default()
    };
    for (name, value) in headers {
        let key = proxies.extra_prefixes.iter().find_map(|p| name.as_str().strip_prefix(&*p.to_lowercase()));
        if let (Some(key), Ok(value)) = (key, value.to_str()) {
            user.extra.entry(key.to_owned()).or_default().push(value.to_owned());
        }
    }
    Some(user.authenticated())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    /// An authority, and what it vouches for.
    struct Authority(Issuer<'static, KeyPair>, TrustAnchor<'static>);

    impl Authority {
        fn new() -> Self {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let own = params.self_signed(&key).unwrap();
            let anchor = webpki::anchor_from_trusted_cert(own.der()).unwrap().to_owned();
            Self(Issuer::new(params, key), anchor)
        }

        fn vouch(&self, name: &str, group: &str) -> CertificateDer<'static> {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::OrganizationName, group);
            params.distinguished_name.push(DnType::CommonName, name);
            params.signed_by(&key, &self.0).unwrap().der().clone()
        }
    }

    fn user(name: &str, groups: &[&str]) -> User {
        let groups = groups.iter().map(ToString::to_string).collect();
        User { name: name.to_owned(), groups, ..User::default() }
    }

    #[test]
    fn an_authority_vouches_for_its_own_and_proxies_speak_for_others() {
        let (clients, proxies, others) = (Authority::new(), Authority::new(), Authority::new());
        let authorities = Authorities {
            clients: vec![clients.1.clone()],
            proxies: vec![proxies.1.clone()],
            headers: Proxies {
                allowed_names: vec!["front".to_owned()],
                username_headers: vec!["X-Remote-User".to_owned()],
                group_headers: vec!["X-Remote-Group".to_owned()],
                uid_headers: Vec::new(),
                extra_prefixes: vec!["X-Remote-Extra-".to_owned()],
            },
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-remote-user", "bob".parse().unwrap());
        headers.append("x-remote-group", "b".parse().unwrap());
        headers.append("x-remote-group", "c".parse().unwrap());
        headers.append("x-remote-extra-scope", "d".parse().unwrap());
        let mut bob = user("bob", &["b", "c", "system:authenticated"]);
        bob.extra.insert("scope".to_owned(), vec!["d".to_owned()]);
        let ann = user("ann", &["g", "system:authenticated"]);
        let cases = [
            (clients.vouch("ann", "g"), &headers, Named::User(ann)),
            (clients.vouch("", "g"), &headers, Named::Stranger),
            (proxies.vouch("front", "g"), &headers, Named::User(bob)),
            (proxies.vouch("front", "g"), &HeaderMap::new(), Named::Stranger),
            (proxies.vouch("back", "g"), &headers, Named::Stranger),
            (others.vouch("ann", "g"), &headers, Named::Stranger),
        ];
        for (at, (certificate, headers, expected)) in cases.into_iter().enumerate() {
            assert_eq!(named(&[certificate], headers, &authorities), expected, "case {at}");
        }
        assert_eq!(named(&[], &headers, &authorities), Named::Nobody);
        let shown = [clients.vouch("ann", "g")];
        assert_eq!(named(&shown, &headers, &Authorities::default()), Named::Nobody);
    }
}
