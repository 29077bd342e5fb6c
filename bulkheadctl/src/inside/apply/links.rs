//! Memory that two partitions share.

use std::fmt;

use bulkhead_memory::{Bytes, parse_size};
use bulkhead_model::DEFAULT_LINK;

use super::{Present, Step, Wanted};

/// Two partitions and the size of what they share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Their names, in the order of the alphabet: a link has no direction.
    pub names: [String; 2],
    /// In bytes.
    pub size: u64,
}

impl Link {
    fn new(a: &str, b: &str, size: u64) -> Self {
        let mut names = [a.to_string(), b.to_string()];
        names.sort();
        Self { names, size }
    }

    /// `A B [SIZE]`
    pub(super) fn read(words: &[String]) -> Result<Self, String> {
        let (a, b, size) = match words {
            [a, b] => (a, b, DEFAULT_LINK),
            [a, b, size] => {
                let size = parse_size(size).map_err(|_| format!("{size:?} is no size"))?;
                (a, b, size)
            }
            _ => return Err(String::from("accepted: link NAME NAME [SIZE]")),
        };
        if a == b {
            return Err(format!("\"{a}\" can't be linked with itself"));
        }
        Ok(Self::new(a, b, size))
    }

    /// What `show` says behind `link`: `PEER, SIZE at ...`.
    pub(super) fn shown(name: &str, row: &str) -> Option<Self> {
        let (peer, rest) = row.split_once(", ")?;
        let size = rest.split(' ').next()?;
        Some(Self::new(name, peer, parse_size(size).ok()?))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.names;
        write!(f, "{a} {b} {}", Bytes(self.size))
    }
}

/// What is to be changed of links, a pair at a time: of partitions that are both in the file. Those that are
/// `gone` meanwhile are linked anew.
pub(super) fn changes(wanted: &Wanted, present: &[Present], gone: &[&str]) -> Vec<Vec<Step>> {
    let mut there: Vec<&Link> = Vec::new();
    for link in present.iter().flat_map(|one| &one.links) {
        // Each of the two has it.
        if !there.contains(&link) {
            there.push(link);
        }
    }
    let is_meant = |name: &String| wanted.definitions.iter().any(|known| known.name == *name);
    let goes = |link: &Link| link.names.iter().any(|name| gone.contains(&name.as_str()));
    let mut changes = Vec::new();
    for old in &there {
        let is_wanted = wanted.links.iter().any(|link| link.names == old.names);
        if !is_wanted && old.names.iter().all(is_meant) {
            changes.push(vec![Step::Unlink((*old).clone())]);
        }
    }
    for link in &wanted.links {
        match there.iter().find(|old| old.names == link.names) {
            Some(old) if old.size == link.size && !goes(old) => {}
            Some(old) => changes.push(vec![Step::Unlink((*old).clone()), Step::Link(link.clone())]),
            None => changes.push(vec![Step::Link(link.clone())]),
        }
    }
    changes
}
