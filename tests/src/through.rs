//! A Linux that reaches the network through its neighbour: what that takes beside `bulkheadctl`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::root;

/// Debian's nft and its libraries, each as where it goes and where it is; made by `tools/nft`.
///
/// # Panics
/// If it can't be had, which needs Debian's packages.
#[must_use]
pub fn nft() -> Vec<(String, PathBuf)> {
    let output = Command::new(root().join("tools/nft"))
        .stderr(Stdio::inherit())
        .output()
        .expect("tools/nft can be run");
    assert!(output.status.success(), "tools/nft failed");
    let said = String::from_utf8_lossy(&output.stdout);
    let pairs = said.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(to, from)| (to.to_string(), from.into()))
        .collect()
}

/// The commands of `docs/links.md`: for the one with a card, and for the one without.
///
/// # Panics
/// If they don't stand there.
#[must_use]
pub fn commands() -> [Vec<String>; 2] {
    let document = std::fs::read_to_string(root().join("docs/links.md")).expect("it is there");
    ["which has a network card, as root:", "and in `db`:"].map(|after| {
        let (_, rest) = document.split_once(after).expect("these words are there");
        let (_, rest) = rest.split_once("```text\n").expect("commands follow");
        let (block, _) = rest.split_once("```").expect("they have an end");
        block.lines().map(String::from).collect()
    })
}

/// What fetches a file from [`http::serve`](crate::http::serve) on the host, behind the first card's wire: the demo's
/// static busybox crashes in its `wget`, which asks for the number of "http", where the libraries of another libc are.
#[must_use]
pub fn fetch(port: u16, file: &str) -> String {
    format!(
        "printf 'GET /{file} HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n' | nc -w 5 10.0.1.2 {port}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The story that types them is one of many minutes: a page that says it in other words is found here.
    #[test]
    fn the_pages_commands_are_there() {
        let [web, db] = commands();
        assert_eq!((web.len(), db.len()), (3, 3), "{web:?} {db:?}");
        assert!(
            web[0].starts_with("bulkheadctl net ") && web[2].starts_with("nft "),
            "{web:?}"
        );
        assert!(db[0].starts_with("bulkheadctl net "), "{db:?}");
    }
}
