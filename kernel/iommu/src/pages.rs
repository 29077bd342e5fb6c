//! Page tables of devices: a partition's RAM one to one, and nothing else. Intel's (VT-d §9.8, second level)
//! and AMD's (AMD §2.2.3) have the same shape, and entries of their own.

use core::fmt;

use bulkhead_memory::{PAGE, Region};

use crate::Kind;
use crate::{amd, vtd};

/// Entries of a page table.
const ENTRIES: u64 = 512;
/// Levels of tables.
const MOST_LEVELS: usize = 5;

/// What tables all units of a machine can walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Whose entries.
    pub kind: Kind,
    /// Levels: 3, 4 or 5.
    pub levels: u8,
    /// Pages of 2 MiB.
    pub has_2m: bool,
    /// Pages of 1 GiB.
    pub has_1g: bool,
}

impl Shape {
    /// Bytes that an entry of that level leads to, from 1 on.
    const fn span(level: usize) -> u64 {
        PAGE << (9 * (level - 1))
    }

    const fn has_pages(self, level: usize) -> bool {
        match level {
            1 => true,
            2 => self.has_2m,
            3 => self.has_1g,
            _ => false,
        }
    }

    /// The entry of a level for a page.
    const fn page(self, level: usize, address: u64) -> u64 {
        match self.kind {
            Kind::VtD => vtd::page(address, level > 1),
            Kind::AmdVi => amd::page(address),
        }
    }

    /// The entry for a table of a level.
    const fn table(self, level: usize, address: u64) -> u64 {
        match self.kind {
            Kind::VtD => vtd::table(address),
            Kind::AmdVi => amd::table(address, level),
        }
    }

    /// One past the highest address that can be mapped.
    #[must_use]
    pub const fn reach(self) -> u64 {
        Self::span(self.levels as usize) * ENTRIES
    }
}

/// Why tables can't be made. Displays as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// More pages are needed than there are.
    NoRoom,
    /// Memory that no address of a device leads to.
    Beyond(Region),
    /// Memory that is not made of whole pages.
    Unaligned(Region),
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("there is no room for the IOMMU's tables"),
            Self::Beyond(region) => write!(f, "{region} is beyond the IOMMU's reach"),
            Self::Unaligned(region) => write!(f, "{region} is not made of whole pages"),
        }
    }
}

impl core::error::Error for MapError {}

/// How many pages the tables take at most that map `memory` but for one hole in it, wherever that is.
///
/// # Errors
/// [`MapError`], but for [`MapError::NoRoom`].
pub fn needs(shape: Shape, memory: &[Region]) -> Result<u64, MapError> {
    let mut builder = Builder {
        shape,
        memory,
        next: 0,
        end: u64::MAX,
        store: |_, _| (),
    };
    builder.check()?;
    builder.tables()?;
    // Each end of the hole is in one entry of each level, which may be a large page no more.
    Ok(builder.next / PAGE + 2 * (u64::from(shape.levels) - 1))
}

/// Makes the tables that map `memory` one to one, in the pages of `room`: every entry of each is given to
/// `store` by its address. The result is the address of the top one.
///
/// # Errors
/// [`MapError`] says why not; what was stored is of no use then.
pub fn build(
    shape: Shape,
    memory: &[Region],
    room: Region,
    store: impl FnMut(u64, u64),
) -> Result<u64, MapError> {
    let mut builder = Builder {
        shape,
        memory,
        next: room.start(),
        end: room.end(),
        store,
    };
    builder.check()?;
    builder.tables()
}

struct Builder<'a, S> {
    shape: Shape,
    memory: &'a [Region],
    next: u64,
    end: u64,
    store: S,
}

impl<S: FnMut(u64, u64)> Builder<'_, S> {
    fn check(&self) -> Result<(), MapError> {
        let mut all = self.memory.iter();
        all.try_for_each(|&region| {
            if region.end() > self.shape.reach() {
                Err(MapError::Beyond(region))
            } else if !(region.start() | region.end()).is_multiple_of(PAGE) {
                Err(MapError::Unaligned(region))
            } else {
                Ok(())
            }
        })
    }

    fn take(&mut self) -> Result<u64, MapError> {
        let place = self.next;
        self.next = place.checked_add(PAGE).ok_or(MapError::NoRoom)?;
        (self.next <= self.end)
            .then_some(place)
            .ok_or(MapError::NoRoom)
    }

    /// All tables, each behind the one that leads to it. Without recursion: a core's stack is small.
    fn tables(&mut self) -> Result<u64, MapError> {
        let top = self.take()?;
        // By level: where the table lies, the entry that is next, what address that is for.
        let mut path = [(0u64, 0u64, 0u64); MOST_LEVELS + 1];
        let highest = usize::from(self.shape.levels).min(MOST_LEVELS);
        let mut level = highest;
        path[level] = (top, 0, 0);
        while level <= highest
            && let Some((place, index, at)) = path.get_mut(level)
        {
            if *index == ENTRIES {
                level += 1;
                continue;
            }
            let (entry, start) = (*place + *index * 8, *at);
            let span = Shape::span(level);
            let table_level = level.saturating_sub(1);
            *index += 1;
            *at = start.saturating_add(span);
            let value = match self.holds(level, start, span) {
                Holds::Nothing => 0,
                Holds::Page => self.shape.page(level, start),
                Holds::Table(is_whole) => {
                    let below = self.take()?;
                    if is_whole && self.shape.has_pages(level - 1) {
                        self.fill(below, level - 1, start);
                    } else {
                        path[level - 1] = (below, 0, start);
                        level -= 1;
                    }
                    self.shape.table(table_level, below)
                }
            };
            (self.store)(entry, value);
        }
        Ok(top)
    }

    /// A table whose memory is there from end to end: most of all tables, so they are made without a look at it.
    fn fill(&mut self, place: u64, level: usize, start: u64) {
        for index in 0..ENTRIES {
            let page = self.shape.page(level, start + index * Shape::span(level));
            (self.store)(place + index * 8, page);
        }
    }

    fn holds(&self, level: usize, at: u64, span: u64) -> Holds {
        let Some(part) = Region::new(at, span) else {
            return Holds::Nothing;
        };
        let touched = || self.memory.iter().filter(|region| region.overlaps(part));
        let is_whole = touched().any(|region| region.contains_region(part));
        if touched().next().is_none() {
            Holds::Nothing
        // Level 1 is of whole pages, which `check` has seen to.
        } else if level == 1 || self.shape.has_pages(level) && is_whole {
            Holds::Page
        } else {
            Holds::Table(is_whole)
        }
    }
}

/// What an entry is for.
enum Holds {
    Nothing,
    Page,
    /// And whether all that it leads to is there.
    Table(bool),
}
