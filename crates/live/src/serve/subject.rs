//! Whom a certificate names: common name and organizations of its subject, which are user and groups to Kubernetes.
//!
//! What is read here has been verified before, so it is DER; anything else names nobody.

/// The attributes that matter, as the last bytes of their object identifiers, 2.5.4.x.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

/// Who a subject is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    /// The last common name, as upstream takes it; empty where there is none.
    pub(super) common_name: String,
    pub(super) organizations: Vec<String>,
}

impl Subject {
    /// Reads the relative names of a subject, without the sequence around them.
    pub(super) fn read(names: &[u8]) -> Option<Self> {
        let mut subject = Self::default();
        let mut names = names;
        while !names.is_empty() {
            let mut attributes = element(&mut names, SET)?;
            while !attributes.is_empty() {
                let mut attribute = element(&mut attributes, SEQUENCE)?;
                let kind = element(&mut attribute, OBJECT_IDENTIFIER)?;
                let (tag, value) = next(&mut attribute)?;
                let is_text = matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING);
                let text = is_text.then(|| str::from_utf8(value).ok().map(str::to_owned));
                match kind {
                    COMMON_NAME => subject.common_name = text??,
                    ORGANIZATION => subject.organizations.push(text??),
                    _ => {}
                }
            }
        }
        Some(subject)
    }
}

/// The content of the next element, which must be of that kind.
fn element<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    next(bytes).filter(|(found, _)| *found == tag).map(|(_, content)| content)
}

/// The next element: its tag and its content.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 | 0x82 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some((tag, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: &[u8], tag: u8, text: &str) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            let length = if length < 0x80 { vec![length] } else { vec![0x81, length] };
            [vec![tag], length, content.to_vec()].concat()
        };
        let pair = [wrap(OBJECT_IDENTIFIER, kind), wrap(tag, text.as_bytes())].concat();
        wrap(SET, &wrap(SEQUENCE, &pair))
    }

    #[test]
    fn a_subject_is_a_user_with_groups() {
        let country = [0x55, 0x04, 0x06];
        let long = "o".repeat(100);
        let names = [
            attribute(&country, PRINTABLE_STRING, "CH"),
            attribute(ORGANIZATION, UTF8_STRING, "system:masters"),
            attribute(ORGANIZATION, PRINTABLE_STRING, &long),
            attribute(COMMON_NAME, UTF8_STRING, "ann"),
        ]
        .concat();
        let expected =
            Subject { common_name: "ann".to_owned(), organizations: vec!["system:masters".to_owned(), long] };
        assert_eq!(Subject::read(&names), Some(expected));
        assert_eq!(Subject::read(&[]), Some(Subject::default()));
        for end in 1..names.len() {
            let whole = Subject::read(&names[..end]).is_some_and(|subject| !subject.common_name.is_empty());
            assert!(!whole, "a subject cut after {end} bytes names somebody");
        }
        assert_eq!(Subject::read(&attribute(COMMON_NAME, 0x1e, "ann")), None);
    }
}
