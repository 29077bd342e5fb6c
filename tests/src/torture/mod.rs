//! What a partition's root can do to a machine, one thing at a time, and who is hurt by it.
//!
//! Each case has a machine of its own: `it` on two cores does the thing, `witness` on a third counts and is
//! asked afterwards, and so is Bulkhead's shell. Two cases are controls: nothing is done, and the witness
//! is hurt from outside, which must be seen.

mod act;
mod cases;
mod look;
mod mode;
mod table;

pub use cases::{Act, Case, all};
pub use look::{Done, Verdict, run};
pub use mode::Mode;
pub use table::{Results, worse};
