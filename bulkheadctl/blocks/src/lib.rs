//! A disk of one side as a block device of the other, over a channel that carries records, and loses what was
//! under way when a side begins again.
//!
//! The [server](Server) has the disk. The [client](Client) has a kernel before it that speaks [`nbd`]: it
//! cuts its requests into pieces of a record each, and keeps each piece until it is answered, so that it
//! can be asked again. Neither trusts the other: a server checks every range, and a client takes only
//! what answers a piece that it has asked for. [`wire`] is what they say.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod client;
pub mod nbd;
mod server;
pub mod wire;

pub use client::{Client, Taken};
pub use server::{Server, Store};

/// Bytes of a sector: sizes and ranges are multiples of it.
pub const SECTOR: u64 = 512;
/// Bytes of data in a record.
pub const MOST_DATA: usize = 64 << 10;
/// Longest record.
pub const MOST_RECORD: usize = wire::REQUEST_BYTES + MOST_DATA;
