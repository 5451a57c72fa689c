//! IP addresses, networks and URLs.
//!
//! Upstream: apiserver `pkg/cel/library/{ip,cidr,urls}.go`; Go's `net/netip` and `net/url`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::cel::value::{Fault, Map, Outcome, Value};

/// A network: an address and how many of its bits are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u32,
}

/// An absolute URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    scheme: String,
    host: String,
    path: String,
    query: String,
    text: String,
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn call(function: &str, args: &[Value]) -> Option<Outcome> {
    Some(Ok(match (function, args) {
        ("ip", [Value::Cidr(cidr)]) => Value::Ip(cidr.address),
        ("ip", [Value::String(text)]) => return Some(parse_ip(text).map(Value::Ip).map_err(Fault::new)),
        ("isIP", [Value::String(text)]) => Value::Bool(parse_ip(text).is_ok()),
        ("ip.isCanonical", [Value::String(text)]) => match parse_ip(text) {
            Ok(ip) => Value::Bool(ip.to_string() == **text),
            Err(error) => return Some(Err(Fault::new(error))),
        },
        ("family", [Value::Ip(ip)]) => Value::Int(if ip.is_ipv4() { 4 } else { 6 }),
        ("isUnspecified", [Value::Ip(ip)]) => Value::Bool(ip.is_unspecified()),
        ("isLoopback", [Value::Ip(ip)]) => Value::Bool(ip.is_loopback()),
        ("isLinkLocalMulticast", [Value::Ip(ip)]) => Value::Bool(match ip {
            IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
            IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
        }),
        ("isLinkLocalUnicast", [Value::Ip(ip)]) => Value::Bool(is_link_local(ip)),
        ("isGlobalUnicast", [Value::Ip(ip)]) => {
            let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
            let special = ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || is_link_local(ip);
            Value::Bool(!special && !broadcast)
        }
        ("cidr", [Value::String(text)]) => return Some(network(text).map(Value::Cidr)),
        ("isCIDR", [Value::String(text)]) => Value::Bool(parse_cidr(text).is_ok()),
        ("prefixLength", [Value::Cidr(cidr)]) => Value::Int(i64::from(cidr.prefix)),
        ("masked", [Value::Cidr(cidr)]) => {
            Value::Cidr(Cidr { address: masked(cidr.address, cidr.prefix), ..*cidr })
        }
        ("containsIP", [Value::Cidr(cidr), Value::Ip(ip)]) => Value::Bool(contains(cidr, ip)),
        ("containsIP", [Value::Cidr(cidr), Value::String(text)]) => match parse_ip(text) {
            Ok(ip) => Value::Bool(contains(cidr, &ip)),
            Err(_) => return Some(Err(Fault::no_such_overload())),
        },
        ("containsCIDR", [Value::Cidr(cidr), Value::Cidr(other)]) => {
            Value::Bool(contains_network(cidr, other))
        }
        ("containsCIDR", [Value::Cidr(cidr), Value::String(text)]) => match network(text) {
            Ok(other) => Value::Bool(contains_network(cidr, &other)),
            Err(fault) => return Some(Err(fault)),
        },
        _ => return url(function, args),
    }))
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn parse_ip(text: &str) -> Result<IpAddr, String> {
    if let Some((address, zone)) = text.split_once('%')
        && address.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6())
        && !zone.is_empty()
    {
        return Err(format!("IP address {text:?} with zone value is not allowed"));
    }
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"))
        }
        Ok(ip) => Ok(ip),
        Err(_) => Err(format!(
            "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): unable to parse IP"
        )),
    }
}

fn parse_cidr(text: &str) -> Result<Cidr, String> {
    let broken = |why: &str| {
        format!(
            "network address parse error during conversion from string: netip.ParsePrefix({text:?}): {why}"
        )
    };
    let (address, prefix) = text.rsplit_once('/').ok_or_else(|| broken("no '/'"))?;
    let parsed: IpAddr =
        address.parse().map_err(|_| broken(&format!("ParseAddr({address:?}): unable to parse IP")))?;
    let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
    let canonical = digits && (prefix == "0" || !prefix.starts_with('0'));
    let bits = if canonical { prefix.parse::<u32>().ok() } else { None };
    let bits = bits.ok_or_else(|| broken(&format!("bad bits after slash: {prefix:?}")))?;
    if bits > if parsed.is_ipv4() { 32 } else { 128 } {
        return Err(broken("prefix length out of range"));
    }
    match parsed {
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"))
        }
        address => Ok(Cidr { address, prefix: bits }),
    }
}

fn network(text: &str) -> Result<Cidr, Fault> {
    parse_cidr(text).map_err(|error| {
        Fault::new(format!("network address parse error during conversion from string: {error}"))
    })
}

fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    match address {
        IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) & u32::MAX.checked_shl(32 - prefix).unwrap_or(0)).into()),
        IpAddr::V6(ip) => {
            IpAddr::V6((u128::from(ip) & u128::MAX.checked_shl(128 - prefix).unwrap_or(0)).into())
        }
    }
}

fn contains(cidr: &Cidr, ip: &IpAddr) -> bool {
    cidr.address.is_ipv4() == ip.is_ipv4() && masked(cidr.address, cidr.prefix) == masked(*ip, cidr.prefix)
}

fn contains_network(cidr: &Cidr, other: &Cidr) -> bool {
    cidr.prefix <= other.prefix && contains(cidr, &other.address)
}

fn url(function: &str, args: &[Value]) -> Option<Outcome> {
    let host_name = |url: &Url| -> String {
        match url.host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, _)) => name.to_owned(),
            None => url.host.split(':').next().unwrap_or_default().to_owned(),
        }
    };
    let port = |url: &Url| -> String {
        let rest = url.host.rsplit_once(']').map_or(&*url.host, |(_, rest)| rest);
        rest.rsplit_once(':').map_or_else(String::new, |(_, port)| port.to_owned())
    };
    let text = match (function, args) {
        ("url", [Value::String(text)]) => {
            return Some(parse_url(text).map(|url| Value::Url(Arc::new(url))).map_err(|error| {
                Fault::new(format!("URL parse error during conversion from string: {error}"))
            }));
        }
        ("isURL", [Value::String(text)]) => return Some(Ok(Value::Bool(parse_url(text).is_ok()))),
        ("getQuery", [Value::Url(url)]) => return Some(Ok(query(&url.query))),
        ("getScheme", [Value::Url(url)]) => url.scheme.clone(),
        ("getHost", [Value::Url(url)]) => url.host.clone(),
        ("getHostname", [Value::Url(url)]) => host_name(url),
        ("getPort", [Value::Url(url)]) => port(url),
        ("getEscapedPath", [Value::Url(url)]) => url.path.replace(' ', "%20"),
        _ => return None,
    };
    Some(Ok(Value::text(text)))
}

/// A URL as Go's `url.ParseRequestURI` takes it: absolute, or an absolute path.
pub(super) fn parse_url(text: &str) -> Result<Url, String> {
    let broken = |why: &str| format!("parse {text:?}: {why}");
    if text.is_empty() {
        return Err(broken("empty url"));
    }
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err(broken("net/url: invalid control character in URL"));
    }
    let colon = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
    let scheme_end = colon.filter(|at| text[*at..].starts_with(':'));
    let (scheme, rest) = match scheme_end {
        Some(0) => return Err(broken("missing protocol scheme")),
        Some(at) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => (&text[..at], &text[at + 1..]),
        _ => ("", text),
    };
    let before_fragment = rest.split('#').next().unwrap_or_default();
    let (location, query) = before_fragment.split_once('?').unwrap_or((before_fragment, ""));
    if scheme.is_empty() && !location.starts_with('/') {
        return Err(broken("invalid URI for request"));
    }
    let (host, path) = match location.strip_prefix("//").filter(|_| !scheme.is_empty()) {
        Some(authority) => {
            let end = authority.find('/').unwrap_or(authority.len());
            authority.split_at(end)
        }
        None => ("", location),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if host.contains(' ') {
        return Err(broken("invalid character \" \" in host name"));
    }
    let port = host.rsplit_once(']').map_or(host, |(_, rest)| rest).split_once(':');
    if let Some((_, port)) = port.filter(|(_, port)| !port.bytes().all(|b| b.is_ascii_digit())) {
        return Err(broken(&format!("invalid port {:?} after host", format!(":{port}"))));
    }
    Ok(Url {
        scheme: scheme.to_ascii_lowercase(),
        host: host.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        text: text.to_owned(),
    })
}

fn query(text: &str) -> Value {
    let mut entries: Vec<(Value, Value)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(key), Some(value)) = (unescaped(key), unescaped(value)) else { continue };
        let (key, value) = (Value::text(key), Value::text(value));
        let known = entries.iter_mut().find(|(known, _)| known.equal(&key) == Ok(true));
        match known {
            Some((_, Value::List(values))) => Arc::make_mut(values).push(value),
            _ => entries.push((key, Value::list(vec![value]))),
        }
    }
    Value::Map(Arc::new(Map { entries, defaults_to_empty: false }))
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                rest = &after[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}
