//! PCI: what is there, what is claimed together, and how a claim's functions are set up before a
//! launch and quieted after an end.
//!
//! [`scan`] turns configuration space into [`Function`]s. [`unit()`] cuts a [`Unit`] out of them: a
//! bus and everything below it, which is what a claim gets. [`check`] and [`assign`] see to it
//! that every BAR has an address inside the unit's windows. A [`Grant`] is what remains of all
//! that for the running system: a flat list without names that [`Grant::prepare`] and
//! [`Grant::quiet`] go through without the heap, on a core that a crashed Linux left behind.
//!
//! [`watchdog`] stops what would reset the machine after such an end.
//!
//! Configuration space is outside data: devices vanish (all ones), lists lead in circles, bridges
//! claim nonsense. Nothing of it makes this crate panic or loop: every walk and every wait has a
//! bound, and a strange register costs the function that it is on, not the machine.
//!
//! Cited as "PCI": PCI Local Bus Specification 3.0; "PCIe": PCI Express Base Specification 5.0
//! (6.0 keeps the section numbers used here); "Bridge": PCI-to-PCI Bridge Architecture
//! Specification 1.2; "PM": PCI Bus Power Management Interface Specification 1.2.
//!
//! Neighbours: the kernel's `pci.rs` implements [`ConfigSpace`] over ECAM (the ranges come from
//! `bulkhead_firmware`'s MCFG); `bulkhead_ledger` decides who owns which unit; `bulkhead_tables`
//! describes units to their Linux.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod acs;
mod address;
mod answer;
mod assign;
mod assign_error;
mod bar;
pub mod bios_area;
mod bridge;
mod broken_reset;
mod capability;
mod config;
mod ecam;
mod function;
mod grant;
mod group;
mod intx;
pub mod leftover;
mod level;
#[cfg(test)]
mod one_register;
mod own;
pub mod poll;
mod progress;
mod quiet;
mod register;
mod scan;
mod setup;
mod stop;
mod stranger;
mod unit;
mod unit_error;
pub mod watchdog;

pub use acs::redirect;
pub use address::{Address, AddressError, Bus};
pub use answer::{Answer, answer, removal_asked};
pub use assign::{assign, check, overlooked};
pub use assign_error::{AssignError, Within};
pub use bar::{Bar, BarKind};
pub use bridge::{Bridge, Window, WindowKind};
pub use config::{Clock, ConfigSpace};
pub use ecam::EcamRange;
pub use function::{Function, PortType};
pub use grant::Grant;
pub use intx::{Route, lead, routes};
pub use own::Own;
pub use progress::{Progress, Step};
pub use quiet::Stuck;
pub use scan::{Scan, count, scan};
pub use unit::{Unit, unit};
pub use unit_error::UnitError;
