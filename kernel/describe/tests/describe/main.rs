//! A machine is described as it was found, whatever was found.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what the tests cast is made up here and fits"
)]

mod cores;
mod dumps;
mod files;
mod machine;
mod nodes;
mod ports;
