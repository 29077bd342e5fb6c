//! A PS/2 keyboard and its controller (8042), polled, without the hardware; and what keys mean,
//! whatever keyboard they are of.
//!
//! ```text
//! Ports -> controller (bytes, acknowledgements) -> pc-keyboard (scan codes) -> Keys (layout) -> Input
//! usages of a USB keyboard -----------------------------------------------> Keys
//! ```
//!
//! [`Input`] is what a terminal would send for the key, so that the shell needs one decoder for
//! the serial line and the keyboard. Nothing here waits long: a keyboard that is not there, or
//! does not answer, costs some 25 ms once.
//!
//! Key types: [`Keyboard`], [`Polled`], [`Ports`], [`Keys`], [`Input`], [`Keymap`]. Neighbours: the kernel's
//! `console/keyboard.rs` has the ports; `bulkhead_usb` has USB keyboards.

mod controller;
mod device;
mod input;
mod keymap;
mod keys;
mod polled;
mod table;
mod usage;

pub use controller::{Ports, is_there};
pub use device::Keyboard;
pub use input::{Input, LONGEST};
pub use keymap::Keymap;
pub use keys::Keys;
pub use polled::Polled;
