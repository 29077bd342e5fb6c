//! Behind which wall it is done.

use std::fmt;

/// `isolation=` of the partition that does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On a machine without an IOMMU.
    Bare,
    /// On one with an IOMMU.
    Dma,
}

impl Mode {
    /// All of them, as columns of the table.
    pub const ALL: [Self; 2] = [Self::Bare, Self::Dma];

    /// The one of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.to_string() == name)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare",
            Self::Dma => "dma",
        })
    }
}
