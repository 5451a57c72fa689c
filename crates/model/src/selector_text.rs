//! Label selectors as `kubectl -l` takes them: `app=web,tier in (front, back),!canary`.
//!
//! Upstream: apimachinery `pkg/labels/selector.go` (`Parse`).

use std::fmt;

use crate::Str;
use crate::selector::{LabelSelector, Operator, Requirement, parse_go_int};

/// Why a text is not a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    /// The part of the text that cannot be read.
    pub part: String,
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "found {:?}, expected a label selector, as in app=web, app!=web, app, !app, app in (web, db) or \
             app notin (web), separated by commas",
            self.part
        )
    }
}

impl std::error::Error for SelectorError {}

impl LabelSelector {
    /// Reads a selector as `kubectl -l` takes it. An empty text selects everything.
    ///
    /// # Errors
    /// The first part of the text that is not a requirement.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let parts = parts(text);
        let is_empty = parts.iter().all(|part| part.trim().is_empty());
        let requirements = if is_empty {
            Vec::new()
        } else {
            parts.into_iter().map(requirement).collect::<Result<_, _>>()?
        };
        Ok(Self { requirements })
    }
}

/// Splits a text at the commas outside of parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth <= 0
    })
    .collect()
}

fn requirement(part: &str) -> Result<Requirement, SelectorError> {
    let text = part.trim();
    let wrong = || SelectorError { part: text.to_owned() };
    let one = |value: &str| vec![Str::from(value.trim())];
    let (key, operator, values) = if let Some(key) = text.strip_prefix('!') {
        (key, Operator::DoesNotExist, Vec::new())
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, Operator::NotIn, one(value))
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Operator::In, one(value))
    } else if let Some((key, value)) = text.split_once('>') {
        (key, Operator::Gt, one(value))
    } else if let Some((key, value)) = text.split_once('<') {
        (key, Operator::Lt, one(value))
    } else if let Some((before, list)) = text.split_once('(') {
        let list = list.strip_suffix(')').ok_or_else(wrong)?;
        let (key, word) = before.trim().rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
        let operator = match word {
            "in" => Operator::In,
            "notin" => Operator::NotIn,
            _ => return Err(wrong()),
        };
        (key, operator, list.split(',').map(|value| Str::from(value.trim())).collect())
    } else {
        (text, Operator::Exists, Vec::new())
    };
    let key = key.trim();
    let is_number = !matches!(operator, Operator::Gt | Operator::Lt)
        || values.first().is_some_and(|value| parse_go_int(value).is_some());
    if is_key(key) && is_number && values.iter().all(|value| is_value(value)) {
        Ok(Requirement { key: key.into(), operator, values })
    } else {
        Err(wrong())
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key.split('/').count() <= 2
        && key.split('/').all(|part| !part.is_empty() && is_value(part))
}

fn is_value(value: &str) -> bool {
    value.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;

    #[test]
    fn selectors_are_read_as_kubectl_reads_them() {
        let labels = Labels::from_iter([("app", "web"), ("tier", "front"), ("example.com/size", "7")]);
        let cases = [
            ("", Some(true)),
            ("app=web", Some(true)),
            ("app==web,tier = front", Some(true)),
            ("app!=web", Some(false)),
            ("zone!=a", Some(true)),
            ("app", Some(true)),
            ("!app", Some(false)),
            ("!zone", Some(true)),
            ("tier in (front, back), app notin (db)", Some(true)),
            ("tier in (back)", Some(false)),
            ("example.com/size>5", Some(true)),
            ("example.com/size<5", Some(false)),
            ("app=", Some(false)),
            ("app=web,", None),
            ("=web", None),
            ("app in web", None),
            ("app in (web", None),
            ("app of (web)", None),
            ("size>many", None),
            ("a/b/c", None),
            ("app=web db", None),
        ];
        for (text, expected) in cases {
            let matches = LabelSelector::parse(text).ok().map(|selector| selector.matches(&labels));
            assert_eq!(matches, expected, "{text:?}");
        }
    }
}
