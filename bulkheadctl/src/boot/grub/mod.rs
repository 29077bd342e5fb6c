//! GRUB's script language, as far as a `grub.cfg` needs it to say what there is to boot.
//!
//! A script is run and not searched: which entry is the default, what is booted once and what then is written
//! down are said by `if`, variables and functions, differently in each distribution. Commands that set up a
//! screen or read file systems do nothing here. Source: GRUB's manual, "Writing full configuration files
//! directly", and `grub-core/script/`.

mod builtin;
mod choice;
mod interpret;
mod item;
mod lexer;
mod parser;
#[cfg(test)]
pub(crate) mod tests;
mod truth;

pub use choice::{Path, default_of, fallbacks_of};
pub use interpret::Script;
pub use item::Item;

/// A script's bytes.
const MOST_SCRIPT: usize = 1 << 20;
/// Statements that are carried out in one run.
const MOST_STEPS: usize = 100_000;
/// Blocks in blocks, functions in functions, scripts in scripts.
const MOST_DEPTH: usize = 24;
/// A value's bytes.
const MOST_VALUE: usize = 8 << 10;
/// Entries and submenus together.
const MOST_ITEMS: usize = 512;
