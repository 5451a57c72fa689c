//! Aligned columns, as kubectl prints them.

use std::fmt::Write;

/// Rows under titles.
pub(crate) struct Columns {
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// Starts a table.
    pub(crate) fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|t| (*t).to_string()).collect()] }
    }

    /// Adds a row with a cell for each title.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Prints the table, indented by two spaces, without spaces at the ends of lines. A table without rows prints nothing.
    pub(crate) fn print(&self, out: &mut String) {
        if self.rows.len() == 1 {
            return;
        }
        let width = |at: usize| {
            self.rows.iter().filter_map(|r| r.get(at)).map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        for row in &self.rows {
            let mut line = String::from("  ");
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(line, "{cell:<width$}  ");
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_aligned_by_characters_and_lines_end_without_spaces() {
        let mut table = Columns::new(&["NAME", "N"]);
        table.row(vec!["späti".into(), "1".into()]);
        let mut out = String::new();
        table.print(&mut out);
        assert_eq!(out, "  NAME   N\n  späti  1\n");
    }
}
