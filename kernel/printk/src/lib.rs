//! What a stock Linux's kernel has printed, read out of its memory from outside: by whoever owns that
//! memory, while that Linux runs and when it is dead. It knows nothing of it.
//!
//! ```text
//! VMCOREINFO   a page of text somewhere in its RAM, which names the addresses and layouts of its own
//!              version ([`find`])
//! -> Info      those that are needed ([`info`])
//! -> Ring      `prb`, its printk ring buffer, through its own page tables ([`ring`])
//! -> lines     as its console would show them ([`Ring::lines`]), and why it panicked ([`Ring::panic`])
//! ```
//!
//! [`Source`] is all of it for one partition, with what was kept of its last runs; a [`Follower`] reads it
//! as it is printed.
//!
//! Nothing that is read is trusted: every address must lie in the partition's RAM, every number has
//! bounds, every loop ends. A Linux that lies gets lies shown, and nothing else comes of it.
//!
//! Source: Linux, `Documentation/admin-guide/kdump/vmcoreinfo.rst`, `kernel/printk/printk_ringbuffer.c`
//! (5.10 and later), `arch/x86/kernel/vmcore_info_64.c`.
#![no_std]
#![forbid(unsafe_code)]

mod address;
mod direct;
mod find;
mod follow;
mod info;
pub mod kept;
mod lines;
mod position;
mod ring;
mod source;
mod text;

pub use address::Root;
pub use direct::direct_map;
pub use find::{Found, MAGIC, MOST_PAGES, Search, find, found_at};
pub use follow::{Follower, Note, PIECE_BYTES, Piece};
pub use info::Info;

pub use lines::Lines;
pub use ring::{MOST_RECORDS, Record, Records, Ring};
pub use source::Source;
pub use text::{MOST_REASON, Reason, printable};

/// The RAM of one partition.
pub trait Ram {
    /// Reads at a physical address; `None`, and anything in `into`, unless all of it is the partition's.
    /// Other cores may write there meanwhile.
    fn read(&self, at: u64, into: &mut [u8]) -> Option<()>;
}

/// A word at a physical address, in x86's order of bytes.
fn word(ram: &impl Ram, at: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    ram.read(at, &mut bytes)?;
    Some(u64::from_le_bytes(bytes))
}
