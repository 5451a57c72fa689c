//! The subject of a client certificate: its common name and its organizations are a user and groups for Kubernetes.

use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::Decode;
use x509_cert::der::asn1::Ia5StringRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::name::DirectoryString;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// The attributes of a subject that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The last common name, as upstream takes it; empty if there is none.
    pub(crate) common_name: String,
    pub(crate) organizations: Vec<String>,
}

impl Subject {
    /// Reads the subject of a certificate in DER. `None`: the certificate or one of these attributes cannot be read.
    pub(crate) fn read(certificate: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(certificate).ok()?;
        let mut subject = Self::default();
        for attribute in certificate.tbs_certificate().subject().iter() {
            match attribute.oid {
                COMMON_NAME => subject.common_name = text(attribute)?,
                ORGANIZATION => subject.organizations.push(text(attribute)?),
                _ => {}
            }
        }
        Some(subject)
    }
}

fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    if let Ok(text) = attribute.value.decode_as::<DirectoryString>() {
        return Some(text.value().into_owned());
    }
    attribute.value.decode_as::<Ia5StringRef<'_>>().ok().map(|text| text.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    use super::*;

    fn certificate(attributes: Vec<(DnType, DnValue)>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        attributes.into_iter().for_each(|(kind, value)| params.distinguished_name.push(kind, value));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_subject_is_a_user_with_groups() {
        let long = "o".repeat(300);
        let der = certificate(vec![
            (DnType::CountryName, DnValue::PrintableString("CH".try_into().unwrap())),
            (DnType::OrganizationName, DnValue::Utf8String(long.clone())),
            (DnType::CommonName, DnValue::Utf8String("änn".to_owned())),
        ]);
        let expected = Subject { common_name: "änn".to_owned(), organizations: vec![long] };
        assert_eq!(Subject::read(&der), Some(expected));
        for end in 0..der.len() {
            assert_eq!(Subject::read(&der[..end]), None, "the first {end} bytes");
        }
    }

    #[test]
    fn texts_may_have_any_type_that_upstream_reads() {
        let values = [
            DnValue::Utf8String("ann".to_owned()),
            DnValue::PrintableString("ann".try_into().unwrap()),
            DnValue::Ia5String("ann".try_into().unwrap()),
            DnValue::TeletexString("ann".try_into().unwrap()),
            DnValue::BmpString("ann".try_into().unwrap()),
        ];
        for value in values {
            let subject = Subject::read(&certificate(vec![(DnType::CommonName, value.clone())]));
            assert_eq!(subject.map(|subject| subject.common_name).as_deref(), Some("ann"), "{value:?}");
        }
        assert_eq!(Subject::read(&certificate(Vec::new())), Some(Subject::default()));
    }
}
