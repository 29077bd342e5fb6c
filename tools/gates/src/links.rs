//! Links of the documents: each leads to a file that is there and, where it has a `#`, to a heading
//! of it. Links to the web are left alone: a check must not need them. And each path of this
//! repository that stands between backquotes, as `kernel/src/main.rs` does here, is there too.
//!
//! A heading's anchor is made as GitHub makes it: lower case, spaces to hyphens, and of the rest
//! only letters, digits, hyphens and underscores.

use std::path::Path;

/// Each link that leads nowhere, with its document and line. Documents are paths below `root`.
pub(crate) fn problems(root: &Path, documents: &[String]) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for document in documents {
        let text = read(&root.join(document))?;
        for (line, target) in targets(&text) {
            if let Err(why) = check(root, document, &text, target) {
                problems.push(format!("{document}:{line}: {target}: {why}"));
            }
        }
        // What is dated tells of what was there then.
        let is_dated = document == "CHANGELOG.md" || document.starts_with("docs/runs/");
        for (line, path) in paths(&text) {
            if !is_dated && !root.join(path).exists() {
                problems.push(format!("{document}:{line}: `{path}` is not there"));
            }
        }
    }
    Ok(problems)
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))
}

fn check(root: &Path, document: &str, text: &str, target: &str) -> Result<(), String> {
    if ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
    {
        return Ok(());
    }
    let (path, anchor) = target
        .split_once('#')
        .map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    let file = root.join(folder).join(path);
    if !path.is_empty() && !file.exists() {
        return Err("there is no such file".to_owned());
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let other;
    let text = if path.is_empty() {
        text
    } else {
        other = read(&file)?;
        &other
    };
    if anchors(text).iter().any(|known| known == anchor) {
        return Ok(());
    }
    Err(format!("there is no heading for #{anchor}"))
}

/// The lines of a document that are prose, with their numbers from 1: no blocks of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            code = !code;
            return None;
        }
        (!code).then_some((index + 1, line))
    })
}

/// The targets of `[text](target)` and of `[name]: target`, with the number of their line.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // What stands between backquotes is code: every second part.
        for part in line.split('`').step_by(2) {
            let links = part.split("](").skip(1);
            found.extend(links.filter_map(|rest| Some((number, rest.split_once(')')?.0))));
        }
        let reference = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "));
        found.extend(reference.map(|(_, target)| (number, target.trim())));
    }
    found
}

/// Where the sources are: what begins so, between backquotes, is a path.
const FOLDERS: [&str; 8] = [
    ".ci/",
    "conf/",
    "docs/",
    "initramfs-tools/",
    "kernel/",
    "shell/",
    "tests/",
    "tools/",
];

/// The paths of this repository that stand between backquotes, with the number of their line.
fn paths(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for code in line.split('`').skip(1).step_by(2) {
            let Some(path) = code.split(' ').next() else {
                continue;
            };
            // A pattern, or a name to be filled in, is no path.
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            if FOLDERS.iter().any(|folder| path.starts_with(folder)) && path.chars().all(is_plain) {
                found.push((number, path));
            }
        }
    }
    found
}

/// The anchors of a document's headings.
fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let anchor = anchor(title.trim());
        // The second of the same name is called `name-1`, and so on.
        let before = found
            .iter()
            .filter(|other| {
                other.strip_prefix(&*anchor).is_some_and(|rest| {
                    rest.is_empty()
                        || rest
                            .strip_prefix('-')
                            .is_some_and(|n| n.parse::<u32>().is_ok())
                })
            })
            .count();
        found.push(match before {
            0 => anchor,
            n => format!("{anchor}-{n}"),
        });
    }
    found
}

fn anchor(title: &str) -> String {
    // A heading that is a link is called by the link's text.
    let kept = title.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page: `code=`, and more\n\
                        [a](b.md) and [c](#d), `[no](link.md)`\n\
                        ```text\n\
                        [not](here.md)\n\
                        # not a heading\n\
                        ```\n\
                        ## The same\n\
                        ## The same\n\
                        [name]: e.md#f\n";

    #[test]
    fn links_are_found_in_prose_only() {
        assert_eq!(targets(PAGE), [(2, "b.md"), (2, "#d"), (9, "e.md#f")]);
    }

    #[test]
    fn paths_between_backquotes_are_found() {
        let text = "`kernel/a.rs` and `tools/b --for c`, `a/kernel/b`,\n\
                    `kernel/{a,b}`, `tests/*.rs`, kernel/c.rs\n\
                    `docs/d.md`\n";
        assert_eq!(
            paths(text),
            [(1, "kernel/a.rs"), (1, "tools/b"), (3, "docs/d.md")]
        );
    }

    #[test]
    fn headings_are_called_as_github_calls_them() {
        assert_eq!(
            anchors(PAGE),
            ["a-page-code-and-more", "the-same", "the-same-1"]
        );
        assert_eq!(
            anchor("Hung ones: `kill` and `restart`"),
            "hung-ones-kill-and-restart"
        );
        assert_eq!(
            anchor("The machine's boot processor"),
            "the-machines-boot-processor"
        );
    }

    #[test]
    fn a_link_to_nowhere_is_named() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let check = |target| check(&root, "docs/page.md", PAGE, target);
        assert_eq!(check("../README.md"), Ok(()));
        assert_eq!(check("#the-same"), Ok(()));
        assert_eq!(check("https://example.org/#there"), Ok(()));
        assert!(check("../NONE.md").unwrap_err().contains("no such file"));
        assert!(check("#none").unwrap_err().contains("no heading"));
        assert!(
            check("../README.md#none")
                .unwrap_err()
                .contains("no heading")
        );
    }
}
