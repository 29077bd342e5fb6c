//! A PS/2 keyboard and its controller (8042), polled, without the hardware.
//!
//! ```text
//! Ports -> controller (bytes, acknowledgements) -> pc-keyboard (keys, layout) -> Input
//! ```
//!
//! [`Input`] is what a terminal would send for the key, so that the shell needs one decoder for
//! the serial line and the keyboard. Nothing here waits long: a keyboard that is not there, or
//! does not answer, costs some 25 ms once.
//!
//! Key types: [`Keyboard`], [`Ports`], [`Input`], [`Keymap`]. Neighbour: the kernel's
//! `console/keyboard.rs` has the ports.

mod controller;
mod device;
mod input;
mod keymap;
mod table;

pub use controller::Ports;
pub use device::Keyboard;
pub use input::{Input, LONGEST};
pub use keymap::Keymap;
