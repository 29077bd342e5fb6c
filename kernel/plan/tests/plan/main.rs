//! Claims and launch plans on a machine made up for them.

mod claims;
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
mod refused_memory;
