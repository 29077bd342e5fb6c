//! What is there, and what was said of it: values that everything else reads.
//!
//! A [`Machine`] is what is there. A [`Definition`] is what the operator said of a partition, and a
//! [`Claim`] what it has been given. [`State`], [`End`] and [`RestartPolicy`] are the words for
//! how it lives.
//!
//! Without virtualization *a partition's physical address is the machine's*, so there is one
//! kind of address throughout.
//!
//! Neighbours: `bulkhead-launch` makes a launch's plan from a claim; `bulkhead-ledger` decides who
//! is given what.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
pub mod budget;
mod claim;
mod definition;
mod devices;
mod image;
mod images;
mod interrupts;
mod isolation;
mod key;
mod life;
mod link;
mod machine;
pub mod map;
mod name;
mod nodes;
mod policy;
mod warning;

pub use address::{ABOVE_4G, BELOW_4G, PHYSICAL, window};
pub use claim::Claim;
pub use definition::{Change, Definition, MAX_CONTROLLED, MemoryRequest, Right, WATCHDOG_SECONDS};
pub use devices::{DeviceName, DeviceNameError, Devices};
pub use image::{Image, ImageKind, Told, ToldKey};
pub use images::{Boot, ImageError, initrd_bytes, padded};
pub use interrupts::Lead;
pub use isolation::{Iommu, Isolation};
pub use key::Key;
pub use life::{End, Life, Ram, State};
pub use link::{
    DEFAULT_LINK, LEAST_LINK, LINK_OVERHEAD, LINK_TABLES, LinkEnd, MOST_LINK, MOST_LINKS,
};
pub use machine::{Com, Core, FirmwareKind, Machine, Resident, Uart};
pub use map::{MemoryKind, MemoryRange};
pub use name::{ACCEPTED_NAMES, MAX_NAME_BYTES, NameError, check as check_name};
pub use nodes::{MOST_NODES, Node};
pub use policy::{
    Decision, FIRST_DELAY_MS, POWER_OFF_DELAY_MS, RESTART_LIMIT, RestartPolicy, STABLE_MS,
};
pub use warning::Warning;
