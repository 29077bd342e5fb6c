//! Columns that line up.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bulkhead_memory::sort_ascending;
use core::fmt::{self, Write};

/// Prints a table, every row behind `indent` spaces: left-aligned columns, two spaces between, no
/// spaces at the end of a row. An empty cell becomes `-`, so that a program can split rows at spaces;
/// a column without heading and cells is left out.
///
/// The rows are made twice, once to be measured and once to be printed, and never all at once: a
/// table may be as long as the machine has cores, the heap is not.
pub(super) fn print<const N: usize>(
    headings: [&str; N],
    indent: usize,
    rows: impl Iterator<Item = [String; N]> + Clone,
    out: &mut dyn Write,
) -> fmt::Result {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows.clone() {
        measure(&row, &mut widths);
    }
    print_row(&headings, &widths, indent, out)?;
    for row in rows {
        print_cells(&row, &widths, indent, out)?;
    }
    Ok(())
}

/// Not once for each number of columns, as the two below.
fn measure(row: &[String], widths: &mut [usize]) {
    for (width, cell) in widths.iter_mut().zip(row) {
        *width = (*width).max(cell.chars().count());
    }
}

fn print_cells(
    row: &[String],
    widths: &[usize],
    indent: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    let cells: Vec<&str> = row
        .iter()
        .map(|cell| if cell.is_empty() { "-" } else { cell.as_str() })
        .collect();
    print_row(&cells, widths, indent, out)
}

fn print_row(cells: &[&str], widths: &[usize], indent: usize, out: &mut dyn Write) -> fmt::Result {
    write!(out, "{:indent$}", "")?;
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if *width == 0 {
            continue;
        }
        if column + 1 == cells.len() {
            writeln!(out, "{cell}")?;
        } else {
            write!(out, "{cell:<width$}  ")?;
        }
    }
    Ok(())
}

/// `1,3-5` for 1, 3, 4, 5, in any order.
pub(super) fn core_list(cores: &[u32]) -> String {
    let mut cores = cores.to_vec();
    sort_ascending(&mut cores);
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
        let rows = [["abc", "", "x y"].map(String::from)];
        let mut text = String::new();
        print(["A", "LONG", "C"], 1, rows.into_iter(), &mut text).unwrap();
        assert_eq!(text, " A    LONG  C\n abc  -     x y\n");
    }
}
