//! The shell's serial port: a 16550-compatible UART that is polled, and what it receives.
//!
//! [`Uart`] drives one over [`Registers`], which the kernel lends: I/O ports or memory. What it
//! receives goes into a [`Ring`]; when that fills up, the other side is asked to wait.
//! Nothing here waits by itself or can be made to loop by a device: every loop has a bound.
//!
//! Names of registers and of their bits are those of the `uart_16550` crate. Its driver is not
//! used: it waits without a limit for a transmitter that may be dead, raises OUT2 (which puts a
//! polled port onto an interrupt line that a partition may own), takes divisors only that come
//! out even, and does not tell which byte an error belongs to.

mod outlet;
mod ring;
mod speed;
mod uart;

pub use outlet::Outlet;
pub use ring::Ring;
pub use speed::{PC_CLOCK, Speed, SpeedError};
pub use uart::{Counts, Registers, Uart, XOFF, XON, is_present};
