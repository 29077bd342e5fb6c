//! What `bulkheadctl` does to a Linux that no safe crate does: memory that others write, too, and
//! requests to drivers. All unsafe code of the program is here.

mod memory;
pub mod nbd;
mod perf;
mod tap;

pub use memory::{Mapping, map};
pub use perf::Tracepoint;
pub use tap::{HEADER_BYTES, tap};
