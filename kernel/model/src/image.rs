//! Images: the files that the loader brought.

use alloc::string::String;
use core::fmt;

use bulkhead_linux::{BzImage, BzImageError, FileKind, Uki, UkiError};
use bulkhead_memory::Region;

/// A file that the loader brought.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name by which claims refer to it.
    pub name: String,
    /// Where its bytes lie (its size is the file's size), pristine for ever; `None` if it has none.
    pub region: Option<Region>,
    /// What it was found to be.
    pub kind: ImageKind,
    /// What the loader's configuration says of its bytes.
    pub told: Told,
}

/// What an image is.
#[derive(Clone, Debug)]
pub enum ImageKind {
    /// A bzImage that can be launched.
    Kernel(BzImage),
    /// It has a bzImage's magic numbers but can't be launched: the reason.
    BadKernel(BzImageError),
    /// A unified kernel image that can be launched.
    Uki(Uki),
    /// A unified kernel image that can't be launched: the reason.
    BadUki(UkiError),
    /// Anything else: an initrd, a script, a mistake.
    Data(FileKind),
}

/// What whoever wrote the loader's configuration says of a file, by `size=` and `cksum=` behind its
/// name. GRUB unpacks modules by itself unless it is told not to (`module2 --nounzip`): then they
/// are not what was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// Its checksum as `cksum(1)` prints it ([`bulkhead_linux::cksum`]).
    pub cksum: Option<u32>,
    /// Which of the two was given and is not a number that it can be.
    pub unreadable: Option<ToldKey>,
}

/// What [`Told`] is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldKey {
    /// `size=`.
    Size,
    /// `cksum=`.
    Cksum,
}

impl fmt::Display for ToldKey {
    /// The key, and what it takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "size= takes the bytes of the file, in decimal digits",
            Self::Cksum => "cksum= takes what cksum(1) prints, in decimal digits below 2^32",
        })
    }
}

impl Image {
    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.region.map_or(0, Region::size)
    }

    /// The size that it should have, if that is not its size.
    #[must_use]
    pub fn wrong_size(&self) -> Option<u64> {
        self.told.bytes.filter(|bytes| *bytes != self.bytes())
    }
}
