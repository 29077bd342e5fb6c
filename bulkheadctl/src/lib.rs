//! `bulkheadctl`: a machine that Bulkhead partitions, seen and run from one of its Linuxes ([`inside`]); and
//! what Bulkhead would make of a machine, said by any Linux that runs on it.
//!
//! ```text
//! /sys, /proc, CPUID -> live -> scrub -> Pack <-> a tar file
//!                                          |
//!              acpi, config (as hardware) -+-> board -> Machine -> the real shell -> survey, check
//! ```
//!
//! The crates are those of the kernel; only what touches hardware is stood in for. Nothing is changed on
//! the machine, and a file that comes from elsewhere is not trusted.
#![forbid(unsafe_code)]

pub mod acpi;
pub mod board;
pub mod boot;
pub mod bounded;
pub mod commands;
pub mod config;
mod cpuinfo;
pub mod findings;
pub mod inside;
mod iommu;
#[path = "../../kernel/src/layout.rs"]
#[expect(
    dead_code,
    reason = "the kernel's own limits, of which a few are needed here"
)]
mod layout;
pub mod links;
pub mod live;
pub mod operator;
pub mod pack;
mod places;
pub mod processors;
pub mod scrub;
pub mod secrets;
pub mod standing;
pub mod suggest;
pub mod survey;
