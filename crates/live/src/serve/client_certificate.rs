//! Client certificates, and the users that they identify.
//!
//! In the TLS handshake a client only proves that it has the key of its certificate. The certificate is verified with
//! each request, as in upstream: a client with an invalid certificate gets an HTTP answer, and may have a token
//! instead.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

use super::authority::{Authorities, AuthoritiesRx, Proxies};
use super::subject::Subject;
use super::user::User;

/// Asks clients for a certificate if there are authorities.
pub(super) struct Handshake {
    provider: CryptoProvider,
    authorities: AuthoritiesRx,
}

impl Handshake {
    pub(super) fn new(authorities: AuthoritiesRx) -> Self {
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
        &[] // the authorities may change; without hints a client sends what it has
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

/// What a client's certificate says about the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClientIdentity {
    /// There is no certificate, or no authority to verify it.
    None,
    /// It identifies a user.
    User(User),
    /// It cannot be verified, or names no user.
    Unverified,
}

/// Identifies the client by the certificates that it sent, its own first.
pub(super) fn identify(
    shown: &[CertificateDer<'_>],
    headers: &HeaderMap,
    authorities: &Authorities,
) -> ClientIdentity {
    if shown.is_empty() || authorities.is_empty() {
        return ClientIdentity::None;
    }
    if let Some(proxy) = verified(shown, &authorities.proxies)
        && is_allowed(&proxy, &authorities.headers)
        && let Some(user) = user_of_headers(headers, &authorities.headers)
    {
        return ClientIdentity::User(user);
    }
    match verified(shown, &authorities.clients) {
        Some(Subject { common_name, organizations }) if !common_name.is_empty() => ClientIdentity::User(
            User { name: common_name, groups: organizations, ..User::default() }.authenticated(),
        ),
        _ => ClientIdentity::Unverified,
    }
}

/// The subject of a client certificate, if one of these authorities issued it.
fn verified(shown: &[CertificateDer<'_>], anchors: &[TrustAnchor<'_>]) -> Option<Subject> {
    let (own, intermediates) = shown.split_first()?;
    let certificate = EndEntityCert::try_from(own).ok()?;
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH).ok()?);
    let usage = KeyUsage::client_auth();
    certificate.verify_for_usage(algorithms, anchors, intermediates, now, usage, None, None).ok()?;
    Subject::read(own)
}

fn is_allowed(proxy: &Subject, proxies: &Proxies) -> bool {
    proxies.allowed_names.is_empty() || proxies.allowed_names.contains(&proxy.common_name)
}

/// The user that a front proxy names in its headers.
fn user_of_headers(headers: &HeaderMap, proxies: &Proxies) -> Option<User> {
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

    /// An authority, and its trust anchor.
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

        fn issue(&self, name: &str, group: &str) -> CertificateDer<'static> {
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
    fn certificates_identify_users_and_front_proxies_name_them() {
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
            (clients.issue("ann", "g"), &headers, ClientIdentity::User(ann)),
            (clients.issue("", "g"), &headers, ClientIdentity::Unverified),
            (proxies.issue("front", "g"), &headers, ClientIdentity::User(bob)),
            (proxies.issue("front", "g"), &HeaderMap::new(), ClientIdentity::Unverified),
            (proxies.issue("back", "g"), &headers, ClientIdentity::Unverified),
            (others.issue("ann", "g"), &headers, ClientIdentity::Unverified),
        ];
        for (at, (certificate, headers, expected)) in cases.into_iter().enumerate() {
            assert_eq!(identify(&[certificate], headers, &authorities), expected, "case {at}");
        }
        assert_eq!(identify(&[], &headers, &authorities), ClientIdentity::None);
        let shown = [clients.issue("ann", "g")];
        assert_eq!(identify(&shown, &headers, &Authorities::default()), ClientIdentity::None);
    }
}
