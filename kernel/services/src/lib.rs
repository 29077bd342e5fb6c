//! What a partition's EFI runtime services keep, as plain values: its variables ([`Store`]), the
//! time ([`clock`]; of the machine, [`timekeeper`] and [`chip`]), and the seed that each run of a Linux gets
//! ([`seed`]).
//!
//! The services themselves are in `bulkhead-lifecycle` (variables) and the kernel's
//! `partition/call.rs`; the hardware is read in `kernel/src/cpu`.
#![no_std]
#![forbid(unsafe_code)]

pub mod chip;
pub mod clock;
pub mod cmos;
mod half;
pub mod rtc;
pub mod seed;
mod store;
pub mod timekeeper;

pub use half::{Entry, Key, MAX_NAME};
pub use store::{Book, DUMP_BYTES, Fault, Held, MAX_DATA, OTHER_BYTES, STORE_BYTES, Store};
