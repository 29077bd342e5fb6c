//! Who has what of the machine, and what exactly a launch will do: values in, values out.
//!
//! A [`Machine`] is what is there. A [`Definition`] is what the operator said of a partition.
//! The [`Ledger`] turns it into a [`Claim`] (which cores, which RAM, which console), checked
//! against the machine and every other claim and exclusive from that moment on.
//! [`Ledger::plan`] then computes a [`LaunchPlan`]: every address and every byte of a launch,
//! before anything is touched. A restart is the same plan applied again.
//!
//! Without virtualization *a partition's physical address is the machine's*, so there is one
//! kind of address throughout.
//!
//! Neighbours: `bulkhead-linux` knows the boot protocol, `bulkhead-tables` the bytes of ACPI and
//! EFI tables, `bulkhead-shell` the words; the kernel's `partition/launch.rs` applies plans.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod claim;
mod console;
mod cores;
mod definition;
mod devices;
mod error;
mod firmware;
mod history;
mod images;
mod launch;
mod layout;
mod ledger;
mod machine;
mod map;
mod memory;
mod name;
mod owners;
mod permission;
mod policy;
mod state;
mod warning;

pub use claim::Claim;
pub use console::ConsoleError;
pub use cores::CoreError;
pub use definition::{Change, Definition, MemoryRequest};
pub use devices::{DeviceError, DeviceName, DeviceNameError, Devices, Standing};
pub use error::{Key, PlanError};
pub use history::History;
pub use images::ImageError;
pub use launch::{Copy, LaunchPlan, ResidentCode, View, Write};
pub use layout::{FirmwareBlock, RUNTIME_CODE_BYTES};
pub use ledger::{Ledger, Partition};
pub use machine::{
    Com, Core, FirmwareKind, Image, ImageKind, Machine, MemoryKind, MemoryRange, Resident, Uart,
};
pub use memory::{LOW_CHUNK_BYTES, MINIMUM_MEMORY_BYTES, MemoryError};
pub use name::{MAX_NAME_BYTES, NameError};
pub use owners::{Owner, Span};
pub use policy::{
    Decision, Ending, FIRST_DELAY_MS, POWER_OFF_DELAY_MS, RESTART_LIMIT, RestartPolicy, STABLE_MS,
    counts_as_consecutive,
};
pub use state::{Event, State};
pub use warning::Warning;
