//! Named formats of Kubernetes: names, labels, and those of custom resources.
//!
//! Upstream: apiserver `pkg/cel/library/format.go`; apimachinery `pkg/api/validation`, `pkg/util/validation`.

use std::sync::Arc;

use super::net;
use crate::cel::value::{Outcome, Value};

/// A format.
#[derive(Debug)]
pub(crate) struct NamedFormat {
    /// Its name.
    pub(crate) name: &'static str,
    /// The size of its pattern, from which the cost of checking a text follows.
    pub(crate) regex_size: u64,
    problems: fn(&str) -> Vec<String>,
}

static FORMATS: [(&str, NamedFormat); 13] = [
    ("dns1123Label", NamedFormat { name: "DNS1123Label", regex_size: 30, problems: dns_label }),
    ("dns1123Subdomain", NamedFormat { name: "DNS1123Subdomain", regex_size: 60, problems: dns_subdomain }),
    ("dns1035Label", NamedFormat { name: "DNS1035Label", regex_size: 30, problems: dns1035_label }),
    ("qualifiedName", NamedFormat { name: "QualifiedName", regex_size: 60, problems: qualified_name }),
    (
        "dns1123LabelPrefix",
        NamedFormat { name: "DNS1123LabelPrefix", regex_size: 30, problems: dns_label_prefix },
    ),
    (
        "dns1123SubdomainPrefix",
        NamedFormat { name: "DNS1123SubdomainPrefix", regex_size: 60, problems: dns_subdomain_prefix },
    ),
    (
        "dns1035LabelPrefix",
        NamedFormat { name: "DNS1035LabelPrefix", regex_size: 30, problems: dns1035_label_prefix },
    ),
    ("labelValue", NamedFormat { name: "LabelValue", regex_size: 40, problems: label_value }),
    ("uri", NamedFormat { name: "URI", regex_size: 1103, problems: uri }),
    ("uuid", NamedFormat { name: "uuid", regex_size: 84, problems: uuid }),
    ("byte", NamedFormat { name: "byte", regex_size: 84, problems: base64 }),
    ("date", NamedFormat { name: "date", regex_size: 81, problems: date }),
    ("datetime", NamedFormat { name: "datetime", regex_size: 81, problems: date_time }),
];

fn named(name: &str) -> Option<&'static NamedFormat> {
    FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| format)
}

pub(super) fn call(function: &str, args: &[Value]) -> Option<Outcome> {
    Some(Ok(match (function, args) {
        ("format.named", [Value::String(name)]) => {
            Value::Optional(named(name).map(|format| Arc::new(Value::Format(format))))
        }
        ("validate", [Value::Format(format), Value::String(text)]) => {
            let problems = (format.problems)(text);
            let list = || Value::list(problems.iter().map(|problem| Value::text(problem.as_str())).collect());
            if problems.is_empty() { Value::Optional(None) } else { Value::some(list()) }
        }
        (constant, []) => Value::Format(named(constant.strip_prefix("format.")?)?),
        _ => return None,
    }))
}

fn too_long(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} bytes"))
}

fn inner(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(|b| inner(*b)) && bytes.last().is_some_and(|b| inner(*b));
    ends && bytes.iter().all(|b| inner(*b) || *b == b'-')
}

fn found(length: Option<String>, valid: bool, problem: &str) -> Vec<String> {
    length.into_iter().chain((!valid).then(|| problem.to_owned())).collect()
}

/// A prefix of a name may end in a dash, since more follows.
fn unmasked(text: &str) -> String {
    match text.strip_suffix('-') {
        Some(rest) if text.len() > 1 => format!("{rest}a"),
        _ => text.to_owned(),
    }
}

fn dns_label(text: &str) -> Vec<String> {
    let problem = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                   and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                   '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    found(too_long(text, 63), is_label(text), problem)
}

fn dns_label_prefix(text: &str) -> Vec<String> {
    dns_label(&unmasked(text))
}

fn dns_subdomain(text: &str) -> Vec<String> {
    let problem = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                   must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                   '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    found(too_long(text, 253), text.split('.').all(is_label), problem)
}

fn dns_subdomain_prefix(text: &str) -> Vec<String> {
    dns_subdomain(&unmasked(text))
}

fn dns1035_label(text: &str) -> Vec<String> {
    let problem = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                   character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
                   validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    let valid = is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase());
    found(too_long(text, 63), valid, problem)
}

fn dns1035_label_prefix(text: &str) -> Vec<String> {
    dns1035_label(&unmasked(text))
}

fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn qualified_name(text: &str) -> Vec<String> {
    let problem = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                   alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                   '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let mut problems = Vec::new();
    let name = match text.split_once('/') {
        Some((prefix, name)) if !name.contains('/') => {
            if prefix.is_empty() {
                problems.push("prefix part must be non-empty".to_owned());
            } else {
                problems.extend(
                    dns_subdomain(prefix).into_iter().map(|problem| format!("prefix part {problem}")),
                );
            }
            name
        }
        Some(_) => {
            let shape = problem.replacen("name part must", "a qualified name must", 1);
            return vec![format!(
                "{shape} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        None => text,
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    } else {
        problems.extend(too_long(name, 63).map(|problem| format!("name part {problem}")));
    }
    if !is_label_text(name) {
        problems.push(problem.to_owned());
    }
    problems
}

fn label_value(text: &str) -> Vec<String> {
    let problem = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
                   start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
                   for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    found(too_long(text, 63), text.is_empty() || is_label_text(text), problem)
}

fn uri(text: &str) -> Vec<String> {
    net::parse_url(text).err().into_iter().collect()
}

fn uuid(text: &str) -> Vec<String> {
    let plain: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
    let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    let placed = dashes.is_empty() || dashes == [8, 13, 18, 23];
    let valid = plain.len() == 32 && plain.iter().all(u8::is_ascii_hexdigit) && placed;
    found(None, valid, "does not match the UUID format")
}

fn base64(text: &str) -> Vec<String> {
    let body = text.trim_end_matches('=');
    let valid = text.len().is_multiple_of(4)
        && !text.is_empty()
        && text.len() - body.len() <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    found(None, valid, "invalid base64")
}

fn date(text: &str) -> Vec<String> {
    let parsed = super::time::to_timestamp(&Value::text(format!("{text}T00:00:00Z")));
    found(None, parsed.is_ok(), "invalid date")
}

fn date_time(text: &str) -> Vec<String> {
    let parsed = super::time::to_timestamp(&Value::text(text.to_uppercase()));
    found(None, parsed.is_ok(), "invalid datetime")
}
