//! The command shell of Bulkhead, without any hardware.
//!
//! Bytes of a terminal go in, text comes out, and in between partitions are defined, checked
//! and started through the trait [`Control`]. The same language is typed at the prompt and
//! read from the boot script; `docs/shell.md` is its manual.
//!
//! ```text
//! bytes -> line (editor) -> words -> parse (Command) -> run -> Control
//!                 ^                                      |
//!                 +------ complete              help, tables, errors with carets
//! ```
//!
//! Key types: [`Shell`], [`Control`]. Neighbours: `bulkhead-model` has the machine and
//! `bulkhead-ledger` the partitions that commands read and change; the kernel's `control.rs`
//! implements [`Control`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod asked;
mod command;
mod complete;
mod control;
mod error;
mod help;
pub mod limits;
mod line;
mod nearest;
mod options;
mod parse;
mod run;
mod script;
mod sentence;
mod settings;
mod shell;
mod values;
mod words;

pub use control::Control;
pub use help::keys;
pub use nearest::nearest;
pub use options::{Console, ConsolePlace, Options};
pub use script::ScriptStopped;
pub use shell::Shell;

#[cfg(test)]
extern crate std;

#[cfg(test)]
#[path = "../tests/support/terminal.rs"]
mod terminal;
