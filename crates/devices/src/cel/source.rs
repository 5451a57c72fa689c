//! Complaints about an expression, with their place in the text.
//!
//! Upstream: cel-go `common/{errors,error}.go`.

/// Longer lines are not shown below a complaint.
const LONGEST_SNIPPET: usize = 16384;

/// Something wrong with an expression.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    /// The line, counted from 1, and the column in characters, counted from 0.
    place: Place,
    message: String,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Byte(usize),
    Position(usize, usize),
}

impl Issue {
    /// An issue with the node at a byte of the text.
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { place: Place::Byte(at), message: message.into() }
    }

    /// An issue that the parser has placed: line and column counted from 1.
    pub(super) fn placed(line: isize, column: isize, message: impl Into<String>) -> Self {
        let from_one = |n: isize| usize::try_from(n).unwrap_or_default();
        Self {
            place: Place::Position(from_one(line), from_one(column).saturating_sub(1)),
            message: message.into(),
        }
    }

    fn position(&self, text: &str) -> (usize, usize) {
        match self.place {
            Place::Position(line, column) => (line, column),
            Place::Byte(at) => {
                let before = text.get(..at).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                (line, before[start..].chars().count())
            }
        }
    }
}

/// All issues as upstream prints them, in the order of their places.
pub(super) fn render(text: &str, issues: &[Issue]) -> String {
    let mut placed: Vec<_> = issues.iter().map(|issue| (issue.position(text), &issue.message)).collect();
    placed.sort_by_key(|(position, _)| *position);
    let shown: Vec<String> =
        placed.into_iter().map(|((line, column), message)| one(text, line, column, message)).collect();
    shown.join("\n")
}

fn one(text: &str, line: usize, column: usize, message: &str) -> String {
    let mut shown = format!("ERROR: <input>:{line}:{}: {message}", column + 1);
    let snippet = text.split('\n').nth(line.saturating_sub(1)).filter(|s| s.len() <= LONGEST_SNIPPET);
    if let Some(snippet) = snippet {
        let snippet = snippet.replace('\t', " ");
        shown.push_str("\n | ");
        shown.push_str(&snippet);
        shown.push_str("\n | ");
        let mut characters = snippet.chars();
        for c in characters.by_ref().take(column) {
            shown.push(if c.len_utf8() > 1 { '．' } else { '.' });
        }
        let wide = characters.next().is_some_and(|c| c.len_utf8() > 1);
        shown.push(if wide { '＾' } else { '^' });
    }
    shown
}
