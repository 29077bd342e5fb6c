//! Writes a core: its head, and of each piece of RAM what is not zero. The rest are holes.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use bulkhead_memory::{PAGE, Region};
use bulkhead_printk::Ram;

use super::elf::{Head, head};
use super::file::{CHUNK, Writer, put};
use super::kernel::known;
use super::told::Held;
use super::window::Memory;
use crate::inside::link::Trouble;

/// 64 KiB.
const LEAST_HOLE: u64 = 16 * PAGE;

/// What was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// What is no hole.
    pub bytes: u64,
    /// Whether its kernel says of itself where things are.
    pub has_vmcoreinfo: bool,
}

/// Why it was not.
#[derive(Debug)]
pub enum Failed {
    /// Its memory can't be read: from which address on.
    Memory(u64, io::Error),
    /// The file can't be written.
    Core(io::Error),
    /// It is not held any more, or nobody says so.
    Lost(Trouble),
}

impl Failed {
    /// For whom it was to be written.
    pub fn into_trouble(self, part: &Path, name: &str) -> Trouble {
        match self {
            Self::Memory(at, error) => Trouble::Missing(format!(
                "memory of \"{name}\" at {at:#x} can't be read by /dev/mem: {error}"
            )),
            Self::Core(error) => Trouble::Missing(format!("{}: {error}", part.display())),
            Self::Lost(trouble) => {
                let lost =
                    |why| format!("\"{name}\" was taken from this dump, which is not kept: {why}");
                match trouble {
                    Trouble::Refused(why) => Trouble::Refused(lost(why)),
                    other => other,
                }
            }
        }
    }
}

/// Its RAM for a look at its kernel.
struct Pieces<'a, M> {
    memory: &'a M,
    pieces: &'a [Region],
}

impl<M: Memory> Ram for Pieces<'_, M> {
    fn read(&self, at: u64, into: &mut [u8]) -> Option<()> {
        let wanted = Region::new(at, into.len() as u64)?;
        let mut pieces = self.pieces.iter();
        pieces.find(|piece| piece.contains_region(wanted))?;
        self.memory.copy(at, into).ok()
    }
}

/// Writes it; `goes_on` is told how many bytes of RAM are done, and may end it.
pub fn write(
    held: &Held,
    memory: &impl Memory,
    core: &File,
    mut goes_on: impl FnMut(u64) -> Result<(), Trouble>,
) -> Result<Written, Failed> {
    let ram = Pieces {
        memory,
        pieces: &held.pieces,
    };
    let known = known(&ram, &held.pieces, held.vmcoreinfo, held.root);
    let Head {
        bytes: first,
        offsets,
        total,
    } = head(&held.pieces, &known);
    put(core, &first, 0).map_err(Failed::Core)?;
    let mut written = Written {
        bytes: first.len() as u64,
        has_vmcoreinfo: !known.vmcoreinfo.is_empty(),
    };
    written.bytes += std::thread::scope(|scope| {
        let writer = Writer::start(scope, core);
        let places = held.pieces.iter().copied().zip(offsets);
        let read = all(places, memory, &writer, &mut goes_on);
        // Why it can't be written comes first: it is why the reading ended.
        writer.finish().map_err(Failed::Core)?;
        read
    })?;
    core.set_len(total).map_err(Failed::Core)?;
    Ok(written)
}

/// Reads all pieces, and has the writer write what is not zero; how many bytes that are.
fn all(
    places: impl Iterator<Item = (Region, u64)>,
    memory: &impl Memory,
    writer: &Writer<'_>,
    goes_on: &mut impl FnMut(u64) -> Result<(), Trouble>,
) -> Result<u64, Failed> {
    let (mut written, mut done) = (0, 0);
    for (piece, offset) in places {
        let mut at = 0;
        while at < piece.size() {
            let step = (piece.size() - at).min(CHUNK as u64);
            let part = (piece.start() + at, offset + at);
            let Some(bytes) = one(memory, part, step, writer)? else {
                return Ok(written);
            };
            written += bytes;
            at += step;
            goes_on(done + at).map_err(Failed::Lost)?;
        }
        done += piece.size();
    }
    Ok(written)
}

/// Has written what is not zero from there on, a chunk at most; how many bytes that are, and nothing if the
/// writer has ended.
fn one(
    memory: &impl Memory,
    (from, offset): (u64, u64),
    size: u64,
    writer: &Writer<'_>,
) -> Result<Option<u64>, Failed> {
    let mut written = 0;
    for run in runs(memory, from, size)? {
        let Some(mut buffer) = writer.buffer() else {
            return Ok(None);
        };
        let (place, length) = (from + run.start, run.end - run.start);
        let bytes = usize::try_from(length).unwrap_or(CHUNK);
        let copied = memory.copy(place, buffer.room(bytes));
        copied.map_err(|error| Failed::Memory(place, error))?;
        if !writer.give(buffer, bytes, offset + run.start) {
            return Ok(None);
        }
        written += length;
    }
    Ok(Some(written))
}

/// Where pages are not zero, from there on. A hole that is smaller than [`LEAST_HOLE`] is none: a write more
/// would cost more than its zeros.
fn runs(memory: &impl Memory, from: u64, size: u64) -> Result<Vec<Range<u64>>, Failed> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    while at < size {
        let end = size.min(at + PAGE);
        let is_zero = memory.is_zero(from + at, end - at);
        if !is_zero.map_err(|error| Failed::Memory(from + at, error))? {
            match runs.last_mut() {
                Some(last) if at - last.end < LEAST_HOLE => last.end = end,
                _ => runs.push(at..end),
            }
        }
        at = end;
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Of these pages, from address 0 on; whether each is zero.
    struct Made {
        pages: Vec<u8>,
        copied: Cell<u64>,
    }

    impl Memory for Made {
        fn is_zero(&self, at: u64, bytes: u64) -> io::Result<bool> {
            assert_eq!((at % PAGE, bytes), (0, PAGE));
            Ok(self.pages[usize::try_from(at / PAGE).unwrap()] == 0)
        }

        fn copy(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
            for (index, byte) in into.iter_mut().enumerate() {
                *byte = self.pages[usize::try_from((at + index as u64) / PAGE).unwrap()];
            }
            self.copied.set(self.copied.get() + into.len() as u64);
            Ok(())
        }
    }

    #[test]
    fn small_holes_are_written_and_large_ones_are_not() {
        let mut pages = vec![0; 100];
        for page in [3, 4, 6, 40, 99] {
            pages[page] = 1;
        }
        let made = Made {
            pages,
            copied: Cell::new(0),
        };
        let pages: Vec<Range<u64>> = runs(&made, 0, 100 * PAGE).unwrap();
        let pages: Vec<_> = pages
            .iter()
            .map(|run| run.start / PAGE..run.end / PAGE)
            .collect();
        assert_eq!(pages, [3..7, 40..41, 99..100]);
        assert!(runs(&made, 7 * PAGE, 33 * PAGE).unwrap().is_empty());
    }

    #[test]
    fn what_is_written_is_what_is_there() {
        let pages: Vec<u8> = (0..700_u32)
            .map(|page| {
                if page % 41 < 9 {
                    1 + (page % 200).to_le_bytes()[0]
                } else {
                    0
                }
            })
            .collect();
        let ram = Region::new(0, 700 * PAGE).unwrap();
        let made = Made {
            pages,
            copied: Cell::new(0),
        };
        let held = Held {
            pieces: vec![ram],
            number: 1,
            run: 1,
            vmcoreinfo: 0,
            root: 0,
        };
        let path = std::env::temp_dir().join(format!("bulkheadctl-write-{}", std::process::id()));
        let core = super::super::file::create(&path).unwrap();
        let mut told = 0;
        let written = write(&held, &made, &core, |done| {
            told = done;
            Ok(())
        });
        let written = written.unwrap();
        assert_eq!(told, ram.size());
        let bytes = std::fs::read(&path).unwrap();
        let mut wanted = vec![0; usize::try_from(ram.size()).unwrap()];
        made.copy(0, &mut wanted).unwrap();
        assert!(bytes.ends_with(&wanted));
        let head = bytes.len() as u64 - ram.size();
        assert!(written.bytes - head < ram.size() / 3, "{}", written.bytes);
        let lost = write(&held, &made, &core, |_| {
            Err(Trouble::Refused(String::new()))
        });
        assert!(matches!(lost, Err(Failed::Lost(_))));
        std::fs::remove_file(path).unwrap();
    }
}
