//! What the machine's firmware says of the machine, read without trusting a byte of it.
//!
//! [`discover`] walks RSDP -> XSDT (else RSDT) -> tables and returns a [`Firmware`]: the tables
//! found, the few facts Bulkhead needs from them, and a list of [`Problem`]s. A malformed table
//! is a problem to report, never a reason to stop: every parser is bounded by the bytes it was
//! given and by a cap on the number of entries, so it can neither panic nor loop.
//!
//! Which machine it is tells [`read_identity`], by firmware's SMBIOS.
//!
//! Sections cited as "ACPI" are of the ACPI Specification 6.5.
//!
//! Neighbours: the kernel's `machine.rs` lends memory through [`PhysicalMemory`] and copies the
//! result into `bulkhead_model::Machine`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod bytes;
mod discover;
mod entries;
mod events;
mod fadt;
mod header;
mod hmat;
mod madt;
mod mcfg;
mod power;
mod problem;
mod prt;
mod root;
mod rsdp;
mod sleep;
mod slit;
mod smbios;
mod spcr;
mod srat;

pub use discover::{Firmware, discover};
pub use events::{Events, Mode, Ports};
pub use fadt::{AddressSpace, Fadt, ResetRegister};
pub use header::TableInfo;
pub use madt::{InterruptOverride, IoApic, Madt, Processor};
pub use power::Power;
pub use problem::{Note, Problem, Signature};
pub use rsdp::find_rsdp;
pub use sleep::SleepS5;
pub use slit::Distances;
pub use smbios::{Identity, find_smbios, read_identity, smbios_of_efi};
pub use spcr::{NoSerialPort, SerialFunction, SerialPort, SerialRegisters};
pub use srat::Affinity;

/// Physical memory as the parsers see it.
pub trait PhysicalMemory {
    /// The `length` bytes at physical `address`; `None` if any of them can't be reached.
    ///
    /// The parsers never ask for more than [`MAX_TABLE_BYTES`] at once.
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]>;
}

/// The longest table that is believed, in bytes; real ones are below 1 MiB.
pub const MAX_TABLE_BYTES: usize = 4 << 20;

/// Most heap that [`discover`] needs at once, in bytes, whatever the tables say; the routes of
/// interrupt pins apart.
pub const READING_BYTES: usize = 96 << 10;
