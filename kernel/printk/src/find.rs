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

/// Looks for the ring of the Linux whose RAM is in `regions`, ascending, of which `root` is known. Linux
/// takes the lowest pages first, and those above 4 GiB before all others: it is looked for in that order,
/// in the first [`MOST_PAGES`] of each region, and in no more than four times as many.
pub fn find<'a>(
    ram: &impl Ram,
    regions: impl Iterator<Item = &'a Region> + Clone,
    root: Option<Root>,
) -> Option<Found> {
    let is_high = |region: &&Region| region.start() >= HIGH;
    let low = regions.clone().filter(|region| !is_high(region));
    let mut candidates = MOST_CANDIDATES;
    let mut pages = 4 * MOST_PAGES;
    for region in regions.filter(is_high).chain(low) {
        let most = pages.min(MOST_PAGES);
        let start = region.start().next_multiple_of(PAGE);
        for page in (0..most).map_while(|number| start.checked_add(number * PAGE)) {
            if page >= region.end() {
                break;
            }
            pages -= 1;
            let mut start = [0; MAGIC.len()];
            if ram.read(page, &mut start).is_none() || start != *MAGIC {
                continue;
            }
            if let Some(ring) = found_at(ram, page, root) {
                return Some(Found { page, ring });
            }
            candidates -= 1;
            if candidates == 0 {
                return None;
            }
        }
    }
    None
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
