//! USB keyboards behind an xHCI controller, polled, without the hardware: for the shell, on machines
//! that have no PS/2 controller.
//!
//! ```text
//! Io -> registers, rings (TRBs) -> commands, control transfers -> jobs: attach, hub ports, lights
//!                               -> reports of keyboards -> Key
//! ```
//!
//! [`Host::poll`] does what can be done now and returns; nothing waits. Whatever takes time (a
//! reset, a device's answer) is a step of a job with a time limit. What a device says is outside
//! data: descriptors and reports are read within their bounds, and a device that answers nonsense is
//! passed over.
//!
//! Only what keyboards need is here: ports of USB 2 (no keyboard is a `SuperSpeed` device, and a USB 3
//! hub is a USB 2 hub as well), control and interrupt transfers, the boot protocol, hubs.
//!
//! Cited as "xHCI": eXtensible Host Controller Interface 1.2; "USB": Universal Serial Bus 2.0;
//! "HID": Device Class Definition for Human Interface Devices 1.11.
//!
//! [`Keyboards`] drives the controllers of a machine as they come and go with the partitions that have them,
//! and has `bulkhead_terminal::keyboard` make input of each [`Key`].
//!
//! Neighbours: the kernel's `usb` implements [`Io`] and [`Controller`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod attach;
mod begin;
mod command;
mod context;
mod descriptor;
mod device;
mod event;
mod host;
mod hub;
mod io;
mod job;
mod keyboards;
mod layout;
mod port;
mod register;
mod report;
mod request;
mod ring;
mod start;
mod trb;

pub use host::{Host, State};
pub use io::{Io, Needs, NeedsError, needs};
pub use keyboards::{Controller, Keyboards};
pub use layout::DEVICES;
pub use report::Key;
