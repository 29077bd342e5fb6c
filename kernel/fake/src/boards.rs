//! Inputs from real machines, which are no part of this repository: `../shared/boards`.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bulkhead_model::{MemoryKind, MemoryRange};

/// What a file of `maps` says.
pub struct Board {
    /// Local APIC IDs, in firmware's order.
    pub ids: Vec<u32>,
    /// The memory map, as it stands there.
    pub ranges: Vec<MemoryRange>,
    /// The lines of the memory map: `START END TYPE`, in hex and inclusive.
    pub text: String,
}

impl Board {
    /// Reads it.
    ///
    /// # Panics
    /// It is not of that form.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let all = fs::read_to_string(path).unwrap();
        let mut board = Self {
            ids: Vec::new(),
            ranges: Vec::new(),
            text: String::new(),
        };
        for line in all.lines().filter(|line| !line.starts_with('#')) {
            match line.split_once(' ').unwrap() {
                ("cores", count) => board.ids = (0..count.parse().unwrap()).collect(),
                ("ids", list) => board.ids = list.split(',').flat_map(ids).collect(),
                _ => {
                    board.ranges.push(range(line));
                    board.text.push_str(line);
                    board.text.push('\n');
                }
            }
        }
        assert!(!board.ids.is_empty() && !board.ranges.is_empty(), "{all}");
        board
    }
}

/// `7`, or `0-511`.
fn ids(item: &str) -> std::ops::RangeInclusive<u32> {
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    first.parse().unwrap()..=last.parse().unwrap()
}

fn range(line: &str) -> MemoryRange {
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    let number = |index: usize| u64::from_str_radix(words[index], 16).unwrap();
    let (first, last) = (number(0), number(1));
    let kind = match words[2] {
        "usable" => MemoryKind::Usable,
        "ACPI data" => MemoryKind::AcpiTables,
        "ACPI NVS" => MemoryKind::AcpiNvs,
        "unusable" => MemoryKind::Bad,
        _ => MemoryKind::Reserved,
    };
    MemoryRange::new(first, last - first + 1, kind).unwrap()
}

/// The files of `kind` (`asl`, `maps`, `pci`) with that extension, sorted: name without it, path.
///
/// The folder is the one that `BULKHEAD_BOARDS` names, else `shared/boards` beside the repository or
/// further up. Where there is none, `None` is given, and the error output says that `test` was
/// skipped: straight to it, as what a test prints is shown only if it fails.
///
/// # Panics
/// The folder that is named, or that is there, can't be read or has no such file.
#[must_use]
pub fn files(test: &str, kind: &str, extension: &str) -> Option<Vec<(String, PathBuf)>> {
    let Some(folder) = folder() else {
        let text = format!("skipped: {test}: no shared/boards (BULKHEAD_BOARDS names another)\n");
        io::stderr().write_all(text.as_bytes()).unwrap();
        return None;
    };
    let of_kind = folder.join(kind);
    let entries = fs::read_dir(&of_kind).unwrap_or_else(|e| panic!("{}: {e}", of_kind.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_meant = |path: &PathBuf| path.extension().is_some_and(|found| found == extension);
    let named = paths.filter(is_meant).map(|path| {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        (stem.to_owned(), path)
    });
    let mut files: Vec<_> = named.collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no .{extension}", of_kind.display());
    Some(files)
}

fn folder() -> Option<PathBuf> {
    if let Some(named) = env::var_os("BULKHEAD_BOARDS") {
        return Some(named.into());
    }
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut places = above.map(|folder| folder.join("shared/boards"));
    places.find(|place| place.is_dir())
}
