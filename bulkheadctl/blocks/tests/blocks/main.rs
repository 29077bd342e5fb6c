//! A disk over a channel: both ends, either of which begins again, and each with a liar at the other end.
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers of the tests' own, which are small"
)]

mod common;
mod liars;
mod pieces;
mod ranges;
mod restarts;
