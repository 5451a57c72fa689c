//! The shapes of label keys and values, with upstream's words for what breaks them.
//!
//! Upstream: `apimachinery/pkg/api/validate/content`.

const NAME_BYTES_MAX: usize = 63;
const VALUE_BYTES_MAX: usize = 63;
const PREFIX_BYTES_MAX: usize = 253;

const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
    for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const PREFIX: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// What is wrong with a label key, or with any other qualified name such as that of a resource; nothing if it is fine.
pub(crate) fn key_problems(key: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let name = match key.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                problems.push("prefix part must be non-empty".to_owned());
            } else {
                problems.extend(prefix_problems(prefix).into_iter().map(|p| format!("prefix part {p}")));
            }
            name
        }
        _ => {
            let tail = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {NAME} {tail}")];
        }
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    } else if name.len() > NAME_BYTES_MAX {
        problems.push(format!("name part must be no more than {NAME_BYTES_MAX} bytes"));
    }
    if !is_name(name) {
        problems.push(format!("name part {NAME}"));
    }
    problems
}

/// What is wrong with the value of a label; nothing if it is fine.
pub(crate) fn value_problems(value: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if value.len() > VALUE_BYTES_MAX {
        problems.push(format!("must be no more than {VALUE_BYTES_MAX} bytes"));
    }
    if !value.is_empty() && !is_name(value) {
        problems.push(VALUE.to_owned());
    }
    problems
}

fn prefix_problems(prefix: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if prefix.len() > PREFIX_BYTES_MAX {
        problems.push(format!("must be no more than {PREFIX_BYTES_MAX} bytes"));
    }
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !prefix.split('.').all(|label| framed(label, lower, |b| lower(b) || b == b'-')) {
        problems.push(PREFIX.to_owned());
    }
    problems
}

fn is_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    framed(name, |b| b.is_ascii_alphanumeric(), inner)
}

/// Not empty, with `edge` characters first and last and `inner` ones between them.
fn framed(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        [only] => edge(*only),
        [first, middle @ .., last] => edge(*first) && edge(*last) && middle.iter().all(|b| inner(*b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_judged_as_upstream_does() {
        let long = "a".repeat(64);
        let long_prefix = format!("{}/x", "b".repeat(254));
        for (key, problems) in [
            ("zone", vec![]),
            ("topology.kubernetes.io/zone", vec![]),
            ("A-b_c.9", vec![]),
            ("", vec!["name part must be non-empty", "name part must consist"]),
            ("a b", vec!["name part must consist"]),
            ("-x", vec!["name part must consist"]),
            ("é", vec!["name part must consist"]),
            ("/x", vec!["prefix part must be non-empty"]),
            ("Example.com/x", vec!["prefix part a lowercase RFC 1123 subdomain"]),
            ("a..b/x", vec!["prefix part a lowercase RFC 1123 subdomain"]),
            ("a/b/c", vec!["a valid label key must consist"]),
            (&long, vec!["name part must be no more than 63 bytes"]),
            (&long_prefix, vec!["prefix part must be no more than 253 bytes"]),
        ] {
            let found = key_problems(key);
            assert_eq!(found.len(), problems.len(), "{key}: {found:?}");
            assert!(found.iter().zip(problems).all(|(f, p)| f.starts_with(p)), "{key}: {found:?}");
        }
    }

    #[test]
    fn values_may_be_empty_and_must_be_names_otherwise() {
        assert!(value_problems("").is_empty());
        assert!(value_problems("a.b").is_empty());
        assert_eq!(value_problems("-x-"), [VALUE]);
        assert_eq!(value_problems(&"a".repeat(64)), ["must be no more than 63 bytes"]);
    }
}
