//! Whatever is typed, pasted or read, the shell holds no more heap than `limits` says, and what is
//! beyond a limit is refused with a sentence and changes nothing.

mod lines;
mod output;
#[path = "../support/mod.rs"]
mod support;
mod watched;

/// Far more than is accepted.
const LONG: usize = 16_000;
