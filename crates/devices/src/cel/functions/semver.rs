//! Semantic versions.
//!
//! Upstream: `github.com/blang/semver/v4`; apiserver `pkg/cel/library/semverlib.go`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::sign_of;
use crate::cel::value::{Fault, Outcome, Value};

/// A semantic version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Semver {
    core: [u64; 3],
    pre: Vec<Pre>,
    build: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pre {
    Number(u64),
    Text(String),
}

impl Semver {
    /// Reads a version.
    ///
    /// # Errors
    /// Upstream's text for what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        let [major, minor, rest] = parts[..] else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let (major, minor) = (number("major", "Major", major)?, number("minor", "Minor", minor)?);
        let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
        let (patch, pre) = rest.split_once('-').map_or((rest, None), |(patch, pre)| (patch, Some(pre)));
        let core = [major, minor, number("patch", "Patch", patch)?];
        let pre = pre.map_or_else(|| Ok(Vec::new()), |pre| pre.split('.').map(prerelease).collect())?;
        let build = build.map_or_else(|| Ok(Vec::new()), |build| build.split('.').map(metadata).collect())?;
        Ok(Self { core, pre, build })
    }

    /// Reads a version that may be short and may have a `v` in front and leading zeros.
    fn parse_tolerant(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text.splitn(3, '.').map(without_zeros).collect();
        if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
            return Err("short version cannot contain PreRelease/Build meta data".to_owned());
        }
        while parts.len() < 3 {
            parts.push("0".to_owned());
        }
        Self::parse(&parts.join("."))
    }

    /// The order of versions; build metadata does not count.
    pub(crate) fn precedence(&self, other: &Self) -> Ordering {
        self.core.cmp(&other.core).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let first = self.pre.iter().zip(&other.pre).map(|(a, b)| a.precedence(b)).find(|o| o.is_ne());
                first.unwrap_or_else(|| self.pre.len().cmp(&other.pre.len()))
            }
        })
    }
}

impl Pre {
    fn precedence(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
        }
    }
}

fn without_zeros(part: &str) -> String {
    if part.len() < 2 {
        return part.to_owned();
    }
    let stripped = part.trim_start_matches('0');
    if stripped.starts_with(|c: char| c.is_ascii_digit()) {
        stripped.to_owned()
    } else {
        format!("0{stripped}")
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0')
}

fn is_identifier(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn parse_u64(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        let why = if text.is_empty() { "invalid syntax" } else { "value out of range" };
        format!("strconv.ParseUint: parsing {text:?}: {why}")
    })
}

fn number(name: &str, title: &str, text: &str) -> Result<u64, String> {
    if !is_number(text) {
        return Err(format!("Invalid character(s) found in {name} number {text:?}"));
    }
    if has_leading_zero(text) {
        return Err(format!("{title} number must not contain leading zeroes {text:?}"));
    }
    parse_u64(text)
}

fn prerelease(text: &str) -> Result<Pre, String> {
    if text.is_empty() {
        return Err("Prerelease is empty".to_owned());
    }
    if is_number(text) {
        if has_leading_zero(text) {
            return Err(format!("Numeric PreRelease version must not contain leading zeroes {text:?}"));
        }
        return parse_u64(text).map(Pre::Number);
    }
    if is_identifier(text) {
        return Ok(Pre::Text(text.to_owned()));
    }
    Err(format!("Invalid character(s) found in prerelease {text:?}"))
}

fn metadata(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("Build meta data is empty".to_owned());
    }
    if is_identifier(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("Invalid character(s) found in build meta data {text:?}"))
    }
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.core;
        write!(f, "{major}.{minor}.{patch}")?;
        for (at, pre) in self.pre.iter().enumerate() {
            let separator = if at == 0 { '-' } else { '.' };
            match pre {
                Pre::Number(number) => write!(f, "{separator}{number}")?,
                Pre::Text(text) => write!(f, "{separator}{text}")?,
            }
        }
        for (at, build) in self.build.iter().enumerate() {
            write!(f, "{}{build}", if at == 0 { '+' } else { '.' })?;
        }
        Ok(())
    }
}

pub(super) fn call(function: &str, args: &[Value]) -> Option<Outcome> {
    let parse = |text: &str, tolerant: bool| {
        if tolerant { Semver::parse_tolerant(text) } else { Semver::parse(text) }
    };
    let part = |version: &Semver, at: usize| Value::Int(version.core[at] as i64); // wraps, as upstream's does
    let version = |parsed: Result<Semver, String>| {
        parsed.map(|version| Value::Semver(Arc::new(version))).map_err(Fault::new)
    };
    Some(match (function, args) {
        ("semver", [Value::String(text)]) => version(parse(text, false)),
        ("semver", [Value::String(text), Value::Bool(tolerant)]) => version(parse(text, *tolerant)),
        ("isSemver", [Value::String(text)]) => Ok(Value::Bool(parse(text, false).is_ok())),
        ("isSemver", [Value::String(text), Value::Bool(tolerant)]) => {
            Ok(Value::Bool(parse(text, *tolerant).is_ok()))
        }
        ("major", [Value::Semver(version)]) => Ok(part(version, 0)),
        ("minor", [Value::Semver(version)]) => Ok(part(version, 1)),
        ("patch", [Value::Semver(version)]) => Ok(part(version, 2)),
        ("isGreaterThan", [Value::Semver(a), Value::Semver(b)]) => Ok(Value::Bool(a.precedence(b).is_gt())),
        ("isLessThan", [Value::Semver(a), Value::Semver(b)]) => Ok(Value::Bool(a.precedence(b).is_lt())),
        ("compareTo", [Value::Semver(a), Value::Semver(b)]) => Ok(Value::Int(sign_of(a.precedence(b)))),
        _ => return None,
    })
}
