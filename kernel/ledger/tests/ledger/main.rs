//! Claims and what follows from them, on a machine made up for them.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what the tests cast is made up here and fits"
)]

mod boards;
mod claims;
mod devices;
mod every_two;
mod groups;
mod handoffs;
mod history;
mod io_apics;
mod lines;
mod links;
mod lives;
mod low;
mod nodes;
mod places;
mod properties;
mod refusals;
mod refused_devices;
mod refused_memory;
mod standings;
