//! Columns that line up.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// A table: left-aligned columns, two spaces between, no spaces at the end of a row.
pub(super) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with nothing but its headings.
    pub(super) fn new(headings: [&str; N]) -> Self {
        let mut table = Self { rows: Vec::new() };
        table.row(headings.map(String::from));
        table
    }

    /// Adds a row; an empty cell becomes `-`, so that a program can split rows at spaces.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| {
            if cell.is_empty() {
                String::from("-")
            } else {
                cell
            }
        }));
    }

    /// Prints the table, every row behind `indent` spaces.
    pub(super) fn print(&self, indent: usize, out: &mut dyn Write) -> fmt::Result {
        for row in &self.rows {
            write!(out, "{:indent$}", "")?;
            for (column, cell) in row.iter().enumerate() {
                if column + 1 == N {
                    writeln!(out, "{cell}")?;
                } else {
                    write!(out, "{cell:<width$}  ", width = self.width(column))?;
                }
            }
        }
        Ok(())
    }

    fn width(&self, column: usize) -> usize {
        let widths = self.rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    }
}

/// `1,3-5` for 1, 3, 4, 5, in any order.
pub(super) fn core_list(cores: &[u32]) -> String {
    let mut cores = cores.to_vec();
    cores.sort_unstable();
    let runs = cores.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let runs: Vec<String> = runs
        .map(|run| match run {
            [first, .., last] => format!("{first}-{last}"),
            run => run.iter().map(u32::to_string).collect(),
        })
        .collect();
    runs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_short() {
        assert_eq!(core_list(&[]), "");
        assert_eq!(core_list(&[2]), "2");
        assert_eq!(core_list(&[5, 1, 4, 3]), "1,3-5");
        assert_eq!(core_list(&[0, 1, u32::MAX]), "0-1,4294967295");
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["A", "LONG", "C"]);
        table.row(["abc", "", "x y"].map(String::from));
        let mut text = String::new();
        table.print(1, &mut text).unwrap();
        assert_eq!(text, " A    LONG  C\n abc  -     x y\n");
    }
}
