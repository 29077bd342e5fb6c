//! How much code there is that only a machine can try.
//!
//! What is in `kernel/src` has no test on the host: it is kept small, and what can be computed
//! without hardware moves to a crate where it has one.

use std::path::Path;

/// The kernel's own code.
pub(crate) const FOLDER: &str = "kernel/src";
/// The most lines of Rust that it may have, without blank ones and those that are only a comment. Its
/// assembly, which can be moved nowhere, is counted by `make bench`.
pub(crate) const MOST: usize = 6_000;

/// What is wrong with that many lines.
pub(crate) fn problem(lines: usize) -> Option<String> {
    (lines > MOST).then(|| {
        format!(
            "{FOLDER} has {lines} lines of code, at most {MOST} are allowed: move what needs no hardware \
             to one of the crates that are tested on the host"
        )
    })
}

/// Lines of code of all Rust below a folder.
pub(crate) fn lines_below(folder: &Path) -> std::io::Result<usize> {
    let mut lines = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            lines += lines_below(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            lines += lines_of(&std::fs::read_to_string(path)?);
        }
    }
    Ok(lines)
}

fn lines_of(text: &str) -> usize {
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    text.lines().map(str::trim).filter(is_code).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_no_code() {
        let text = "//! Doc.\n\n/// What.\nfn f() { // why\n    // Why.\n\t\n    g();\n}\n";
        assert_eq!(lines_of(text), 3);
    }

    #[test]
    fn more_than_the_most_is_a_problem() {
        assert_eq!(problem(MOST), None);
        assert!(problem(MOST + 1).is_some_and(|problem| problem.contains("6001 lines")));
    }

    #[test]
    fn folders_in_folders_are_counted() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(FOLDER);
        let all = lines_below(&source).unwrap();
        let inner = lines_below(&source.join("cpu")).unwrap();
        assert!(0 < inner && inner < all, "{inner} of {all}");
    }
}
