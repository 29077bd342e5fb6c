//! Stories that documents name, as `userland::by_ssh`: each is one of `tests/tests/qemu/`, so that what is said to
//! have been seen can be seen again.

use std::path::Path;

/// Where they are.
const FOLDER: &str = "tests/tests/qemu";

/// Each that is named and is not there, with its document and line.
pub(crate) fn problems(root: &Path, documents: &[String]) -> Result<Vec<String>, String> {
    let mut sources = String::new();
    collect(&root.join(FOLDER), &mut sources).map_err(|e| format!("{FOLDER}: {e}"))?;
    let mut problems = Vec::new();
    for document in documents {
        // What is dated tells of what was there then.
        if document == "CHANGELOG.md" || document.starts_with("docs/runs/") {
            continue;
        }
        let text = std::fs::read_to_string(root.join(document));
        let text = text.map_err(|e| format!("{document}: {e}"))?;
        for (index, line) in text.lines().enumerate() {
            let unknown = named(line).filter(|name| !is_there(name, &sources));
            let number = index + 1;
            problems.extend(unknown.map(|name| {
                format!("{document}:{number}: there is no story `{name}` in {FOLDER}")
            }));
        }
    }
    Ok(problems)
}

fn collect(folder: &Path, sources: &mut String) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(path)?);
        }
    }
    Ok(())
}

/// What stands between backquotes and has the form of a story's name.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split('`').skip(1).step_by(2);
    code.filter(|code| {
        let is_word = |text: &str, more: char| {
            let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            !text.is_empty() && text.chars().all(|c| is_part(c) || c == more)
        };
        let parts = code.split_once("::");
        parts.is_some_and(|(module, name)| is_word(module, '_') && is_word(name, '*'))
    })
}

/// Also where that can't be told: it is in no module of stories, or its module computes their names.
fn is_there(name: &str, sources: &str) -> bool {
    let module = name.split("::").next().unwrap_or_default();
    let has = |text: &str| sources.contains(text);
    let computed = |line: &str| line.contains(&format!("format!(\"{module}::"));
    let is_story = match name.split_once('*') {
        Some((start, _)) => has(&format!("\"{start}")),
        None => has(&format!("\"{name}\"")),
    };
    is_story || sources.lines().any(computed) || !has(&format!("\"{module}::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_stories_are_found() {
        let line = "`a::b`, `a::c_*` and `Vec::new`, a::d, `::e`, `std::fs::read`, `a::f g`";
        assert_eq!(named(line).collect::<Vec<_>>(), ["a::b", "a::c_*"]);
    }

    #[test]
    fn one_that_is_not_there_is_known() {
        let sources = "story(\"a::b\", b), story(\"a::c_1\", c), format!(\"d::{what}\")";
        for name in ["a::b", "a::c_*", "d::any", "fs::read"] {
            assert!(is_there(name, sources), "{name}");
        }
        for name in ["a::c", "a::e_*"] {
            assert!(!is_there(name, sources), "{name}");
        }
    }
}
