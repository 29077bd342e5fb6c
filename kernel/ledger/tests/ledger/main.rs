//! Claims and what follows from them, on a machine made up for them.

mod claims;
mod devices;
mod handoffs;
mod history;
mod lives;
mod places;
mod properties;
mod refusals;
mod refused_devices;
mod refused_memory;
mod standings;
