//! What came of all cases, as a table that is committed and compared with.

use std::fmt::Write;

use super::cases::Case;
use super::look::Verdict;

/// A row that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The case's name.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
}

/// The table, one row for each case.
#[must_use]
pub fn markdown(rows: &[(&Case, Verdict)]) -> String {
    let mut text =
        String::from("| case | what is done | `bare` | on real hardware |\n|---|---|---|---|\n");
    for (case, verdict) in rows {
        // Writing into a string never fails.
        let _ = writeln!(
            text,
            "| `{}` | {} | {verdict} | {} |",
            case.name, case.what, case.note
        );
    }
    text
}

/// Reads [`markdown`]'s rows out of a page.
#[must_use]
pub fn parse(page: &str) -> Vec<Row> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?.to_string();
        let verdict = match cells.nth(1)? {
            "nothing happens" => Verdict::Nothing,
            "contained" => Verdict::Contained,
            cell => Verdict::NotContained(cell.strip_prefix("**not contained**: ")?.to_string()),
        };
        Some(Row { name, verdict })
    };
    page.lines().filter_map(row).collect()
}

/// Whether a case went worse than it did before.
#[must_use]
pub fn worse(before: &Verdict, now: &Verdict) -> bool {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Nothing => 0,
        Verdict::Contained => 1,
        Verdict::NotContained(_) => 2,
    };
    rank(now) > rank(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::all;

    #[test]
    fn a_table_is_read_back() {
        let cases = all();
        let hurt = Verdict::NotContained("the witness does not answer; more".to_string());
        let rows: Vec<(&Case, Verdict)> = cases
            .iter()
            .zip(
                [Verdict::Nothing, Verdict::Contained, hurt]
                    .into_iter()
                    .cycle(),
            )
            .collect();
        let read = parse(&format!("# Title\n\n{}\nEnd.\n", markdown(&rows)));
        let wanted: Vec<Row> = rows
            .into_iter()
            .map(|(case, verdict)| Row {
                name: case.name.to_string(),
                verdict,
            })
            .collect();
        assert_eq!(read, wanted);
    }

    #[test]
    fn worse_is_who_else_is_hurt_and_not_how() {
        let hurt = |how: &str| Verdict::NotContained(how.to_string());
        assert!(worse(&Verdict::Nothing, &Verdict::Contained));
        assert!(worse(&Verdict::Contained, &hurt("a")));
        assert!(!worse(&hurt("a"), &hurt("b")));
        assert!(!worse(&hurt("a"), &Verdict::Nothing));
    }
}
