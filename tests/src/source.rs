//! Lines of code and uses of `unsafe`, counted in the sources.
//!
//! A line of code is one on which something is left when comments are taken away. Tests (folders
//! called `tests`, and modules under `#[cfg(test)]`) are counted apart. `unsafe` is counted only
//! outside of tests, comments and strings.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

/// Which commit the sources are of, and whether they are as it has them: git's words, or `unknown`. Results,
/// which are written one by one, are no sources.
#[must_use]
pub fn commit() -> String {
    let commit = said("git", &["describe", "--always"]);
    let but_results = ["--untracked-files=no", "--", ".", ":!docs/evaluation"];
    let changed = said(
        "git",
        &[&["status", "--porcelain"][..], &but_results].concat(),
    );
    match changed.as_str() {
        "" | UNKNOWN => commit,
        _ => commit + "-dirty",
    }
}

/// Year, month and day, in UTC; or `unknown`.
#[must_use]
pub fn today() -> String {
    said("date", &["--utc", "+%F"])
}

/// What a program prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(root()).output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_string()
        }
        _ => UNKNOWN.to_string(),
    }
}

/// What a program does not say.
const UNKNOWN: &str = "unknown";

/// What was counted in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Lines of Rust without tests.
    pub rust: usize,
    /// Lines of assembly.
    pub assembly: usize,
    /// Lines of tests.
    pub tests: usize,
    /// `unsafe { ... }`.
    pub unsafe_blocks: usize,
    /// `unsafe fn` and `unsafe extern "C" fn`: definitions, declarations and types.
    pub unsafe_functions: usize,
    /// `unsafe impl`.
    pub unsafe_impls: usize,
    /// `unsafe extern { ... }` and attributes such as `#[unsafe(naked)]`.
    pub unsafe_others: usize,
}

/// Counts everything in a folder.
///
/// # Panics
/// If it can't be read.
#[must_use]
pub fn count(folder: &Path) -> Count {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
            (path, text)
        })
        .collect();
    let test_files: HashSet<PathBuf> = texts
        .iter()
        .flat_map(|(path, text)| {
            let modules = test_modules(text);
            modules.map(|name| path.with_file_name(format!("{name}.rs")))
        })
        .collect();
    let mut count = Count::default();
    for (path, text) in &texts {
        let inner = path.strip_prefix(folder).expect("it lies in the folder");
        let is_test = test_files.contains(path) || inner.iter().any(|part| part == "tests");
        if path.extension().is_some_and(|e| e == "S") {
            count.assembly += lines(&without_comments(text, Language::Assembly));
        } else if is_test {
            count.tests += lines(&without_comments(text, Language::Rust));
        } else {
            count.add_rust(&without_comments(text, Language::Rust));
        }
    }
    count
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs" || e == "S") {
            files.push(path);
        }
    }
}

/// The names of modules in files of their own that are only compiled for tests.
fn test_modules(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("#[cfg(test)]").filter_map(|(at, _)| {
        let item = text[at..].lines().nth(1)?.trim();
        item.strip_suffix(';')?
            .rsplit_once("mod ")
            .map(|(_, name)| name)
    })
}

impl Count {
    /// Adds a file: what stands before its module of tests is code.
    fn add_rust(&mut self, text: &str) {
        let tests = text.match_indices("#[cfg(test)]").find(|(at, _)| {
            let item = text[*at..].lines().nth(1).unwrap_or_default();
            item.contains("mod ") && item.ends_with('{')
        });
        let (code, tests) = text.split_at(tests.map_or(text.len(), |(at, _)| at));
        self.rust += lines(code);
        self.tests += lines(tests);
        for (at, word) in code.match_indices("unsafe") {
            let before = code[..at].chars().next_back();
            let after = &code[at + word.len()..];
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            if before.is_some_and(is_part) || after.starts_with(is_part) {
                continue; // as in `unsafe_code`
            }
            let next: Vec<&str> = after.split_ascii_whitespace().take(3).collect();
            match next.as_slice() {
                [first, ..] if first.starts_with('{') => self.unsafe_blocks += 1,
                ["impl", ..] => self.unsafe_impls += 1,
                [first, ..] if first.starts_with("impl<") => self.unsafe_impls += 1,
                ["fn", ..] | ["extern", _, "fn", ..] => self.unsafe_functions += 1,
                ["extern", _, third, ..] if third.starts_with("fn(") => self.unsafe_functions += 1,
                _ => self.unsafe_others += 1,
            }
        }
    }
}

/// How many lines are not blank.
fn lines(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty()).count()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    Assembly,
}

/// The text without comments, and with `x` for everything in strings; the lines stay.
fn without_comments(text: &str, language: Language) -> String {
    let line_comment = match language {
        Language::Rust => "//",
        Language::Assembly => "#",
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with(line_comment) {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            let length = block_comment(rest);
            out.extend(rest[..length].chars().filter(|c| *c == '\n'));
            length
        } else if let Some(length) = string(rest, &out) {
            let blanked = rest[..length]
                .chars()
                .map(|c| if c == '\n' { c } else { 'x' });
            out.extend(blanked);
            length
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

/// Length of the comment at the start, with those inside of it.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of the string or character literal at the start; `None` if there is none.
fn string(text: &str, before: &str) -> Option<usize> {
    let is_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if let Some(raw) = text
        .strip_prefix('r')
        .filter(|_| !is_word || before.ends_with('b'))
    {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(2 + hashes + body.find(&end)? + end.len());
    }
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut characters = text.char_indices().skip(1);
    if quote == '\'' {
        // A lifetime has no second quote after one character.
        let (_, first) = characters.next()?;
        if first != '\\' {
            let (at, next) = characters.next()?;
            return (next == '\'').then_some(at + 1);
        }
        characters.next();
    }
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r##"//! unsafe { in a comment }
#![forbid(unsafe_code)]

/* unsafe { /* nested */
unsafe { */
fn f<'a>(text: &'a str) -> char {
    let _ = "unsafe { // no comment";
    let _ = r#"a "quoted" unsafe {"#; // unsafe {
    let quote = '"';
    unsafe { g() };
    '\''
}
unsafe fn g() {}
type F = unsafe extern "C" fn();
unsafe impl<T> Send for S<T> {}
unsafe impl Sync for S {}
#[unsafe(naked)]
unsafe extern "C" {
    fn h();
}

#[cfg(test)]
mod tests {
    fn t() { unsafe { g() } }
}
"##;

    #[test]
    fn counts_code_only() {
        let mut count = Count::default();
        count.add_rust(&without_comments(SOURCE, Language::Rust));
        assert_eq!(
            count,
            Count {
                rust: 16,
                tests: 4,
                unsafe_blocks: 1,
                unsafe_functions: 2,
                unsafe_impls: 2,
                unsafe_others: 2,
                ..Count::default()
            }
        );
    }

    #[test]
    fn assembly_has_its_own_comments() {
        let text = "# unsafe {\nstart:\n    cli # off\n\n    .asciz \"# no comment\"\n";
        assert_eq!(lines(&without_comments(text, Language::Assembly)), 3);
    }

    #[test]
    fn modules_in_files_of_their_own() {
        let text = "#[cfg(test)]\npub(crate) mod fixture;\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(test_modules(text).collect::<Vec<_>>(), ["fixture"]);
    }
}
