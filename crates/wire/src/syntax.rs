//! The grammar of names and labels.
//!
//! Upstream: apimachinery `pkg/api/validate/content/{kube,dns}.go`.

use berth_model::labels::Labels;

use crate::context::{Context, Step, quoted};

const LABEL_KEY: &str = "a label key: at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or \
                         digit, optionally after a DNS name and '/', as in example.com/role";
const LABEL_VALUE: &str = "a label value: empty, or at most 63 letters, digits, '-', '_' or '.', beginning and ending with \
                           a letter or digit";
const SUBDOMAIN: &str = "a DNS name: at most 253 lower case letters, digits, '-' or '.', with each part beginning and \
                         ending with a letter or digit";
const DNS_LABEL: &str = "a DNS label: at most 63 lower case letters, digits or '-', beginning and ending with a letter or \
                         digit";

/// Letters, digits and inner `-`, `_`, `.`; at most 63.
fn is_label_text(text: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn is_dns_part(part: &[u8]) -> bool {
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    part.first().is_some_and(inner)
        && part.last().is_some_and(inner)
        && part.iter().all(|b| inner(b) || *b == b'-')
}

/// Whether the text is a DNS subdomain (RFC 1123).
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.as_bytes().split(|b| *b == b'.').all(is_dns_part)
}

/// Whether the text is a DNS label (RFC 1123).
pub(crate) fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text.as_bytes())
}

/// Whether the text is a label key (a *qualified name*).
pub(crate) fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_label_text(name),
        None => is_label_text(text),
    }
}

/// Whether the text is a label value.
pub(crate) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_text(text)
}

/// Complains at the field unless it is a label key.
pub(crate) fn check_label_key(cx: &mut Context, field: &'static str, text: &str) {
    if !is_label_key(text) {
        cx.problem_at(field, expected(text, LABEL_KEY));
    }
}

/// Complains at the field unless it is a label value.
pub(crate) fn check_label_value(cx: &mut Context, field: &'static str, text: &str) {
    if !is_label_value(text) {
        cx.problem_at(field, expected(text, LABEL_VALUE));
    }
}

/// Complains at the entries of a list that are no label values.
pub(crate) fn check_label_values<'a>(
    cx: &mut Context,
    field: &'static str,
    values: impl IntoIterator<Item = &'a str>,
) {
    for (at, value) in values.into_iter().enumerate() {
        if !is_label_value(value) {
            cx.within(Step::Field(field), |cx| {
                cx.within(Step::Index(at), |cx| cx.problem(expected(value, LABEL_VALUE)));
            });
        }
    }
}

/// Complains at the entries of a map of labels that are none.
pub(crate) fn check_labels(cx: &mut Context, field: &'static str, labels: &Labels) {
    for (key, value) in labels.iter() {
        if is_label_key(key) && is_label_value(value) {
            continue;
        }
        let message = match is_label_key(key) {
            true => expected(value, LABEL_VALUE),
            false => expected(key, LABEL_KEY),
        };
        cx.within(Step::Field(field), |cx| cx.within(Step::Key(key.clone()), |cx| cx.problem(message)));
    }
}

/// Complains at the field unless it is a DNS subdomain.
pub(crate) fn check_subdomain(cx: &mut Context, field: &'static str, text: &str) {
    if !is_subdomain(text) {
        cx.problem_at(field, expected(text, SUBDOMAIN));
    }
}

/// Complains at the field unless it is a DNS label.
pub(crate) fn check_dns_label(cx: &mut Context, field: &'static str, text: &str) {
    if text.len() > 63 || !is_dns_part(text.as_bytes()) {
        cx.problem_at(field, expected(text, DNS_LABEL));
    }
}

fn expected(found: &str, what: &str) -> String {
    match found {
        "" => format!("missing; expected {what}"),
        _ => format!("found {}, expected {what}", quoted(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar_of_kubernetes() {
        let long = "a".repeat(64);
        let keys = [
            ("app", true),
            ("App_1.x-y", true),
            ("example.com/app", true),
            ("", false),
            ("/app", false),
            ("a/b/c", false),
            ("-app", false),
            ("app-", false),
            ("Example.com/app", false),
            ("ex ample/app", false),
            (&long, false),
            ("é", false),
        ];
        for (text, expected) in keys {
            assert_eq!(is_label_key(text), expected, "{text}");
        }
        for (text, expected) in [("", true), ("v1.2", true), ("a b", false), ("_x", false), (&long, false)] {
            assert_eq!(is_label_value(text), expected, "{text}");
        }
        for (text, expected) in
            [("web-1.example", true), ("Web", false), ("a..b", false), ("", false), ("a_b", false)]
        {
            assert_eq!(is_subdomain(text), expected, "{text}");
        }
    }
}
