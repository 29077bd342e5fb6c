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

/// Pages that are looked at: 64 GiB.
pub const MOST_PAGES: u64 = 16 << 20;

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

/// Looks for the ring of the Linux whose RAM is in `regions`, of which `root` is known. At most
/// [`MOST_PAGES`] are touched, the topmost of each region first: Linux takes such pages from there.
pub fn find<'a>(
    ram: &impl Ram,
    regions: impl DoubleEndedIterator<Item = &'a Region>,
    root: Option<Root>,
) -> Option<Found> {
    let mut candidates = 0;
    let mut pages = 0;
    for region in regions.rev() {
        let mut page = region.end() / PAGE * PAGE;
        while page >= region.start() + PAGE && pages < MOST_PAGES {
            page -= PAGE;
            pages += 1;
            let mut start = [0; MAGIC.len()];
            if ram.read(page, &mut start).is_none() || start != *MAGIC {
                continue;
            }
            if let Some(ring) = found_at(ram, page, root) {
                return Some(Found { page, ring });
            }
            candidates += 1;
            if candidates == MOST_CANDIDATES {
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
