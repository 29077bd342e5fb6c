//! What a partition's root can do to a machine, one thing at a time, and who is hurt by it.
//!
//! Each case has a machine of its own: `it` on two cores does the thing, `witness` on a third counts and is
//! asked afterwards, and so is Bulkhead's shell; then both are started again. Some cases are controls: nothing is
//! done, which nobody must notice, or the witness is hurt from outside, which must be seen.

mod act;
mod case;
mod cases;
mod compare;
mod look;
mod mode;
mod table;
mod talk;
mod verdict;
mod witness;

pub use case::{Act, Case, Control};
pub use cases::all;
pub use compare::Compared;
pub use look::run;
pub use mode::Mode;
pub use table::Results;
pub use verdict::{Done, Verdict, look};
