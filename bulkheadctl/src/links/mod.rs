//! Links: memory that this Linux shares with another partition's, and what is made of it.
//!
//! A link is a PCI function ([`find`]). Its memory is mapped by `/dev/mem`, and so cached as RAM is: by the
//! function's own files in sysfs it would not be. Both ends run this program; what the other one writes is
//! not trusted (`bulkhead-rings`).

mod bell;
pub mod disk;
pub mod find;
pub mod net;
mod post;
mod rest;

use std::fs::OpenOptions;
use std::sync::atomic::AtomicU64;

use bulkhead_model::LINK_TABLES;

use crate::inside::link::Trouble;
use find::End;

/// What of a link's memory is for what: each has half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Frames of a network.
    Net,
    /// Blocks of a disk.
    Disk,
}

impl Half {
    /// Which of the interrupts of a link is its.
    const fn interrupt(self) -> usize {
        match self {
            Self::Net => 0,
            Self::Disk => 1,
        }
    }
}

/// Maps that half of a link's memory.
///
/// # Errors
/// A sentence says why not.
pub fn map(end: &End, half: Half) -> Result<&'static [AtomicU64], Trouble> {
    const PAGE: u64 = 4096;
    let (start, size) = end.told.window;
    let bytes = (size.saturating_sub(LINK_TABLES) / 2) & !(PAGE - 1);
    let offset = LINK_TABLES + if half == Half::Disk { bytes } else { 0 };
    let length = usize::try_from(bytes).unwrap_or(0);
    mapped(start.saturating_add(offset), length)
}

/// Maps memory of a link, cached.
fn mapped(place: u64, length: usize) -> Result<&'static [AtomicU64], Trouble> {
    let failed = |error: std::io::Error| Trouble::Missing(format!("/dev/mem: {error}"));
    let open = OpenOptions::new().read(true).write(true).open("/dev/mem");
    let file = open.map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            Trouble::Denied(String::from("/dev/mem can't be opened (accepted: root)"))
        }
        _ => failed(error),
    })?;
    bulkheadctl_rim::map(&file, place, length).map_err(failed)
}
