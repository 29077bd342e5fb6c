//! All that can be read of what one partition has printed: its ring, and what was kept.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_memory::Region;

use crate::address::Root;
use crate::find::Search;
use crate::kept::{Kept, RUN_BYTES};
use crate::text::Bytes;
use crate::{Ram, Ring, find, found_at, printable};

/// Pages that one step of a search looks at, 16 MiB, and those with the right beginning among them.
const STEP_PAGES: u64 = 4096;
const STEP_CANDIDATES: u32 = 8;

/// One partition, as it is now.
#[derive(Debug)]
pub struct Source<'a, R> {
    /// Its present run, or its last one; 0 if it never ran.
    pub run: u32,
    /// Whether that run is on.
    pub is_live: bool,
    /// What was kept of its runs, if there is room for it.
    pub kept: Option<Kept<'a>>,
    /// Its RAM, and where there is any.
    pub ram: &'a R,
    /// The same, ascending.
    pub regions: &'a [Region],
    /// The page tables that its Linux was last seen to use.
    pub root: Option<Root>,
    /// Whether its Linux tells its page tables before it has a VMCOREINFO: by calling EFI's services.
    pub tells_root: bool,
    /// Where its VMCOREINFO was found; 0 if it was not. What is read there is looked at anew each time.
    pub found: &'a AtomicU64,
}

impl<R: Ram> Source<'_, R> {
    /// Its ring, if there is one: all its RAM is looked through for it.
    pub fn ring(&self) -> Option<Ring> {
        self.known_ring().or_else(|| {
            let found = find(self.ram, self.regions.iter(), self.root)?;
            self.found.store(found.page, Ordering::Relaxed);
            Some(found.ring)
        })
    }

    /// Its ring, if it is known where; else goes on with a search for it, one step.
    pub(crate) fn ring_by_steps(&self, search: &mut Search) -> Option<Ring> {
        self.known_ring().or_else(|| {
            if self.is_too_early() {
                return None;
            }
            if search.is_over {
                *search = Search::default();
            }
            let regions = self.regions.iter();
            let found = search.go_on(self.ram, regions, self.root, STEP_PAGES, STEP_CANDIDATES)?;
            self.found.store(found.page, Ordering::Relaxed);
            Some(found.ring)
        })
    }

    /// Whether its Linux has no VMCOREINFO yet, for certain. What an earlier run left may look like one.
    #[must_use]
    pub const fn is_too_early(&self) -> bool {
        self.tells_root && self.root.is_none()
    }

    fn known_ring(&self) -> Option<Ring> {
        let at = self.found.load(Ordering::Relaxed);
        if at == 0 {
            return None;
        }
        found_at(self.ram, at, self.root)
    }

    /// Prints what a run has printed, the last 64 KiB of it; the present or last one if none is named.
    /// Whether anything of it is there.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn show(&self, run: Option<u32>, out: &mut dyn fmt::Write) -> Result<bool, fmt::Error> {
        let run = run.unwrap_or(self.run);
        if let Some(text) = self.kept.and_then(|kept| kept.text_of(run)) {
            return print(text, out).map(|()| true);
        }
        if run == 0 || run != self.run {
            return Ok(false);
        }
        let Some(ring) = self.ring() else {
            return Ok(false);
        };
        let lines = ring.last_lines(self.ram, RUN_BYTES);
        print(lines.map(printable), out).map(|()| true)
    }
}

/// Prints printable characters, some at a time.
fn print(text: impl Iterator<Item = u8>, out: &mut dyn fmt::Write) -> fmt::Result {
    let mut piece = Bytes::<64>::new();
    for byte in text {
        piece.push(byte);
        if piece.room() == 0 {
            out.write_str(piece.as_str())?;
            piece.clear();
        }
    }
    out.write_str(piece.as_str())
}
