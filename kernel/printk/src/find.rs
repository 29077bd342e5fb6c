//! Where VMCOREINFO is: on a page of its own, which nothing outside of that Linux knows.
//!
//! There may be several: that of a kernel which went over to this one by kexec, and what earlier runs
//! have left. The one that leads to a ring counts, and if it is known what page tables that Linux uses,
//! to a kernel with these.

use bulkhead_memory::{PAGE, Region};

use crate::address::{Root, Space};
use crate::info::Info;
use crate::{Ram, Ring};

/// What VMCOREINFO begins with.
pub const MAGIC: &[u8; 10] = b"OSRELEASE=";

/// Pages of a region that are looked at: 4 GiB.
pub const MOST_PAGES: u64 = 1 << 20;

/// Where the zone of memory begins that Linux takes pages from first.
const HIGH: u64 = 4 << 30;

/// Pages with the right beginning that are looked at.
const MOST_CANDIDATES: u32 = 64;

/// A kernel's ring, and where its VMCOREINFO is.
#[derive(Debug)]
pub struct Found {
    /// Physical address of VMCOREINFO.
    pub page: u64,
    /// The ring.
    pub ring: Ring,
}

/// How far a search for VMCOREINFO has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Pages that were looked at, in the order of the search.
    done: u64,
    /// Whether there are no more.
    pub(crate) is_over: bool,
}

impl Search {
    /// Goes on over `pages` pages at most, of which `candidates` may have the right beginning. Linux
    /// takes the lowest pages first, and those above 4 GiB before all others: it is looked for in that
    /// order, in the first [`MOST_PAGES`] of each region, and in no more than four times as many.
    pub(crate) fn go_on<'a>(
        &mut self,
        ram: &impl Ram,
        regions: impl Iterator<Item = &'a Region> + Clone,
        root: Option<Root>,
        mut pages: u64,
        mut candidates: u32,
    ) -> Option<Found> {
        let is_high = |region: &&Region| region.start() >= HIGH;
        let low = regions.clone().filter(|region| !is_high(region));
        // Pages of the regions before.
        let mut before = 0;
        for region in regions.filter(is_high).chain(low) {
            let start = region.start().next_multiple_of(PAGE);
            let size = region.end().saturating_sub(start).div_ceil(PAGE);
            let size = size.min(MOST_PAGES).min(4 * MOST_PAGES - before);
            while let Some(number) = self.done.checked_sub(before).filter(|n| *n < size) {
                if pages == 0 || candidates == 0 {
                    return None;
                }
                pages -= 1;
                self.done += 1;
                let page = start + number * PAGE;
                let mut start = [0; MAGIC.len()];
                if ram.read(page, &mut start).is_none() || start != *MAGIC {
                    continue;
                }
                if let Some(ring) = found_at(ram, page, root) {
                    return Some(Found { page, ring });
                }
                candidates -= 1;
            }
            before += size;
        }
        self.is_over = true;
        None
    }
}

/// Looks for the ring of the Linux whose RAM is in `regions`, ascending, of which `root` is known, in all
/// of it that is looked at.
pub fn find<'a>(
    ram: &impl Ram,
    regions: impl Iterator<Item = &'a Region> + Clone,
    root: Option<Root>,
) -> Option<Found> {
    Search::default().go_on(ram, regions, root, u64::MAX, MOST_CANDIDATES)
}

/// The ring to which the page at `page` leads.
pub fn found_at(ram: &impl Ram, page: u64, root: Option<Root>) -> Option<Ring> {
    let mut start = [0; MAGIC.len()];
    ram.read(page, &mut start)?;
    let info = Info::read(ram, page).filter(|_| start == *MAGIC)?;
    let space = Space::new(&info);
    if root.is_some_and(|root| !space.belongs_to(root, ram)) {
        return None;
    }
    Ring::open(ram, info, space)
}
