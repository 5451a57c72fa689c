//! Names that are too long for a table, without what all of them have in common.

/// Cuts names that would be too long.
pub(crate) struct Shortener {
    prefix: usize,
    suffix: usize,
}

impl Shortener {
    /// For these names: what they have in common is cut, first at their ends and then at their beginnings, if one of
    /// them is longer than `width` characters.
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>, width: usize) -> Self {
        let names: Vec<&str> = names.collect();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let mut cut = Self { prefix: 0, suffix: 0 };
        let [first, rest @ ..] = names.as_slice() else { return cut };
        if rest.is_empty() || longest <= width {
            return cut;
        }
        let common = rest.iter().fold(first.len(), |n, name| n.min(common_suffix(first, name)));
        cut.suffix = first[first.len() - common..].find(['.', '-']).map_or(0, |at| common - at);
        if longest.saturating_sub(cut.suffix) > width {
            let common = rest.iter().fold(first.len(), |n, name| n.min(common_prefix(first, name)));
            cut.prefix = first[..common].rfind(['.', '-']).map_or(0, |at| at + 1);
        }
        cut
    }

    /// A name as the table shows it.
    pub(crate) fn short(&self, name: &str) -> String {
        match name.get(self.prefix..name.len().saturating_sub(self.suffix)) {
            Some(middle) if !middle.is_empty() => {
                let mark = |cut: usize| if cut > 0 { "…" } else { "" };
                format!("{}{middle}{}", mark(self.prefix), mark(self.suffix))
            }
            _ => name.to_owned(),
        }
    }
}

/// How many bytes two names share at their beginnings. Names of nodes are ASCII.
fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b && a.is_ascii()).count()
}

fn common_suffix(a: &str, b: &str) -> usize {
    a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b && a.is_ascii()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_they_have_in_common_if_they_are_too_long() {
        let aws = ["ip-10-0-0-7.eu-west-1.compute.internal", "ip-10-0-1-12.eu-west-1.compute.internal"];
        let gke = ["gke-production-default-pool-4f2b1c3d-x7k2", "gke-production-default-pool-4f2b1c3d-p0q9"];
        let cases = [
            (aws, 24, ["ip-10-0-0-7…", "ip-10-0-1-12…"]),
            (aws, 80, aws),
            (gke, 24, ["…x7k2", "…p0q9"]),
            (["a", "b"], 0, ["a", "b"]),
        ];
        for (names, width, expected) in cases {
            let cut = Shortener::new(names.into_iter(), width);
            assert_eq!(names.map(|name| cut.short(name)), expected, "{names:?}");
        }
    }
}
