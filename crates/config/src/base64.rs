//! Standard base64, as Go's JSON reader takes bytes: padded, line ends ignored.

/// The bytes that `text` encodes; none where it is not base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let padding = digits.iter().rev().take_while(|b| **b == b'=').count();
    if padding > 2 {
        return None;
    }
    let groups = digits.len() / 4;
    let mut out = Vec::with_capacity(groups * 3);
    for (g, group) in digits.chunks(4).enumerate() {
        let padded = if g + 1 == groups { padding } else { 0 };
        let mut bits = 0;
        for (i, digit) in group.iter().enumerate() {
            bits = bits << 6 | if i + padded < 4 { value(*digit)? } else { 0 };
        }
        out.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    out.truncate(out.len() - padding);
    Some(out)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_base64() {
        for (text, expected) in [
            ("", Some("")),
            ("aA==", Some("h")),
            ("aGk=", Some("hi")),
            ("aGVs\nbG8h", Some("hello!")),
            ("aGk", None),
            ("====", None),
            ("a===", None),
            ("aG=k", None),
            ("aA==aA==", None),
            ("***x", None),
        ] {
            assert_eq!(decode(text).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}
