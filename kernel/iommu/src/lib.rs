//! IOMMUs: what keeps a device from memory that is not its owner's.
//!
//! [`Iommus::read`] takes from firmware's DMAR (Intel VT-d) or IVRS (AMD-Vi) which units there are, and
//! which memory firmware wants some devices to keep reaching. [`Routes`] tells by which unit a
//! function's requests go, and under whose name ([`requesters`]). [`Fabric`] has the units do it.
//!
//! Firmware's tables are not trusted: each parser is bounded by the bytes it was given and by a cap on
//! the number of entries, a length that can't be true ends the walk, and what is wrong is a
//! [`Problem`].
//!
//! Cited as "VT-d": Intel Virtualization Technology for Directed I/O 4.1; "AMD": AMD I/O
//! Virtualization Technology (IOMMU) Specification 3.08.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod amd;
mod dmar;
mod fabric;
mod find;
mod ivrs;
mod names;
mod pages;
mod physical;
mod requester;
mod route;
mod structures;
mod turn;
pub mod vtd;

pub use bulkhead_firmware::Problem;
pub use fabric::{Buses, Fabric, Unusable};
pub use find::{Iommus, Kind, Reserved, Unit, Who};
pub use ivrs::IdRange;
pub use pages::{MapError, Shape, build, needs};
pub use physical::Physical;
pub use requester::{Requester, named_elsewhere, requesters};
pub use route::Routes;
pub use vtd::Fault;

/// A place that firmware names by a way down through bridges (VT-d §8.3.1, device scope).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// What is there.
    pub kind: ScopeKind,
    /// For an I/O APIC its ID, for an HPET its number.
    pub enumeration: u8,
    /// The bus that the way begins on.
    pub bus: u8,
    /// Device and function: of each bridge on the way, and at last of what is meant.
    pub path: alloc::vec::Vec<(u8, u8)>,
}

/// What a [`Scope`] leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// A function that is no bridge.
    Endpoint,
    /// A bridge, and with it all that is below.
    Bridge,
    /// An I/O APIC, which has no function of its own.
    IoApic,
    /// A timer that interrupts by message.
    Hpet,
    /// A device that only ACPI names.
    Named,
}
