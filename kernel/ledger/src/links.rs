//! Links: memory of two partitions that both of them have.

use alloc::string::String;
use core::fmt;

use bulkhead_memory::{Bytes, LARGE_PAGE, Region, RegionSet};
use bulkhead_model::{
    ABOVE_4G, DEFAULT_LINK, LEAST_LINK, LINK_OVERHEAD, LinkEnd, MOST_LINK, MOST_LINKS, Machine,
};

use crate::memory::LOW;
use crate::{Ledger, PlanError};

/// Why a link is not made, or not given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// Both ends are the same partition.
    Itself {
        /// Which.
        name: String,
    },
    /// They have one already.
    Linked {
        /// The two.
        names: [String; 2],
    },
    /// They have none.
    NotLinked {
        /// The two.
        names: [String; 2],
    },
    /// It has as many as it can have.
    TooMany {
        /// Which.
        name: String,
    },
    /// No link has that size.
    Size {
        /// In bytes.
        size: u64,
    },
    /// There is no free memory of that size.
    NoRoom {
        /// In bytes, with what a link takes beside its memory.
        size: u64,
        /// The largest piece that there is.
        largest: Option<Region>,
    },
    /// It can't be undefined while it is linked.
    Held {
        /// Which.
        name: String,
        /// To whom.
        peer: String,
    },
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself { name } => write!(
                f,
                "\"{name}\" can't be linked to itself (accepted: the names of two partitions)"
            ),
            Self::Linked { names: [a, b] } => write!(
                f,
                "\"{a}\" and \"{b}\" are linked already (accepted: unlink {a} {b})"
            ),
            Self::NotLinked { names: [a, b] } => write!(f, "\"{a}\" and \"{b}\" are not linked"),
            Self::TooMany { name } => {
                write!(
                    f,
                    "\"{name}\" has {MOST_LINKS} links, and no more are possible"
                )
            }
            Self::Size { size } => write!(
                f,
                "a link of {} is not possible (accepted: {} to {}, in steps of {})",
                Bytes(*size),
                Bytes(LEAST_LINK),
                Bytes(MOST_LINK),
                Bytes(LARGE_PAGE)
            ),
            Self::NoRoom { size, largest } => {
                write!(f, "no free {} for a link", Bytes(*size))?;
                match largest {
                    Some(region) => {
                        let (size, start) = (Bytes(region.size()), region.start());
                        write!(f, " (largest free: {size} at {start:#x})")
                    }
                    None => write!(f, " (nothing is free)"),
                }
            }
            Self::Held { name, peer } => write!(
                f,
                "\"{name}\" is linked to \"{peer}\" and can't be undefined (accepted: unlink {name} {peer})"
            ),
        }
    }
}

impl core::error::Error for LinkError {}

impl From<LinkError> for PlanError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl Ledger {
    /// Links two partitions that are not live: the memory is both's from now on, and holds what its last
    /// users left there. `size` is in bytes. `give_up` is told a number, and sees to it that nothing is
    /// launched by that one's present claim any more; `false` if something has been already.
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn link(
        &mut self,
        machine: &Machine,
        names: [&str; 2],
        size: Option<u64>,
        give_up: impl FnMut(usize) -> bool,
    ) -> Result<Region, PlanError> {
        let size = size.unwrap_or(DEFAULT_LINK);
        if !size.is_multiple_of(LARGE_PAGE) || !(LEAST_LINK..=MOST_LINK).contains(&size) {
            return Err(LinkError::Size { size }.into());
        }
        let pair = self.two(names)?;
        self.both_rest(pair, "linked")?;
        if self.place(names).is_some() {
            let names = names.map(String::from);
            return Err(LinkError::Linked { names }.into());
        }
        for name in names {
            if self.get(name)?.claim.links.len() >= MOST_LINKS {
                return Err(LinkError::TooMany { name: name.into() }.into());
            }
        }
        let size = size + LINK_OVERHEAD;
        let free = self.free_memory(machine);
        let region = find(&free, size).ok_or_else(|| LinkError::NoRoom {
            size,
            largest: largest(&free),
        })?;
        self.release(pair, "linked", give_up)?;
        for (index, peer, is_second) in [(pair[0], names[1], false), (pair[1], names[0], true)] {
            self.claim_mut(index).links.push(LinkEnd {
                peer: peer.into(),
                is_second,
                region,
            });
        }
        Ok(region)
    }

    /// Gives a link of two partitions up that are not live; `give_up` as for [`link`](Self::link).
    ///
    /// # Errors
    /// [`PlanError`] says why not.
    pub fn unlink(
        &mut self,
        names: [&str; 2],
        give_up: impl FnMut(usize) -> bool,
    ) -> Result<(), PlanError> {
        let pair = self.two(names)?;
        // Said before that one of them runs: ending it would help nobody.
        let region = self.place(names).ok_or_else(|| LinkError::NotLinked {
            names: names.map(String::from),
        })?;
        self.both_rest(pair, "unlinked")?;
        self.release(pair, "unlinked", give_up)?;
        for index in pair {
            let links = &mut self.claim_mut(index).links;
            links.retain(|end| end.region != region);
        }
        self.orphan(region);
        Ok(())
    }

    /// Where the link of two partitions is.
    fn place(&self, [a, b]: [&str; 2]) -> Option<Region> {
        let links = &self.find(a)?.claim.links;
        Some(links.iter().find(|end| end.peer == b)?.region)
    }

    /// The places of two partitions.
    fn two(&self, [a, b]: [&str; 2]) -> Result<[usize; 2], PlanError> {
        let pair = [self.index(a)?, self.index(b)?];
        if a == b {
            return Err(LinkError::Itself { name: a.into() }.into());
        }
        Ok(pair)
    }

    /// Both are at rest.
    fn both_rest(&self, pair: [usize; 2], action: &'static str) -> Result<(), PlanError> {
        pair.into_iter()
            .try_for_each(|index| self.resting(index, action).map(drop))
    }

    /// Nothing is launched by the claims that they have. A plan that is gone for one of them alone is made
    /// again.
    fn release(
        &self,
        pair: [usize; 2],
        action: &'static str,
        mut give_up: impl FnMut(usize) -> bool,
    ) -> Result<(), PlanError> {
        for index in pair {
            let partition = self.resting(index, action)?;
            if !give_up(partition.id) {
                return Err(crate::ledger::launching(partition, action));
            }
        }
        Ok(())
    }
}

/// Where it may lie: below 4 GiB memory is scarce.
fn find(free: &RegionSet, size: u64) -> Option<Region> {
    let windows = [ABOVE_4G, LOW].into_iter();
    windows
        .filter_map(|window| free.within(window).lowest_fit(size, LARGE_PAGE))
        .next()
}

fn largest(free: &RegionSet) -> Option<Region> {
    let usable = free
        .iter()
        .filter_map(|region| region.align_inward(LARGE_PAGE));
    usable.max_by_key(|region| region.size())
}
