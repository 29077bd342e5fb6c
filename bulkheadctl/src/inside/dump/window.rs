//! Memory that is not this Linux's: `/dev/mem`, a window at a time.
//!
//! The RAM of another partition is *reserved* in this one's memory map, so that a stock kernel with
//! `CONFIG_STRICT_DEVMEM` and `CONFIG_IO_STRICT_DEVMEM` lets root map it (`devmem_is_allowed()` forbids what
//! is this Linux's RAM, and what a driver has). It is mapped write-back where the MTRRs say so of all of it,
//! as they do of RAM (`memtype_reserve()` asks them), and else uncached. `read()` would not do: it
//! goes no further than this Linux's own RAM does.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use bulkhead_memory::Region;
use bulkheadctl_rim::Mapping;

/// What is mapped at once: as page tables of 4 KiB pages it takes 64 KiB.
const WINDOW: u64 = 32 << 20;
const WORD: u64 = 8;

/// Memory that is read by its physical addresses.
pub trait Memory {
    /// Whether all of so many bytes from there on are zero. It looks no further than the first that is not.
    ///
    /// # Errors
    /// What the system says.
    fn is_zero(&self, at: u64, bytes: u64) -> io::Result<bool>;

    /// Copies from there.
    ///
    /// # Errors
    /// What the system says.
    fn copy(&self, at: u64, into: &mut [u8]) -> io::Result<()>;
}

/// The window: on these pieces of memory, and nothing else.
#[derive(Debug)]
pub struct Window {
    file: File,
    pieces: Vec<Region>,
    mapped: RefCell<Option<Mapped>>,
}

/// A part of it that is mapped.
#[derive(Debug)]
struct Mapped {
    region: Region,
    mapping: Mapping,
}

impl Window {
    /// On such pieces of a file.
    #[must_use]
    pub const fn new(file: File, pieces: Vec<Region>) -> Self {
        Self {
            file,
            pieces,
            mapped: RefCell::new(None),
        }
    }

    /// What is mapped for that address: no more than is in the same piece.
    fn around(&self, at: u64) -> Option<Region> {
        let piece = self.pieces.iter().find(|piece| piece.contains(at))?;
        piece.intersect(Region::new(at - at % WINDOW, WINDOW)?)
    }

    /// With what is mapped of so many bytes from there on, one part after the other: its words, from which
    /// byte of them on, and how many. It ends when it is told to.
    fn each(
        &self,
        at: u64,
        bytes: u64,
        mut look: impl FnMut(&[AtomicU64], u64, usize) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        let mut mapped = self.mapped.borrow_mut();
        while done < bytes {
            let at = at.saturating_add(done);
            if !mapped
                .as_ref()
                .is_some_and(|mapped| mapped.region.contains(at))
            {
                // The old one first: two are one too many.
                *mapped = None;
                let region = self.around(at).ok_or(io::ErrorKind::InvalidInput)?;
                let bytes = usize::try_from(region.size()).map_err(io::Error::other)?;
                let mapping = Mapping::to_read(&self.file, region.start(), bytes)?;
                *mapped = Some(Mapped { region, mapping });
            }
            let Some(mapped) = mapped.as_ref() else {
                break;
            };
            let room = (mapped.region.end() - at).min(bytes - done);
            let length = usize::try_from(room).map_err(io::Error::other)?;
            if look(mapped.mapping.words(), at - mapped.region.start(), length).is_break() {
                break;
            }
            done += room;
        }
        Ok(())
    }
}

impl Memory for Window {
    fn is_zero(&self, at: u64, bytes: u64) -> io::Result<bool> {
        let mut is_zero = true;
        self.each(at, bytes, |words, from, length| {
            is_zero = are_zero(words, from, length);
            if is_zero {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        Ok(is_zero)
    }

    fn copy(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        self.each(at, into.len() as u64, |words, from, length| {
            copy_words(words, from, &mut into[done..done + length]);
            done += length;
            ControlFlow::Continue(())
        })
    }
}

/// The words from that byte on, and how many bytes of the first are before it.
fn at_byte(words: &[AtomicU64], from: u64) -> (&[AtomicU64], usize) {
    let (word, skip) = ((from / WORD) as usize, (from % WORD) as usize);
    (words.get(word..).unwrap_or_default(), skip)
}

/// Whether so many bytes are zero; whole words are looked at.
fn are_zero(words: &[AtomicU64], from: u64, length: usize) -> bool {
    // A line of the cache at once: a branch for each word would take longer than the word.
    const LINE: usize = 8;
    let (words, skip) = at_byte(words, from);
    let words = &words[..words.len().min((skip + length).div_ceil(size_of::<u64>()))];
    words.chunks(LINE).all(|line| {
        let all = line
            .iter()
            .fold(0, |all, word| all | word.load(Ordering::Relaxed));
        all == 0
    })
}

/// Copies from a byte of words on.
fn copy_words(words: &[AtomicU64], from: u64, into: &mut [u8]) {
    let (words, skip) = at_byte(words, from);
    if skip != 0 || !into.len().is_multiple_of(8) {
        let bytes = words
            .iter()
            .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes());
        for (to, byte) in into.iter_mut().zip(bytes.skip(skip)) {
            *to = byte;
        }
        return;
    }
    for (to, word) in into.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_in_the_pieces_is_copied_and_nothing_else() {
        let path = std::env::temp_dir().join(format!("bulkheadctl-window-{}", std::process::id()));
        let mut bytes = vec![0u8; 3 << 20];
        for (at, byte) in bytes[..1 << 20].iter_mut().enumerate() {
            *byte = at.to_le_bytes()[0];
        }
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        let pieces = vec![
            Region::new(0x1000, 0x10000).unwrap(),
            Region::new(2 << 20, 1 << 20).unwrap(),
        ];
        let window = Window::new(File::open(&path).unwrap(), pieces);
        let read = |at: usize, length: usize| {
            let mut into = vec![0xee; length];
            window.copy(at as u64, &mut into).ok()?;
            assert_eq!(into, bytes[at..at + length], "{at:#x} {length}");
            Some(!window.is_zero(at as u64, length as u64).unwrap())
        };
        assert_eq!(read(0x1000, 0x10000), Some(true));
        for (at, length) in [(0x1001, 7), (0x1008, 13), (0x1ffd, 4096), (0x10fff, 1)] {
            assert_eq!(read(at, length), Some(true), "{at:#x}");
        }
        assert_eq!(read(2 << 20, 1 << 20), Some(false));
        for (at, length) in [(0, 8), (0xfff, 1), (0x11000, 1), (0x10ffc, 8), (3 << 20, 1)] {
            assert_eq!(read(at, length), None, "{at:#x}");
        }
        let _ = std::fs::remove_file(path);
    }
}
