//! Texts in quotes, as Go writes them in its messages.

/// `text` in double quotes, with Go's escapes (`strconv.Quote`).
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{07}' => out.push_str("\\a"),
            '\u{08}' => out.push_str("\\b"),
            '\u{0b}' => out.push_str("\\v"),
            '\u{0c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_gos() {
        for (text, expected) in [
            ("a", r#""a""#),
            ("a\"\\\n\u{1}", r#""a\"\\\n\x01""#),
            ("µ'😀", r#""µ'😀""#),
            ("\u{85}", r#""\u0085""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
