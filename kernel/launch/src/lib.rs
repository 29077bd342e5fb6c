//! What exactly a launch will do: from a claim to bytes.
//!
//! A [`Layout`] says where everything of a launch lies, as soon as there is a claim. [`plan()`] then
//! computes a [`LaunchPlan`]: every address and every byte, before anything is touched. Who else
//! has what is not known here.
//!
//! Neighbours: `bulkhead-linux` knows the boot protocol, `bulkhead-tables` the bytes of ACPI,
//! EFI and SMBIOS tables; `bulkhead-ledger` has the claims; the kernel's `partition/launch.rs` applies plans.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod domain;
mod error;
mod firmware;
mod identity;
mod images;
pub mod kexec;
mod layout;
mod links;
mod map;
mod nodes;
mod plan;
mod write;

pub use domain::{Domain, Walls};
pub use error::{LaunchError, NoWall};
pub use layout::{FirmwareBlock, Layout, RUNTIME_CODE_BYTES};
pub use nodes::told_nodes;
pub use plan::{Copy, LaunchPlan, View, plan};
pub use write::{ResidentCode, Write};
