//! Writes a core: its head, and of each piece of RAM what is not zero. The rest are holes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bulkhead_memory::{PAGE, Region};
use bulkhead_printk::Ram;

use super::elf::{Head, head};
use super::kernel::known;
use super::told::Held;
use super::window::Memory;
use crate::inside::link::Trouble;

/// What is copied and written at once: it stays in the processor's cache.
const CHUNK: usize = 1 << 20;

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
        self.memory.copy(at, into).ok().map(drop)
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
    core.write_all_at(&first, 0).map_err(Failed::Core)?;
    let mut written = Written {
        bytes: first.len() as u64,
        has_vmcoreinfo: !known.vmcoreinfo.is_empty(),
    };
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    for (piece, offset) in held.pieces.iter().zip(offsets) {
        let mut at = 0;
        while at < piece.size() {
            let left = usize::try_from(piece.size() - at).unwrap_or(CHUNK);
            let bytes = &mut chunk[..left.min(CHUNK)];
            written.bytes += one(memory, piece.start() + at, bytes, (core, offset + at))?;
            at += bytes.len() as u64;
            goes_on(done + at).map_err(Failed::Lost)?;
        }
        done += piece.size();
    }
    core.set_len(total).map_err(Failed::Core)?;
    Ok(written)
}

/// Writes what is not zero from there on; how many bytes that were.
#[expect(clippy::cast_possible_truncation, reason = "a page")]
fn one(
    memory: &impl Memory,
    from: u64,
    bytes: &mut [u8],
    (core, offset): (&File, u64),
) -> Result<u64, Failed> {
    const STEP: usize = PAGE as usize;
    let mut written = 0;
    // Where the pages began that are not written yet.
    let mut begun = None;
    let mut at = 0;
    loop {
        let is_over = at >= bytes.len();
        let is_data = !is_over && {
            let end = bytes.len().min(at + STEP);
            let place = from + at as u64;
            let copied = memory.copy(place, &mut bytes[at..end]);
            copied.map_err(|error| Failed::Memory(place, error))?
        };
        match (begun, is_data) {
            (None, true) => begun = Some(at),
            (Some(start), false) => {
                let data = &bytes[start..at];
                let place = offset + start as u64;
                core.write_all_at(data, place).map_err(Failed::Core)?;
                written += data.len() as u64;
                begun = None;
            }
            _ => {}
        }
        if is_over {
            return Ok(written);
        }
        at += STEP;
    }
}
