//! Amounts, bars and sentences for people.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use berth_model::quantity::Quantity;
pub(crate) use berth_sim::change::list;
use textwrap::{Options, WordSeparator, WordSplitter};

/// A Kubernetes quantity as a number of base units; what cannot be read counts as nothing.
pub(crate) fn amount(text: &str) -> f64 {
    Quantity::parse(text).map_or(0.0, |quantity| quantity.nanos() as f64 / 1e9)
}

/// An amount of a resource: bytes with a binary suffix, all else as a short decimal.
pub(crate) fn print(resource: &str, amount: f64) -> String {
    let in_bytes = matches!(resource, "memory" | "ephemeral-storage") || resource.starts_with("hugepages-");
    let suffixes: &[&str] = if in_bytes { &["", "Ki", "Mi", "Gi", "Ti", "Pi"] } else { &[""] };
    let mut value = amount;
    let mut at = 0;
    while value.abs() >= 1024.0 && at + 1 < suffixes.len() {
        value /= 1024.0;
        at += 1;
    }
    let number = format!("{value:.1}");
    format!("{}{}", number.strip_suffix(".0").unwrap_or(&number), suffixes[at])
}

/// A bar of `width` characters, filled to `share` (0 to 1; more than full is full).
pub(crate) fn bar(share: f64, width: usize) -> String {
    let filled = ((share * width as f64).round().max(0.0) as usize).min(width);
    format!("{}{}", "#".repeat(filled), "-".repeat(width - filled))
}

/// A sentence in lines of at most `width` columns; a longer word has a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

/// `1 node`, `2 nodes`
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A time: `0.42 ms`, `1.20 s`
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.2} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

/// Which resources tables show, at most `limit`: CPU, memory, then those that only some nodes have, then the rest.
pub(crate) fn resources<'a>(names: impl Iterator<Item = &'a String>, limit: usize) -> Vec<&'a str> {
    let names: BTreeSet<(bool, &str)> = names.map(|name| (!name.contains('/'), name.as_str())).collect();
    let rest = names.into_iter().map(|(_, name)| name).filter(|name| !["cpu", "memory"].contains(name));
    ["cpu", "memory"].into_iter().chain(rest).take(limit).collect()
}

/// The name of a resource where there is little room: `gpu` for `nvidia.com/gpu`.
pub(crate) fn short(resource: &str) -> &str {
    resource.rsplit_once('/').map_or(resource, |(_, name)| name)
}

/// A text of at most `width` characters: the middle of a longer one is cut out.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= width {
        return text.to_owned();
    }
    let (head, tail) = (width / 2, width.saturating_sub(width / 2 + 1));
    let parts = [&letters[..head], &['…'], &letters[letters.len() - tail..]];
    parts.concat().into_iter().collect()
}

/// Compares names as people count: `n2` comes before `n10`.
pub(crate) fn by_number(a: &str, b: &str) -> Ordering {
    parts(a).cmp(parts(b)).then_with(|| a.cmp(b))
}

/// A part of a name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'t> {
    Number(u64),
    Text(&'t str),
}

fn parts(name: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let is_number = rest.chars().next()?.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (part, others) = rest.split_at(end);
        rest = others;
        Some(part.parse().map_or(Part::Text(part), Part::Number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_count() {
        let mut names = ["n10", "n2", "a-1-b", "n", "n02", "a-1-a"];
        names.sort_by(|a, b| by_number(a, b));
        assert_eq!(names, ["a-1-a", "a-1-b", "n", "n02", "n2", "n10"]);
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        for (text, expected) in [("web", "web"), ("abcdefgh", "abcdefgh"), ("abcdefghi", "abcd…ghi")] {
            assert_eq!(cut(text, 8), expected);
        }
    }

    #[test]
    fn amounts_are_short_and_have_the_unit_of_their_resource() {
        let cases = [
            ("cpu", 0.25, "0.2"),
            ("cpu", 4.0, "4"),
            ("memory", 1536.0 * 1048576.0, "1.5Gi"),
            ("gpu", 2048.0, "2048"),
        ];
        for (resource, amount, expected) in cases {
            assert_eq!(print(resource, amount), expected);
        }
        assert_eq!(amount("250m"), 0.25);
    }

    #[test]
    fn resources_that_few_nodes_have_are_shown_before_what_all_have() {
        let names: Vec<String> =
            ["ephemeral-storage", "memory", "nvidia.com/gpu", "cpu"].map(String::from).into();
        assert_eq!(resources(names.iter(), 3), ["cpu", "memory", "nvidia.com/gpu"]);
        assert_eq!(resources(names.iter(), 9), ["cpu", "memory", "nvidia.com/gpu", "ephemeral-storage"]);
        assert_eq!(resources([].iter(), 3), ["cpu", "memory"]);
        assert_eq!(short("nvidia.com/gpu"), "gpu");
    }

    #[test]
    fn times_have_a_unit_that_fits() {
        assert_eq!(duration(0.000_42), "0.42 ms");
        assert_eq!(duration(1.2), "1.20 s");
    }

    #[test]
    fn a_bar_is_never_longer_than_its_width() {
        assert_eq!(bar(0.5, 4), "##--");
        assert_eq!(bar(7.0, 4), "####");
        assert_eq!(bar(-1.0, 4), "----");
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible", 4), ["incomprehensible"]);
    }
}
