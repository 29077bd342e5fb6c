//! One half-open range of physical addresses.

use core::fmt;

/// A non-empty half-open range `[start, end)` of physical addresses, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    start: u64,
    end: u64,
}

impl Region {
    /// The region of `size` bytes at `start`; `None` if it is empty or would wrap.
    #[must_use]
    pub const fn new(start: u64, size: u64) -> Option<Self> {
        match start.checked_add(size) {
            Some(end) if size > 0 => Some(Self { start, end }),
            _ => None,
        }
    }

    /// The region `[start, end)`; `None` unless `start < end`.
    #[must_use]
    pub const fn from_bounds(start: u64, end: u64) -> Option<Self> {
        if start < end {
            Some(Self { start, end })
        } else {
            None
        }
    }

    /// First byte.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// One past the last byte.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end
    }

    /// Length in bytes; never 0.
    #[must_use]
    pub const fn size(self) -> u64 {
        self.end - self.start
    }

    /// Whether `address` lies inside.
    #[must_use]
    pub const fn contains(self, address: u64) -> bool {
        self.start <= address && address < self.end
    }

    /// Whether all of `other` lies inside.
    #[must_use]
    pub const fn contains_region(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the two share a byte.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// What the two share.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::from_bounds(self.start.max(other.start), self.end.min(other.end))
    }

    /// The largest part whose bounds are multiples of `align` (a power of two).
    #[must_use]
    pub fn align_inward(self, align: u64) -> Option<Self> {
        let start = self.start.checked_add(align - 1)? & !(align - 1);
        Self::from_bounds(start, self.end & !(align - 1))
    }

    /// The smallest enclosing region whose bounds are multiples of `align` (a power of two);
    /// the end saturates at the top of the address space.
    #[must_use]
    pub fn align_outward(self, align: u64) -> Self {
        let end = self
            .end
            .checked_add(align - 1)
            .map_or(u64::MAX, |e| e & !(align - 1));
        Self {
            start: self.start & !(align - 1),
            end,
        }
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `0x40000000-0x5fffffff`: inclusive bounds, as Linux prints them.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}-{:#x}", self.start, self.end - 1)
    }
}
