//! The operator's terminal, each part without its hardware: what a serial line and a keyboard send
//! to the shell, and what the screen shows of its answers.
//!
//! ```text
//! serial::Uart ------.
//!                     >-- the shell --> serial::Uart, screen::Display
//! keyboard::Keyboard '
//! ```
//!
//! [`keyboard::Input`] is bytes as a serial line would carry them, so that the shell decodes one
//! kind of input. The parts do not use each other; the kernel's `console` has the ports, the
//! memory and the order in which they are asked.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod keyboard;
pub mod passage;
pub mod screen;
pub mod serial;
