//! Who has what of the machine.
//!
//! The [`Ledger`] turns a definition into a claim (which cores, which RAM, which console), checked
//! against the machine and every other claim and exclusive from that moment on. It keeps the
//! [`History`] of who used which RAM last, and with it asks `bulkhead-launch` for a launch's plan.
//! A restart is the same plan applied again.
//!
//! Neighbours: `bulkhead-model` has the machine and the definitions, `bulkhead-launch` makes the
//! plans, `bulkhead-shell` has the words.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod console;
mod cores;
mod devices;
mod error;
mod history;
mod ledger;
mod links;
mod low;
mod memory;
mod nodes;
mod owners;
mod permission;
mod resolve;

pub use console::ConsoleError;
pub use cores::CoreError;
pub use devices::{DeviceError, Standing};
pub use error::{Item, PlanError};
pub use history::{History, MOST_PIECES};
pub use ledger::{Ledger, Partition};
pub use links::LinkError;
pub use low::LOW_CHUNK_BYTES;
pub use memory::{MINIMUM_MEMORY_BYTES, MemoryError};
pub use nodes::NodeError;
pub use owners::{Owner, Span};
