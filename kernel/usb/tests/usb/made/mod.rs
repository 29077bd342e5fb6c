//! A controller and devices made of memory.

pub(crate) mod device;
mod engine;
pub(crate) mod fake;
