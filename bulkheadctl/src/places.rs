//! Where Bulkhead and the files that its loader brings would lie.

use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::{MemoryRange, Resident, map};

use crate::layout::TRAMPOLINE_WINDOW;

/// What Bulkhead keeps of RAM beside images: measured with 4 cores, and what each further core has.
const OWN_BYTES: u64 = 1 << 20;
const CORE_BYTES: u64 = 32 << 10;
/// A file that a loader would bring.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name for the shell.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Where Bulkhead and files would lie: an example, for each loader has its own ways.
#[derive(Default)]
pub(crate) struct Places {
    pub(crate) kernel: Option<Region>,
    pub(crate) taken: Vec<Resident>,
    pub(crate) files: Vec<Option<Region>>,
}

impl Places {
    pub(crate) fn of(memory: &[MemoryRange], files: &[File], cores: usize) -> Self {
        let mut free = map::free(memory, []);
        let mut places = Self::default();
        let low = Region::from_bounds(TRAMPOLINE_WINDOW.start, TRAMPOLINE_WINDOW.end);
        if let Some(region) = low.and_then(|low| free.within(low).lowest_fit(PAGE, PAGE)) {
            free.remove(region);
            places.taken.push(Resident {
                region,
                what: String::from("trampoline"),
            });
        }
        let size = OWN_BYTES + CORE_BYTES * (cores as u64).saturating_sub(4);
        let high = Region::from_bounds(1 << 20, 4 << 30).expect("constant");
        let kernel = free.within(high).lowest_fit(size, 2 << 20);
        places.kernel = kernel;
        if let Some(kernel) = kernel {
            free.remove(kernel);
        }
        for file in files {
            let place = highest(&free.within(high), file.bytes.len() as u64);
            if let Some(place) = place {
                free.remove(place.align_outward(PAGE));
            }
            places.files.push(place);
        }
        places
    }
}

/// The highest place of `size` bytes that begins with a page.
fn highest(free: &RegionSet, size: u64) -> Option<Region> {
    let pages = size.next_multiple_of(PAGE);
    let mut fitting = free
        .iter()
        .filter(|region| region.size() >= pages && size > 0);
    let region = fitting.next_back()?;
    Region::new((region.end() - pages) & !(PAGE - 1), size)
}
