//! Claims and launch plans on a machine made up for them.

mod board;
mod claims;
mod device_views;
mod devices;
mod fake;
mod handoffs;
mod history;
mod launches;
mod lives;
mod maps;
mod places;
mod policies;
mod properties;
mod refusals;
mod refused_devices;
mod refused_memory;
mod standings;
