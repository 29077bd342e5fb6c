//! Why a claim can't be launched.

use alloc::string::String;
use core::fmt;

use bulkhead_iommu::MapError;
use bulkhead_linux::cmdline::CmdlineError;
use bulkhead_linux::{E820Error, PlacementError};
use bulkhead_memory::Region;
use bulkhead_model::{ImageError, Key};
use bulkhead_pci::Address;

/// Why a claim can't be launched. Displays as the sentence that the shell prints.
#[derive(Clone, Debug, PartialEq)]
pub enum LaunchError {
    /// Wrong kernel.
    Kernel(ImageError),
    /// Wrong initrd.
    Initrd(ImageError),
    /// Wrong command line.
    Cmdline(CmdlineError),
    /// Wrong command line in a UKI, whose own counts where none is given.
    UkiCmdline {
        /// The image.
        image: String,
        /// What is wrong with it.
        error: CmdlineError,
    },
    /// All its memory lies above 4 GiB, where a kernel can't be started.
    NothingLow,
    /// Kernel, initrd and tables don't fit into the memory.
    Placement(PlacementError),
    /// The partition's memory map does not fit into the zero page.
    MemoryMap(E820Error),
    /// A part of the firmware block is larger than the room laid out for it.
    Oversized {
        /// Which part.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The room for it in bytes.
        room: u64,
    },
    /// There is no IOMMU, or it is not used.
    NoIommu,
    /// A function's requests go by no IOMMU.
    Unserved {
        /// Which.
        function: Address,
    },
    /// Firmware has a function reach memory that is not its owner's.
    Pinned {
        /// Which.
        function: Address,
        /// The memory.
        region: Region,
    },
    /// A function's requests come under a name on a bus that is not given with its own.
    Elsewhere {
        /// Which.
        function: Address,
        /// The name.
        name: Address,
    },
    /// The IOMMU can't have such tables.
    Domain(MapError),
    /// An offset into the runtime-service code lies outside of it: a bug of Bulkhead's.
    RuntimeCode {
        /// The offset.
        offset: usize,
        /// Size of the code in bytes.
        bytes: usize,
    },
}

impl LaunchError {
    /// The part of the definition that is at fault; `None` if no part of it is.
    #[must_use]
    pub const fn key(&self) -> Option<Key> {
        match self {
            Self::Kernel(_) | Self::UkiCmdline { .. } => Some(Key::Kernel),
            Self::Initrd(_) => Some(Key::Initrd),
            Self::Cmdline(_) => Some(Key::Cmdline),
            Self::NothingLow | Self::Placement(_) | Self::MemoryMap(_) => Some(Key::Memory),
            Self::NoIommu
            | Self::Unserved { .. }
            | Self::Pinned { .. }
            | Self::Elsewhere { .. }
            | Self::Domain(_) => Some(Key::Isolation),
            Self::Oversized { .. } | Self::RuntimeCode { .. } => None,
        }
    }

    /// The parameter of the command line that is at fault.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Cmdline(error) => error.parameter(),
            _ => None,
        }
    }
}

impl LaunchError {
    /// Why devices can't be isolated, without what is accepted instead; nothing of other errors.
    fn wall(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIommu => f.write_str("no IOMMU is in use (\"devices\" tells why)"),
            Self::Unserved { function } => {
                write!(f, "the requests of {function} go by no IOMMU")
            }
            Self::Pinned { function, region } => write!(
                f,
                "firmware has {function} reach {region}, which no partition has"
            ),
            Self::Elsewhere { function, name } => {
                write!(
                    f,
                    "the requests of {function} come under the name of {name}"
                )
            }
            Self::Domain(error) => write!(f, "{error}"),
            _ => Ok(()),
        }
    }
}

/// Why devices can't be isolated. Displays as part of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct NoWall(pub(crate) LaunchError);

impl fmt::Display for NoWall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.wall(f)
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(error) | Self::Initrd(error) => error.fmt(f),
            Self::Cmdline(error) => error.fmt(f),
            Self::UkiCmdline { image, error } => write!(
                f,
                "the .cmdline of image \"{image}\": {error} (replaced by: cmdline=\"...\")"
            ),
            Self::NothingLow => {
                f.write_str("some of the memory has to lie below 4 GiB for this kernel")
            }
            Self::Placement(error) => error.fmt(f),
            Self::MemoryMap(error) => error.fmt(f),
            Self::Oversized { what, bytes, room } => {
                write!(f, "{what} of {bytes} bytes don't fit into {room} bytes")
            }
            Self::NoIommu
            | Self::Unserved { .. }
            | Self::Pinned { .. }
            | Self::Elsewhere { .. }
            | Self::Domain(_) => {
                self.wall(f)?;
                f.write_str(" (accepted: isolation=bare, isolation=default)")
            }
            Self::RuntimeCode { offset, bytes } => write!(
                f,
                "offset {offset} lies outside of the runtime services of {bytes} bytes"
            ),
        }
    }
}

impl core::error::Error for LaunchError {}

impl From<PlacementError> for LaunchError {
    fn from(error: PlacementError) -> Self {
        Self::Placement(error)
    }
}

impl From<E820Error> for LaunchError {
    fn from(error: E820Error) -> Self {
        Self::MemoryMap(error)
    }
}
