//! A table of text: aligned for a terminal, or as Markdown.

use std::fmt;

/// A table. The first column is text, all others are numbers and stand right.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table with its first column.
    pub fn new(first: &str) -> Grid {
        Grid { head: vec![first.to_string()], rows: Vec::new() }
    }

    /// Adds a column of numbers.
    pub fn column(&mut self, name: &str) {
        self.head.push(name.to_string());
    }

    /// Adds a row; cells that are missing stay empty.
    pub fn row(&mut self, mut cells: Vec<String>) {
        cells.resize(self.head.len(), String::new());
        self.rows.push(cells);
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> =
            (0..self.head.len()).map(|at| if at == 0 { "---" } else { "---:" }.to_string()).collect();
        let mut out = line(&self.head) + &line(&rule);
        out.extend(self.rows.iter().map(|row| line(row)));
        out
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let widths: Vec<usize> = (0..self.head.len())
            .map(|at| lines().map(|cells| cells[at].chars().count()).max().unwrap_or(0))
            .collect();
        for cells in lines() {
            let mut line = String::new();
            for (at, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                match at {
                    0 => line.push_str(&format!("{cell:<width$}")),
                    _ => line.push_str(&format!("  {cell:>width$}")),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A count with commas: `1,234,567`.
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Microseconds, with as many places as matter.
pub fn micros(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { count(value) }
}

/// Bytes in MiB.
pub fn mebibytes(bytes: u64) -> String {
    count(bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn numbers_read_well() {
        let cases = [(0.0, "0"), (999.4, "999"), (1000.0, "1,000"), (1_234_567.0, "1,234,567")];
        for (value, expected) in cases {
            assert_eq!(count(value), expected);
        }
        assert_eq!(
            (micros(1.234), micros(12.6), mebibytes(3 << 20)),
            ("1.23".into(), "13".into(), "3".into())
        );
    }

    #[test]
    fn a_table_is_aligned_or_markdown() {
        let mut grid = Grid::new("workload");
        grid.column("pods/s");
        grid.column("x");
        grid.row(vec!["basic".into(), "1,140".into(), "300.0".into()]);
        grid.row(vec!["a-long-name".into(), "5".into()]);
        expect![[r#"
            workload     pods/s      x
            basic         1,140  300.0
            a-long-name       5
        "#]]
        .assert_eq(&grid.to_string());
        expect![[r#"
            | workload | pods/s | x |
            | --- | ---: | ---: |
            | basic | 1,140 | 300.0 |
            | a-long-name | 5 |  |
        "#]]
        .assert_eq(&grid.markdown());
    }
}
