//! The memory map that a partition's Linux is given.
//!
//! Source: ACPI 6.5 section 15.2 (INT 15H, E820H) for the kinds, Linux
//! `Documentation/arch/x86/zero-page.rst` (`e820_table`) for the limit.

use alloc::vec::Vec;
use core::fmt;

use bulkhead_memory::{Region, sort_by_key};

/// Entries that the zero page has room for.
pub(crate) const MOST_ENTRIES: usize = 128;

/// What a range of memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum E820Kind {
    /// RAM for Linux to use.
    Ram = 1,
    /// Not for Linux.
    Reserved = 2,
    /// RAM that holds ACPI tables.
    Acpi = 3,
    /// RAM that ACPI firmware keeps.
    Nvs = 4,
    /// Faulty RAM.
    Unusable = 5,
}

/// As Linux prints them at boot.
impl fmt::Display for E820Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ram => "usable",
            Self::Reserved => "reserved",
            Self::Acpi => "ACPI data",
            Self::Nvs => "ACPI NVS",
            Self::Unusable => "unusable",
        })
    }
}

/// One range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct E820Entry {
    /// Where.
    pub region: Region,
    /// What.
    pub kind: E820Kind,
}

impl fmt::Display for E820Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.region, self.kind)
    }
}

/// A memory map.
///
/// Invariant: at most 128 entries, ascending, disjoint; neighbours that touch differ in kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct E820 {
    entries: Vec<E820Entry>,
}

impl E820 {
    /// The map of these ranges, given in any order; ranges of one kind that touch become one.
    ///
    /// # Errors
    /// [`E820Error`] if two ranges share memory, or if there are too many.
    pub fn new(entries: impl IntoIterator<Item = E820Entry>) -> Result<Self, E820Error> {
        let mut sorted: Vec<E820Entry> = entries.into_iter().collect();
        sort_by_key(&mut sorted, |entry| entry.region);
        let mut merged: Vec<E820Entry> = Vec::with_capacity(sorted.len());
        for entry in sorted {
            match merged.last_mut() {
                Some(last) if last.region.overlaps(entry.region) => {
                    return Err(E820Error::Overlap {
                        first: *last,
                        second: entry,
                    });
                }
                Some(last)
                    if last.kind == entry.kind && last.region.end() == entry.region.start() =>
                {
                    last.region = Region::from_bounds(last.region.start(), entry.region.end())
                        .unwrap_or(last.region);
                }
                _ => merged.push(entry),
            }
        }
        if merged.len() > MOST_ENTRIES {
            return Err(E820Error::TooMany {
                entries: merged.len(),
            });
        }
        Ok(Self { entries: merged })
    }

    /// The ranges, ascending.
    #[must_use]
    pub fn entries(&self) -> &[E820Entry] {
        &self.entries
    }
}

/// Why ranges are no memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum E820Error {
    /// More ranges than the zero page holds.
    TooMany {
        /// How many.
        entries: usize,
    },
    /// Two ranges share memory.
    Overlap {
        /// The lower one.
        first: E820Entry,
        /// The higher one.
        second: E820Entry,
    },
}

impl fmt::Display for E820Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { entries } => {
                write!(
                    f,
                    "the memory map has {entries} ranges (at most {MOST_ENTRIES})"
                )
            }
            Self::Overlap { first, second } => {
                write!(f, "the memory map has both {first} and {second}")
            }
        }
    }
}

impl core::error::Error for E820Error {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn entry(start: u64, end: u64, kind: E820Kind) -> E820Entry {
        E820Entry {
            region: Region::from_bounds(start, end).expect("not empty"),
            kind,
        }
    }

    #[test]
    fn sorts_and_merges() {
        let map = E820::new(vec![
            entry(0x3000, 0x4000, E820Kind::Acpi),
            entry(0x2000, 0x3000, E820Kind::Ram),
            entry(0x1000, 0x2000, E820Kind::Ram),
            entry(0x5000, 0x6000, E820Kind::Acpi),
        ])
        .expect("good");
        assert_eq!(
            map.entries(),
            [
                entry(0x1000, 0x3000, E820Kind::Ram),
                entry(0x3000, 0x4000, E820Kind::Acpi),
                entry(0x5000, 0x6000, E820Kind::Acpi),
            ]
        );
    }

    #[test]
    fn overlap_names_both() {
        let error = E820::new(vec![
            entry(0x1000, 0x3000, E820Kind::Ram),
            entry(0x2000, 0x4000, E820Kind::Reserved),
        ])
        .expect_err("overlap");
        assert_eq!(
            error.to_string(),
            "the memory map has both 0x1000-0x2fff usable and 0x2000-0x3fff reserved"
        );
    }

    #[test]
    fn at_most_128() {
        let map = |n: u64| {
            E820::new((0..n).map(|i| entry(i * 0x2000, i * 0x2000 + 0x1000, E820Kind::Ram)))
        };
        assert!(map(128).is_ok());
        let error = map(129).expect_err("too many");
        assert_eq!(
            error.to_string(),
            "the memory map has 129 ranges (at most 128)"
        );
    }

    proptest! {
        #[test]
        fn invariant_and_total_hold(ranges in prop::collection::vec((0u64..64, 1u64..8, 1u32..4), 0..12)) {
            let given: Vec<E820Entry> = ranges
                .into_iter()
                .map(|(start, size, kind)| {
                    let kind = [E820Kind::Ram, E820Kind::Reserved, E820Kind::Acpi][kind as usize - 1];
                    entry(start, start + size, kind)
                })
                .collect();
            if let Ok(map) = E820::new(given.clone()) {
                for pair in map.entries().windows(2) {
                    prop_assert!(pair[0].region.end() <= pair[1].region.start());
                    prop_assert!(
                        pair[0].region.end() < pair[1].region.start() || pair[0].kind != pair[1].kind
                    );
                }
                let total = |entries: &[E820Entry]| entries.iter().map(|e| e.region.size()).sum::<u64>();
                prop_assert_eq!(total(map.entries()), total(&given));
            } else {
                let pairs = given.iter().enumerate().flat_map(|(i, a)| given[..i].iter().map(move |b| (a, b)));
                prop_assert!(pairs.into_iter().any(|(a, b)| a.region.overlaps(b.region)));
            }
        }
    }
}
