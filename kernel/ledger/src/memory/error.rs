//! Why memory can't be claimed, and who has it instead.

use core::fmt;

use alloc::string::String;

use bulkhead_launch::LaunchError;
use bulkhead_memory::{Bytes, Region};
use bulkhead_model::{Machine, MemoryRequest};

use super::MINIMUM_MEMORY_BYTES;
use super::choice::MOST_PIECES;
use crate::low::LOW_CHUNK_BYTES;
use crate::owners::{self, Owner};
use crate::{Partition, PlanError};

/// Why memory can't be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// A size that is 0 or not a multiple of 2 MiB.
    UnalignedSize {
        /// It, in bytes.
        size: u64,
    },
    /// An address that is not a multiple of 2 MiB.
    UnalignedAddress {
        /// It.
        address: u64,
    },
    /// All requests together are less than [`MINIMUM_MEMORY_BYTES`].
    TooLittle {
        /// Their sum in bytes.
        total: u64,
    },
    /// A region that runs past the last address.
    BeyondAddresses {
        /// Where it starts.
        start: u64,
        /// Its size in bytes.
        size: u64,
    },
    /// Another partition has some of it.
    Overlaps {
        /// What was asked for.
        region: Region,
        /// That partition.
        owner: String,
    },
    /// Bulkhead keeps some of it.
    Kept {
        /// What was asked for.
        region: Region,
        /// What for.
        what: String,
    },
    /// Some of it is not RAM.
    NotRam {
        /// What was asked for.
        region: Region,
        /// The first address that is not RAM.
        address: u64,
    },
    /// It reaches into the first MiB.
    FirstMegabyte {
        /// What was asked for.
        region: Region,
    },
    /// The partition asks for some of it twice.
    Repeated {
        /// What was asked for.
        region: Region,
    },
    /// That much is not free, in however many pieces one request may be found.
    NoFit {
        /// How much was asked for, in bytes.
        size: u64,
        /// Whether a piece has to lie below 4 GiB for its kernel.
        needs_low: bool,
        /// The largest free region below 4 GiB.
        low: Option<Region>,
        /// The largest free region above 4 GiB.
        high: Option<Region>,
    },
    /// All of it would lie above 4 GiB, where its kernel can't be started.
    NothingLow,
    /// There is no more memory below 640 KiB.
    NoLowChunk,
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnalignedSize { size } => {
                let (size, least) = (Bytes(*size), Bytes(MINIMUM_MEMORY_BYTES));
                write!(
                    f,
                    "memory size {size} is not a multiple of 2M (accepted: multiples of it, {least} or more in all)"
                )
            }
            Self::UnalignedAddress { address } => {
                write!(f, "memory address {address:#x} is not a multiple of 2M")
            }
            Self::TooLittle { total } => write!(
                f,
                "{} is too little memory (at least {})",
                Bytes(*total),
                Bytes(MINIMUM_MEMORY_BYTES)
            ),
            Self::BeyondAddresses { start, size } => write!(
                f,
                "memory {}@{start:#x} runs past the last address",
                Bytes(*size)
            ),
            Self::Overlaps { region, owner } => write!(f, "memory {region} overlaps \"{owner}\""),
            Self::Kept { region, what } => {
                write!(f, "memory {region} is kept by Bulkhead ({what})")
            }
            Self::NotRam { region, address } => {
                write!(f, "memory {region} is not RAM at {address:#x}")
            }
            Self::FirstMegabyte { region } => {
                write!(
                    f,
                    "memory {region} reaches below 1M, which all partitions share"
                )
            }
            Self::Repeated { region } => {
                write!(f, "memory {region} is asked for more than once")
            }
            Self::NoFit {
                size,
                needs_low,
                low,
                high,
            } => {
                write!(f, "no free {} in {MOST_PIECES} pieces", Bytes(*size))?;
                if *needs_low {
                    f.write_str(", one below 4 GiB")?;
                }
                f.write_str(" (largest free below 4 GiB: ")?;
                match low {
                    Some(low) => write!(f, "{} at {:#x}", Bytes(low.size()), low.start())?,
                    None => f.write_str("none")?,
                }
                if let Some(high) = high {
                    let (size, start) = (Bytes(high.size()), high.start());
                    write!(f, ", above: {size} at {start:#x}")?;
                }
                f.write_str(")")
            }
            Self::NothingLow => LaunchError::NothingLow.fmt(f),
            Self::NoLowChunk => write!(
                f,
                "no free {} below 640K for the partition's core start-up code",
                Bytes(LOW_CHUNK_BYTES)
            ),
        }
    }
}

/// An allocation that did not succeed, before it is known whose fault it is.
#[derive(Debug)]
pub(crate) struct Failure {
    request: Option<usize>,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Known(MemoryError),
    NotFree(Region),
}

impl Failure {
    /// The request with that index is at fault.
    pub(super) fn of(request: usize, error: MemoryError) -> Self {
        Self::of_all(error).at(request)
    }

    /// The requests together are at fault.
    pub(super) fn of_all(error: MemoryError) -> Self {
        Self {
            request: None,
            why: Why::Known(error),
        }
    }

    /// Somebody has some of `region`, or it is not RAM.
    pub(super) fn not_free(region: Region) -> Self {
        Self {
            request: None,
            why: Why::NotFree(region),
        }
    }

    pub(super) fn at(self, request: usize) -> Self {
        Self {
            request: Some(request),
            ..self
        }
    }

    /// Finds out whose fault it is.
    pub(crate) fn explain<'a>(
        self,
        requests: &[MemoryRequest],
        machine: &'a Machine,
        others: impl Iterator<Item = &'a Partition> + Clone,
    ) -> PlanError {
        PlanError::Memory {
            request: self.request.and_then(|index| requests.get(index)).copied(),
            error: match self.why {
                Why::Known(error) => error,
                Why::NotFree(region) => blame(region, machine, others),
            },
        }
    }
}

/// Who or what keeps `region` from being free.
fn blame<'a>(
    region: Region,
    machine: &'a Machine,
    others: impl Iterator<Item = &'a Partition> + Clone,
) -> MemoryError {
    let spans = owners::spans(machine, others);
    let inside = || spans.iter().filter(|span| span.region.overlaps(region));
    let mut end = region.start();
    for span in inside() {
        let is_ram = !matches!(span.owner, Owner::Firmware(_));
        if is_ram && span.region.start() <= end {
            end = span.region.end();
        }
    }
    if end < region.end() {
        return MemoryError::NotRam {
            region,
            address: end,
        };
    }
    let culprit = inside().find_map(|span| match span.owner {
        Owner::Partition(owner) => Some(MemoryError::Overlaps {
            region,
            owner: owner.into(),
        }),
        Owner::Link([owner, _]) => Some(MemoryError::Overlaps {
            region,
            owner: owner.into(),
        }),
        Owner::Bulkhead(what) => Some(MemoryError::Kept {
            region,
            what: what.into(),
        }),
        Owner::Firmware(_) | Owner::Free | Owner::Shared => None,
    });
    culprit.unwrap_or(MemoryError::NotRam {
        region,
        address: region.start(),
    })
}
