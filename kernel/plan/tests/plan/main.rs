//! Claims and launch plans on a machine made up for them.

mod claims;
mod fake;
mod history;
mod launches;
mod lives;
mod places;
mod properties;
mod refusals;
