//! Intel VT-d.

mod capability;

pub use capability::Capabilities;
