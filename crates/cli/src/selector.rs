//! Label selectors as kubectl reads them: `app=web,tier!=cache,zone in (a,b),!spot`.
//!
//! Upstream: apimachinery `pkg/labels/selector.go` (`Parse`).

use berth_model::selector::{LabelSelector, Operator, Requirement, parse_go_int};

/// Operators between a key and values, the longer ones first.
const OPERATORS: [(&str, Operator); 5] = [
    ("==", Operator::In),
    ("!=", Operator::NotIn),
    ("=", Operator::In),
    (">", Operator::Gt),
    ("<", Operator::Lt),
];

/// Reads a selector.
///
/// # Errors
/// When a part of it cannot be read; says which and what is expected.
pub(crate) fn parse(text: &str) -> Result<LabelSelector, String> {
    let requirements = split(text).into_iter().map(requirement).collect::<Result<_, _>>()?;
    Ok(LabelSelector { requirements })
}

/// The parts between commas that are not in parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let part = part.trim();
    if let Some(key) = part.strip_prefix('!') {
        return made(part, key, Operator::DoesNotExist, &[]);
    }
    if let Some((key, operator, values)) = set_of(part) {
        return made(part, key, operator, &values);
    }
    let first = OPERATORS.iter().filter_map(|(sign, operator)| Some((part.find(sign)?, sign, *operator)));
    // The first sign in the text counts; of those at one place, the longest.
    match first.min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len())) {
        Some((at, sign, operator)) => made(part, &part[..at], operator, &[&part[at + sign.len()..]]),
        None => made(part, part, Operator::Exists, &[]),
    }
}

/// `key in (a,b)` or `key notin (a,b)`.
fn set_of(part: &str) -> Option<(&str, Operator, Vec<&str>)> {
    let (front, values) = part.strip_suffix(')')?.split_once('(')?;
    let (key, word) = front.trim().rsplit_once(char::is_whitespace)?;
    let operator = match word {
        "in" => Operator::In,
        "notin" => Operator::NotIn,
        _ => return None,
    };
    Some((key, operator, values.split(',').collect()))
}

fn made(part: &str, key: &str, operator: Operator, values: &[&str]) -> Result<Requirement, String> {
    let (key, values): (&str, Vec<&str>) = (key.trim(), values.iter().map(|value| value.trim()).collect());
    let is_label = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    if key.is_empty() || !is_label(key) || !values.iter().all(|value| is_label(value)) {
        return Err(format!(
            "{part:?} is not part of a label selector; expected key=value, key!=value, key in (a,b), key notin (a,b), \
             key or !key"
        ));
    }
    if matches!(operator, Operator::Gt | Operator::Lt) && values.iter().any(|v| parse_go_int(v).is_none()) {
        return Err(format!("{part:?}: > and < compare with an integer"));
    }
    let values = values.into_iter().map(Into::into).collect();
    Ok(Requirement { key: key.into(), operator, values })
}

#[cfg(test)]
mod tests {
    use berth_model::labels::Labels;

    use super::*;

    #[test]
    fn selectors_are_read_as_kubectl_reads_them() {
        let labels = Labels::from_iter([("app", "web"), ("zone", "eu-1b"), ("cpus", "8")]);
        let cases = [
            ("app=web", true),
            ("app==web", true),
            ("app = web , zone=eu-1b", true),
            ("app!=web", false),
            ("tier!=cache", true),
            ("zone in (eu-1a, eu-1b)", true),
            ("zone notin (eu-1a,eu-1b)", false),
            ("app", true),
            ("!app", false),
            ("!tier,app=web", true),
            ("tier", false),
            ("cpus>4", true),
            ("cpus<8", false),
            ("app=", false),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap().matches(&labels), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_selector_is_an_error_that_names_the_part() {
        for (text, part) in [
            ("=web", "\"=web\""),
            ("a=b,", "\"\""),
            ("a==b=c", "\"a==b=c\""),
            ("a of (b)", "of"),
            ("a>b", "integer"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
