//! Aligned columns, as kubectl prints them.

use std::fmt::Write;

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use crate::human::wrap;

/// The width that tables are made for.
pub(crate) const WIDTH: usize = 80;

/// How many spaces are before and between columns.
const INDENT: usize = 2;
/// The least width of the last column.
const LAST: usize = 24;

/// Text in a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Text in a style, which is not printed if the terminal has no colours.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    /// The same text in another style.
    pub(crate) fn with(self, style: Style) -> Self {
        Self { style, ..self }
    }

    fn width(&self) -> usize {
        self.text.width()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

/// Rows under titles.
pub(crate) struct Columns {
    rows: Vec<Vec<Cell>>,
}

impl Columns {
    /// Starts a table.
    pub(crate) fn new<T: Into<Cell>>(titles: impl IntoIterator<Item = T>) -> Self {
        Self { rows: vec![titles.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row with a cell for each title.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// How wide the table is.
    pub(crate) fn width(&self) -> usize {
        self.widths().iter().map(|width| width + INDENT).sum()
    }

    /// Prints the table, without spaces at the ends of lines. A table without rows prints nothing.
    pub(crate) fn print(&self, out: &mut String) {
        self.print_within(out, usize::MAX);
    }

    /// Prints the table with the last column wrapped, so that lines are no longer than `width` if possible.
    pub(crate) fn print_within(&self, out: &mut String, width: usize) {
        let [titles, .., _] = self.rows.as_slice() else { return };
        let widths = self.widths();
        let before: usize = widths[..titles.len() - 1].iter().map(|width| width + INDENT).sum();
        let last = width.saturating_sub(before + INDENT).max(LAST);
        for row in &self.rows {
            let Some((tail, head)) = row.split_last() else { continue };
            for (at, text) in wrap(&tail.text, last).into_iter().enumerate() {
                let mut line = Line::default();
                for (cell, width) in head.iter().zip(&widths) {
                    line.skip(INDENT);
                    if at == 0 {
                        line.add(cell);
                        line.skip(width - cell.width());
                    } else {
                        line.skip(*width);
                    }
                }
                line.skip(INDENT);
                line.add(&Cell { text, style: tail.style });
                let _ = writeln!(out, "{}", line.text);
            }
        }
    }

    fn widths(&self) -> Vec<usize> {
        let width =
            |at: usize| self.rows.iter().filter_map(|r| r.get(at)).map(Cell::width).max().unwrap_or(0);
        (0..self.rows[0].len()).map(width).collect()
    }
}

/// A line under construction; spaces are printed only before text.
#[derive(Default)]
struct Line {
    text: String,
    spaces: usize,
}

impl Line {
    fn skip(&mut self, spaces: usize) {
        self.spaces += spaces;
    }

    fn add(&mut self, cell: &Cell) {
        if !cell.text.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', std::mem::take(&mut self.spaces)));
            let style = cell.style;
            // Writing to a string cannot fail.
            let _ = write!(self.text, "{style}{}{style:#}", cell.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_aligned_by_columns_and_lines_end_without_spaces() {
        let mut table = Columns::new(["NAME", "N"]);
        table.row(vec!["späti".into(), "1".into()]);
        table.row(vec!["港".into(), "2".into()]);
        let mut out = String::new();
        table.print(&mut out);
        assert_eq!(out, "  NAME   N\n  späti  1\n  港     2\n");
        assert_eq!(table.width(), 10);
    }

    #[test]
    fn colours_take_no_room() {
        let mut table = Columns::new(["NAME", "N"]);
        table.row(vec![Cell::styled("a", Style::new().bold()), "1".into()]);
        let mut out = String::new();
        table.print(&mut out);
        assert_eq!(out, "  NAME  N\n  \u{1b}[1ma\u{1b}[0m     1\n");
    }

    #[test]
    fn the_last_column_is_wrapped_under_itself() {
        let mut table = Columns::new(["NODE", "WHY"]);
        table.row(vec!["n1".into(), "one two three four five six seven".into()]);
        let mut out = String::new();
        table.print_within(&mut out, 34);
        assert_eq!(out, "  NODE  WHY\n  n1    one two three four five\n        six seven\n");
    }

    #[test]
    fn a_table_without_rows_is_not_printed() {
        let mut out = String::new();
        Columns::new(["NODE"]).print(&mut out);
        assert_eq!(out, "");
    }
}
