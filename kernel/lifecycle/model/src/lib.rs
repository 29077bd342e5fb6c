//! The lifecycle on simulated cores that may be reset at any step, under random schedules.
//!
//! Two partitions with the control right, a victim, the shell (which may halt, hand off to a last
//! Linux, or panic), and a rescuer that only looks. Their Linuxes end, ask, hang, and reset each
//! other's cores. On the way it is checked that nothing is done that must never be; in the end,
//! that nothing is stuck and what the records say is true.

mod check;
mod cores;
mod hardware;
mod linux;
mod machine;
mod search;
mod shell;
mod telling;
mod world;

pub use search::{Search, search};
