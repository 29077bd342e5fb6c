//! A disk over a channel: both ends, either of which begins again, and each with a liar at the other end.

mod common;
mod liars;
mod restarts;
mod ranges;
