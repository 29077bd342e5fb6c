//! The controller's registers and the memory that it shares, as this crate sees them; and how much of
//! that memory a controller needs.

use core::fmt;

use crate::layout;
use crate::register::{capability, operational};

/// One controller.
///
/// Offsets are in bytes and multiples of 4. What is not there reads as all ones or as 0, and a write
/// to it does nothing.
pub trait Io {
    /// Reads a register.
    fn read(&self, offset: u32) -> u32;
    /// Writes a register.
    fn write(&mut self, offset: u32, value: u32);
    /// Reads a dword of the shared memory.
    fn load(&self, offset: u32) -> u32;
    /// Writes a dword of the shared memory; the controller sees writes, also those of registers, in
    /// their order.
    fn store(&mut self, offset: u32, value: u32);
    /// The address at which the controller finds the shared memory: a multiple of 4096, and all of
    /// it below 4 GiB.
    fn base(&self) -> u32;
}

/// The shared memory that a controller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Pages that it wants for itself.
    pub(crate) scratch: u32,
}

impl Needs {
    /// In bytes, whole pages of 4 KiB.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        layout::bytes(self.scratch)
    }
}

/// Why a controller is passed over. Displays as the end of a sentence that begins with its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsError {
    /// Its registers read as nothing does.
    Silent,
    /// Its pages are larger than the processor's.
    Pages,
    /// It wants more pages for itself than it is given.
    Scratch(u32),
}

impl fmt::Display for NeedsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("does not answer"),
            Self::Pages => f.write_str("has no pages of 4 KiB"),
            Self::Scratch(pages) => {
                let most = layout::MOST_SCRATCH;
                write!(f, "wants {pages} pages of memory, at most {most} are given")
            }
        }
    }
}

/// What a controller needs (xHCI §4.20, §5.3): only registers that never change are read.
///
/// # Errors
/// [`NeedsError`]: it can't be used.
pub fn needs(io: &impl Io) -> Result<Needs, NeedsError> {
    let first = io.read(capability::LENGTH);
    let parameters = io.read(capability::PARAMETERS_2);
    let length = first & 0xff;
    if first == u32::MAX || length < capability::SHORTEST || !length.is_multiple_of(4) {
        return Err(NeedsError::Silent);
    }
    if io.read(length + operational::PAGE_SIZE) & 1 == 0 {
        return Err(NeedsError::Pages);
    }
    let scratch = parameters >> 21 & 0x1f_u32;
    let scratch = scratch << 5 | parameters >> 27;
    if scratch > layout::MOST_SCRATCH {
        return Err(NeedsError::Scratch(scratch));
    }
    Ok(Needs { scratch })
}
